/** A helper command in place of the vault file. */
import { chmodSync, mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Home } from '../support/vault-home.js'

test('a helper command as the backend', async () => {
  const home = new Home()
  mkdirSync(home.file('store'))
  home.write(
    'helper',
    `#!/bin/sh
case $1 in
get) [ -e store/$2 ] || exit 66; cat store/$2 ;;
list) ls store ;;
set) cat >store/$2 ;;
rm) rm store/$2 2>/dev/null || exit 66 ;;
esac
env | grep TRADING_VAULT >leak
exit 0
`,
  )
  chmodSync(home.file('helper'), 0o755)
  const run = (args: string[], input = '') =>
    home.vault([...args, '--backend', 'exec', '--backend-command', './helper'], { input })
  expect((await run(['set', 'A'], 'al\npha\n')).status).toBe(0)
  expect((await run(['get', 'A'])).stdout).toBe('al\npha\n')
  expect((await run(['list'])).stdout).toBe('A\n')
  expect((await run(['env'])).stdout).toBe("export A='al\npha'\n")
  expect((await run(['get', 'B'])).status).toBe(66)
  expect((await run(['rm', 'A'])).status).toBe(0)
  expect(home.read('leak')).toBe('')
  expect((await run(['doctor'])).stdout).toBe('ok\thelper: lists 0 secrets\n')
  expect((await run(['passwd'])).status).toBe(64)
  const ill = await home.vault(['doctor', '--backend', 'exec', '--backend-command', 'exit 3 #'])
  expect([ill.status, ill.stdout]).toEqual([
    1,
    'fail\thelper: the helper command failed at list with status 3\n',
  ])
  const broken = await home.vault(['get', 'A', '--backend', 'exec', '--backend-command', 'exit 3 #'])
  expect([broken.status, broken.stderr]).toEqual([
    69,
    'jules vault get: the helper command failed at get with status 3\n',
  ])
})
