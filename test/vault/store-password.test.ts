/** The store asks the vault for its password. */
import { expect, test } from 'vitest'
import { FILE, Home, PW } from '../support/vault-home.js'
import { barLine } from '../support/workdir.js'

test('the store asks the vault for its password, late, and says what to do', async () => {
  const home = new Home()
  const none = await home.vault(['get', 'TIMESCALEDB_PASSWORD'])
  expect(none.stderr).toContain('there is no vault')
  // A server that asks for a password: the smallest one that speaks the protocol.
  const { createServer } = await import('node:net')
  const given: string[] = []
  const server = createServer((socket) => {
    socket.on('data', (data) => {
      if (data[0] === 0x70) {
        given.push(data.toString('latin1', 5, data.length - 1))
        socket.end()
      } else socket.write(Buffer.from('520000000800000003', 'hex'))
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  const load = (env: Record<string, string>) =>
    home.jules(['load', '--dsn', `postgresql://u@127.0.0.1:${port}/db`], { input: barLine(0), env })
  const missing = await load(PW)
  expect([missing.status, missing.stderr]).toEqual([
    77,
    'jules load: TIMESCALEDB_PASSWORD is neither in the environment nor in the vault\njules load: hint: jules vault set TIMESCALEDB_PASSWORD\n',
  ])
  await home.vault(['set', 'TIMESCALEDB_PASSWORD'], { input: 'from the vault' })
  await load(PW)
  await load({ ...PW, TIMESCALEDB_PASSWORD: 'from the environment' })
  // Nothing is no password: it is said, and not sent.
  const empty = await load({ ...PW, TIMESCALEDB_PASSWORD: '' })
  expect([empty.status, empty.stderr.split('\n')[0]]).toEqual([
    77,
    'jules load: TIMESCALEDB_PASSWORD is empty in the environment',
  ])
  const other = await Home.holding({ TIMESCALEDB_PASSWORD: '' })
  const kept = await load({ ...PW, JULES_VAULT: other.file(FILE) })
  expect([kept.status, kept.stderr.split('\n')[0]]).toEqual([
    77,
    'jules load: TIMESCALEDB_PASSWORD is empty in the vault',
  ])
  // Another vault, behind a helper command, serves the store as well.
  await load({ JULES_BACKEND: 'exec', JULES_BACKEND_COMMAND: 'printf "helper: %s %s"' })
  const closed = await home.shell(
    `setsid jules load --dsn postgresql://u@127.0.0.1:${port}/db <<<'${barLine(0)}'`,
  )
  server.close()
  expect(given).toEqual(['from the vault', 'from the environment', 'helper: get TIMESCALEDB_PASSWORD'])
  expect([closed.status, closed.stderr.split('\n')[0]]).toEqual([
    77,
    'jules load: TIMESCALEDB_PASSWORD is not in the environment; the vault: no password for the vault: TRADING_VAULT_PASSWORD is not set and there is no terminal',
  ])
})
