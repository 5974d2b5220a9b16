/** A model brings the rules it was trained by: they stand where nothing else was set. */
import { expect, test } from 'vitest'
import { Workdir } from '../support/workdir.js'

const TRAIN = 'jules -q train bars.ndjson --steps 128 --envs 1 --n-steps 64 --hidden 8 -o run --warmup 20'

interface Summary {
  readonly capital: number
  readonly long_only: boolean
  readonly features: string
  readonly fill: string
  readonly costs: Readonly<Record<string, unknown>>
  readonly notes: readonly string[]
}

async function trained(options: string): Promise<Workdir> {
  const dir = new Workdir()
  await dir.line('jules fetch --mock --days 20 -o bars.ndjson')
  const { stderr } = await dir.line(`${TRAIN} ${options}`)
  expect(stderr.replace(/^.*warning.*\n/gm, '')).toBe('')
  return dir
}

async function summary(dir: Workdir, options = '', env: Record<string, string> = {}): Promise<Summary> {
  const { stdout, stderr } = await dir.line(
    `jules backtest bars.ndjson --policy model:run --records summary --warmup 20 ${options}`,
    { env },
  )
  expect([stderr, stdout === '']).toEqual([stderr, false])
  return JSON.parse(stdout) as Summary
}

const overridden = ({ notes }: Summary) => notes.filter((note) => note.includes('the model was trained with'))

test('every rule of the model is that of the run', async () => {
  const dir = await trained(
    '--capital 9000 --shares 3 --fill close --commission none --cost-bps 2 --half-spread-bps 3 --features classic --long-only',
  )
  const found = await summary(dir)
  expect(found).toMatchObject({
    capital: 9000,
    long_only: true,
    features: 'classic',
    fill: 'close',
    costs: { commission: 'none', cost_bps: 2, half_spread_bps: 3 },
  })
  expect(overridden(found)).toEqual([])
  // The run is that of the same options written out.
  const written =
    '--capital 9000 --shares 3 --fill close --commission none --cost-bps 2 --half-spread-bps 3 --features classic --long-only'
  expect(await summary(dir, written)).toEqual(found)
})

test('a flag, the environment and the configuration go before it, and the summary says so', async () => {
  const dir = await trained('--capital 9000 --commission none')
  const flag = await summary(dir, '--capital 7000')
  expect([flag.capital, flag.costs.commission]).toEqual([7000, 'none'])
  expect(overridden(flag)).toEqual(['--capital is 7000; the model was trained with 9000'])
  const environment = await summary(dir, '', { JULES_COMMISSION: 'ib-fixed' })
  expect([environment.capital, environment.costs.commission]).toEqual([9000, 'ib-fixed'])
  expect(overridden(environment)).toEqual(['--commission is ib-fixed; the model was trained with none'])
  dir.write('config.json', '{"backtest":{"capital":8000}}')
  const config = await summary(dir, '--config config.json')
  expect([config.capital, overridden(config)]).toEqual([
    8000,
    ['--capital is 8000; the model was trained with 9000'],
  ])
})

test('limits that were lifted stay lifted, unless one is set', async () => {
  const dir = await trained('--no-limits')
  const lifted = await dir.line('jules backtest bars.ndjson --policy model:run --warmup 20 --no-limits ')
  const followed = await dir.line('jules backtest bars.ndjson --policy model:run --warmup 20 ')
  expect(followed.stdout).toBe(lifted.stdout)
  const limited = await summary(dir, '--max-day-loss 10')
  expect(overridden(limited)).toEqual([])
})

test('check-env takes them too', async () => {
  const dir = await trained('--long-only --capital 9000')
  const { stdout, status, stderr } = await dir.line(
    'jules check-env bars.ndjson --policy model:run --warmup 20 --capital 7000',
  )
  expect([status, stderr.includes('--capital is 7000; the model was trained with 9000')]).toEqual([0, true])
  expect(stdout).not.toContain('"ok":false')
})
