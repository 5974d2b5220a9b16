/** `vault doctor`. */
import { chmodSync, mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FILE, Home } from '../support/vault-home.js'

test('doctor says what is wrong, and 1', async () => {
  const home = await Home.holding({ A: 'x' })
  expect((await home.vault(['doctor'])).status).toBe(0)
  chmodSync(home.file(FILE), 0o644)
  home.write(`${FILE}.${'a'.repeat(32)}.tmp`, '')
  await home.shell(`git init -q . && git add -f ${FILE}`)
  // Named from another directory.
  mkdirSync(home.file('below'))
  const { status, stdout } = await home.vault(['doctor', '-f', 'json', '--vault', `../${FILE}`], {
    cwd: home.file('below'),
  })
  expect(status).toBe(1)
  const found = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ check, status: s }) => [check, s]),
  )
  expect(found).toMatchObject({ permissions: 'fail', git: 'fail', 'left behind': 'warn', password: 'fail' })
})
