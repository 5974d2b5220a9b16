/** A command that writes to the vault is killed. */
import { expect, test } from 'vitest'
import { moments, rounds } from '../support/torture.js'
import { Home, PW } from '../support/vault-home.js'
import { BIN, finished } from '../support/workdir.js'

test('SIGKILL at any moment of a set: a vault that opens, and the next set works', async () => {
  const home = await Home.holding({ A: 'old' })
  const count = rounds({ short: 3, full: 40 })
  for (const delay of moments('vault set', { count, from: 40, to: 600 })) {
    const child = home.start(BIN, ['vault', 'set', 'A'], { env: { ...PW, NODE_OPTIONS: '' } })
    const ended = finished(child, 'new')
    setTimeout(() => child.kill('SIGKILL'), delay)
    await ended
    expect(['old\n', 'new\n'], `killed after ${delay} ms`).toContain((await home.vault(['get', 'A'])).stdout)
  }
  expect((await home.vault(['set', 'A'], { input: 'last' })).status).toBe(0)
  expect((await home.vault(['get', 'A'])).stdout).toBe('last\n')
})
