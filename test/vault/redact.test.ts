/** `vault redact`. */
import { expect, test } from 'vitest'
import { Home, PW } from '../support/vault-home.js'

test('redact replaces secrets in a stream', async () => {
  const home = await Home.holding({ KEY: 'hunter2' })
  const { stdout } = await home.shell('printf "a hunter2 b hunt" | jules vault redact', { env: PW })
  expect(stdout).toBe('a [KEY] b hunt')
})
