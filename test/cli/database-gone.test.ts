/** The database goes away under a command. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { lines, noTrace, ownServer } from '../support/store.js'
import { BIN, barLines, finished, freshDatabase, once, Workdir } from '../support/workdir.js'

test('a connection cut in mid COPY is said, and the next run completes the load', async () => {
  const dir = new Workdir()
  const { dsn, query } = await freshDatabase()
  const input = dir.write('bars.ndjson', lines)
  const real = new URL(dsn.replace('@/', '@localhost/')).searchParams.get('host')!
  const proxyDir = dir.file('proxy')
  mkdirSync(proxyDir)
  const proxy = createServer((client) => {
    const server = connect(join(real, '.s.PGSQL.5432'))
    let sent = 0
    client.on('data', (data) => {
      sent += data.length
      // In the middle of the second batch.
      if (sent > 12_000_000) {
        client.destroy()
        server.destroy()
      } else server.write(data)
    })
    server.on('data', (data) => client.write(data))
    client.on('error', () => {})
    server.on('error', () => {})
    client.on('close', () => server.destroy())
  })
  await new Promise<void>((done) => proxy.listen(join(proxyDir, '.s.PGSQL.5432'), done))
  onTestFinished(() => {
    proxy.close()
  })
  const cut = dsn.replace(/host=.*/, `host=${encodeURIComponent(proxyDir)}`)
  const { status, stdout, stderr } = await dir.jules(['load', '--dsn', cut, input])
  expect([status, stdout], stderr).toEqual([69, ''])
  expect(stderr).toMatch(/the database ended the connection|connection reset|reader has gone/)
  expect(stderr).toMatch(/50000 rows are committed; running it again completes the load/)
  noTrace(stderr)
  expect(await query('SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: 50_000 }])
  expect((await dir.jules(['load', '--dsn', dsn, input])).stderr).toContain('150000 written, 50000 unchanged')
})

test('a session ended by the server is said', async () => {
  const dir = new Workdir()
  const { dsn } = await freshDatabase()
  const child = dir.start(BIN, ['load', '--dsn', dsn])
  child.stdin?.write(lines.slice(0, 20_000_000))
  // Wait for the first batch to be there, then end the session while the next one is gathered.
  for (;;) {
    const rows = await once(dsn, 'SELECT count(*)::int AS n FROM market_data').catch(() => [{ n: 0 }])
    if (Number(rows[0]?.n) >= 50_000) break
    await new Promise((done) => setTimeout(done, 20))
  }
  await once(
    dsn,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jules' AND datname = current_database()",
  )
  const { status, stderr } = await finished(child, lines.slice(20_000_000))
  expect(status).toBe(69)
  expect(stderr).toMatch(/rows are committed; running it again completes the load/)
  noTrace(stderr)
})

// Recovery syncs every file of the cluster first, which on a busy disk takes its time.
describe('the embedded server', { timeout: 240_000 }, () => {
  test('a postmaster that was SIGKILLed is started again, with every committed row', async () => {
    const dir = ownServer('jules-killed-')
    await dir.jules(['load'], { input: barLines(1000) })
    const { pid } = JSON.parse((await dir.jules(['db', 'status'])).stdout)
    process.kill(pid, 'SIGKILL')
    const { status, stdout, stderr } = await dir.jules(['export', '-f', 'csv'])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout.trim().split('\n')).toHaveLength(1001)
  })

  test('a server that ends before anyone looks is noticed, not waited for', async () => {
    const dir = ownServer('jules-quick-')
    await dir.jules(['db', 'start'])
    await dir.jules(['db', 'stop'])
    // The lock file names a live process that is no server of ours: PostgreSQL refuses to start, at once.
    const lock = dir.file('.local/share/jules/pg/data/postmaster.pid')
    writeFileSync(lock, `${process.pid}\n`)
    dir.write(
      'slow.mjs',
      `import fs from 'node:fs/promises'
      import { syncBuiltinESMExports } from 'node:module'
      const { open } = fs
      fs.open = async (...args) => {
        const handle = await open(...args)
        const { close } = handle
        handle.close = async () => {
          await new Promise((done) => setTimeout(done, 300))
          return close()
        }
        return handle
      }
      syncBuiltinESMExports()`,
    )
    const env = { NODE_OPTIONS: `--import=${dir.file('slow.mjs')}` }
    const { status, stderr } = await dir.jules(['db', 'start'], { env })
    expect([status, stderr.split('\n')[0]]).toEqual([
      69,
      expect.stringContaining('the embedded database does not start: '),
    ])
    rmSync(lock)
  })
})
