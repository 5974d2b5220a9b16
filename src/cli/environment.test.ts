/** What a child may not inherit is gone before anything else runs. */
import { expect, test, vi } from 'vitest'
import { FEED_KEYS } from '../market/feeds/keys.js'
import { PASSWORD_FILE_VARIABLE, PASSWORD_VARIABLE } from '../vault/password.js'

test('the master password and the keys of vendors are in no child; jules itself knows them', async () => {
  const secret = [PASSWORD_VARIABLE, PASSWORD_FILE_VARIABLE, ...Object.values(FEED_KEYS).flat()]
  for (const name of [...secret, 'ANOTHER']) vi.stubEnv(name, `value of ${name}`)
  vi.resetModules()
  const { env, environment } = await import('./environment.js')
  for (const name of secret) {
    expect(env(name)).toBe(`value of ${name}`)
    expect(name in environment || name in process.env).toBe(false)
  }
  expect(environment.ANOTHER).toBe('value of ANOTHER')
  vi.unstubAllEnvs()
})
