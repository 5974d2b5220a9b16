/** Many commands write to one vault. */
import { expect, test } from 'vitest'
import { rounds, tried } from '../support/torture.js'
import { FILE, Home, PW } from '../support/vault-home.js'

test('many writers at once: none is lost', async () => {
  const count = rounds({ short: 12, full: 100 })
  tried(`${count} writers of one vault at once`)
  const home = await Home.holding({ START: '' })
  const { stderr } = await home.shell(
    `for i in $(seq ${count}); do (echo "v$i" | jules vault set "N$i" || echo "lost $i" >&2) & done; wait`,
    { env: PW },
  )
  expect(stderr).toBe('')
  const { stdout } = await home.vault(['env', '-f', 'json'])
  const expected = Object.fromEntries([
    ['START', ''],
    ...Array.from({ length: count }, (_, i) => [`N${i + 1}`, `v${i + 1}`]),
  ])
  expect(JSON.parse(stdout)).toEqual(expected)
  expect(home.list()).toEqual(['.local', FILE])
})
