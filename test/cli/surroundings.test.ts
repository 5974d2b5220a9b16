/** Time zone, locale and environment. */
import { expect, test } from 'vitest'
import { BIN, Workdir } from '../support/workdir.js'

test('time zone and locale change nothing', async () => {
  const dir = new Workdir()
  dir.write(
    'ny.csv',
    'datetime,open,high,low,close,volume\n2025-03-07 09:30:00,1,2,1,2,5\n2025-03-10 09:30:00,1,2,1,2,5\n',
  )
  const run = async (env: Record<string, string>) => {
    const mock = await dir.jules(['fetch', '--mock', '--days', '3'], { env })
    const file = await dir.jules(
      ['fetch', 'ny.csv', '--symbol', 'X', '--interval', '5m', '--tz', 'America/New_York'],
      { env },
    )
    return mock.stdout + file.stdout
  }
  const plain = await run({})
  expect(plain).toContain('"time":"2025-03-07T14:30:00Z"')
  expect(plain).toContain('"time":"2025-03-10T13:30:00Z"')
  expect(await run({ TZ: 'Asia/Kolkata', LC_ALL: 'tr_TR.UTF-8', LANG: 'ar_EG.UTF-8' })).toBe(plain)
  expect(await run({ TZ: 'Pacific/Apia' })).toBe(plain)
})

test('works with an empty environment', async () => {
  const dir = new Workdir()
  const { status, stdout } = await dir.shell(
    `env -i ${process.execPath} '${BIN}' fetch --mock --days 1 | wc -l`,
  )
  expect([status, stdout.trim()]).toEqual([0, '780'])
})

test('writes nothing outside of its directories', async () => {
  const dir = new Workdir()
  await dir.jules(['fetch', '--mock', '--days', '1'])
  expect(dir.list()).toEqual([])
})
