import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { BIN, barLine, barLines, finished, freshDatabase, once, Workdir } from '../support/workdir.js'

const ROWS = 200_000
let lines = ''
beforeAll(() => {
  lines = barLines(ROWS)
})

/** What is in market_data, as one number that any changed, lost or added row changes. */
const FINGERPRINT = `SELECT count(*)::int AS n, coalesce(sum(hashtextextended(concat_ws('|', symbol, "interval", "time",
  open, high, low, close, volume, vwap, trades, adjusted, session, source), 0)), 0)::text AS sum FROM market_data`

const noTrace = (stderr: string) => expect(stderr).not.toMatch(/\n\s+at |bug/)

describe('load that is disturbed', () => {
  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    '%s at any moment, run again: the undisturbed rows',
    async (signal) => {
      const dir = new Workdir()
      const undisturbed = await freshDatabase()
      const input = dir.write('bars.ndjson', lines)
      await dir.jules(['load', '--dsn', undisturbed.dsn, input])
      const disturbed = await freshDatabase()
      const statuses = new Set<string>()
      for (const delay of [60, 120, 200, 280, 360, 450, 600]) {
        const child = dir.start(BIN, ['load', '--dsn', disturbed.dsn, input])
        const ended = finished(child)
        setTimeout(() => child.kill(signal), delay)
        const { status, signal: by, stderr } = await ended
        // A signal before the program has begun ends it in the system's own way, which shells report as the same number.
        statuses.add(String(status ?? (by === 'SIGTERM' ? 143 : by === 'SIGINT' ? 130 : by)))
        noTrace(stderr)
        const [{ n } = { n: -1 }] = await disturbed
          .query('SELECT count(*)::int AS n FROM market_data')
          .catch(() => [{ n: 0 }])
        // Whole batches or nothing.
        expect(Number(n) % 50_000).toBe(0)
      }
      const expected = { SIGKILL: 'SIGKILL', SIGTERM: '143', SIGINT: '130' }[signal]
      // The last ones may have found the command done, the first ones interrupted it.
      expect([...statuses].filter((status) => status !== '0')).toEqual([expected])
      expect((await dir.jules(['load', '--dsn', disturbed.dsn, input])).status).toBe(0)
      expect(await disturbed.query(FINGERPRINT)).toEqual(await undisturbed.query(FINGERPRINT))
    },
  )

  test('an import that was killed goes on where it stopped', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    const input = dir.write('bars.ndjson', `${lines}not a bar\n`)
    const first = await dir.jules(['load', '--dsn', dsn, '--import-id', 'nightly', input])
    expect(first.status).toBe(65)
    const [{ rows } = { rows: 0 }] = await query("SELECT rows::int AS rows FROM imports WHERE id = 'nightly'")
    expect(rows).toBe(ROWS)
    dir.write('bars.ndjson', `${lines}${barLine(ROWS)}\n`)
    const second = await dir.jules(['load', '--dsn', dsn, '--import-id', 'nightly', input])
    expect(second.stderr).toBe(
      `jules load: ${ROWS + 1} rows read, 1 written, 0 unchanged, 0 rejected, ${ROWS} loaded before\n`,
    )
    dir.write('bars.ndjson', `${barLine(7, { volume: 1 })}\n${lines}`)
    const other = await dir.jules(['load', '--dsn', dsn, '--import-id', 'nightly', input])
    expect(other.status).toBe(65)
    expect(other.stderr).toMatch(/^jules load: this is not the input that import "nightly" began with: /)
  })

  test.each([[[]], [['--import-id', 'nightly']]])(
    'what fails at the end of a batch takes the whole batch back: load %j',
    async (more) => {
      const dir = new Workdir()
      const { dsn, query } = await freshDatabase()
      const input = dir.write('bars.ndjson', lines)
      await dir.jules(['db', 'init', '--dsn', dsn])
      // The second batch is refused when its progress is written; without an import, when the transaction is committed.
      const table = more.length > 0 ? 'imports' : 'market_data'
      await query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT count(*) FROM market_data) > 60000 THEN RAISE 'not now' USING ERRCODE = '57014'; END IF;
        RETURN NULL; END $$`)
      await query(
        `CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON ${table} ${more.length > 0 ? '' : 'DEFERRABLE INITIALLY DEFERRED'}
         FOR EACH ROW ${more.length > 0 ? '' : 'WHEN (NEW.volume = 51000)'} EXECUTE FUNCTION refuse()`,
      )
      const { status, stderr } = await dir.jules(['load', '--dsn', dsn, ...more, input])
      expect([status, stderr.split('\n')[1]], stderr).toEqual([
        69,
        'jules load: hint: 50000 rows are committed; running it again completes the load',
      ])
      expect(await query('SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: 50_000 }])
      if (more.length > 0) expect(await query('SELECT rows::int AS n FROM imports')).toEqual([{ n: 50_000 }])
      await query(`DROP TRIGGER refuse ON ${table}`)
      expect((await dir.jules(['load', '--dsn', dsn, ...more, input])).status).toBe(0)
      expect(await query('SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: ROWS }])
    },
  )

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
    expect((await dir.jules(['load', '--dsn', dsn, input])).stderr).toContain(
      '150000 written, 50000 unchanged',
    )
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

  test('a role that may not create tables is told who can', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    const role = `poor_${process.pid}`
    await query(`CREATE ROLE ${role} LOGIN`)
    onTestFinished(() =>
      once(dsn.replace(/\/t_[^?]*/, '/trading_data'), `DROP ROLE IF EXISTS ${role}`).then(() => {}),
    )
    const poor = dsn.replace('jules@', `${role}@`)
    const { status, stderr } = await dir.jules(['load', '--dsn', poor], { input: barLine(0) })
    expect(status).toBe(77)
    expect(stderr).toMatch(
      /cannot make the tables: permission denied for schema public\njules load: hint: run "jules db init" once/,
    )
    // Once the tables are there, it needs no right to CREATE.
    await dir.jules(['db', 'init', '--dsn', dsn])
    await query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`)
    expect((await dir.jules(['load', '--dsn', poor], { input: barLine(0) })).status).toBe(0)
    await query(`DROP OWNED BY ${role}`)
  })

  test('two loads of the same rows at once both succeed', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    const input = dir.write('bars.ndjson', lines)
    const results = await Promise.all([1, 2, 3].map(() => dir.jules(['load', '--dsn', dsn, input])))
    expect(results.map(({ status }) => status)).toEqual([0, 0, 0])
    const written = results.map(({ stderr }) => Number(/(\d+) written/.exec(stderr)?.[1]))
    expect(written.reduce((a, b) => a + b)).toBe(ROWS)
    expect(await query('SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: ROWS }])
  })
})

// Recovery syncs every file of the cluster first, which on a busy disk takes its time.
describe('the embedded server', { timeout: 240_000 }, () => {
  /** A HOME of its own whose server ends with the test. */
  function home(name: string): Workdir {
    const dir = new Workdir(name)
    onTestFinished(async () => {
      await dir.jules(['-q', 'db', 'stop'])
    })
    return dir
  }

  test('six racing first starts: all succeed, one server', async () => {
    const dir = home('jules-race-')
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, k) =>
        dir.jules(['load', '--symbol', `S${k}`], { input: barLine(0, { symbol: `S${k}` }) }),
      ),
    )
    expect(results.map(({ status, stderr }) => (status === 0 ? 0 : stderr))).toEqual([0, 0, 0, 0, 0, 0])
    const { stdout } = await dir.jules(['export', '-f', 'csv'])
    expect(stdout.trim().split('\n')).toHaveLength(7)
    // Nothing of the losers is left.
    expect(execFileSync('ls', [join(dir.path, '.local/share/jules/pg')], { encoding: 'utf8' })).not.toMatch(
      /data\./,
    )
  })

  test('SIGKILL while the cluster is made: the next start makes it, and what is left goes when it is old', async () => {
    const dir = home('jules-halfmade-')
    const child = dir.start(BIN, ['db', 'start'])
    await new Promise((done) => child.stderr?.once('data', done))
    const pg = dir.file('.local/share/jules/pg')
    const halves = () => readdirSync(pg).filter((name) => name.startsWith('data.'))
    while (halves().length === 0) await new Promise((done) => setTimeout(done, 5))
    child.kill('SIGKILL')
    await new Promise((done) => child.once('exit', done))
    // What makes the cluster outlives its parent for a while, and writes to it.
    while (spawnSync('pgrep', ['-f', join(pg, 'data')]).status === 0)
      await new Promise((done) => setTimeout(done, 20))
    for (const name of halves()) utimesSync(join(pg, name), 1, 1)
    expect((await dir.jules(['load'], { input: barLine(0) })).status).toBe(0)
    expect(halves()).toEqual([])
  })

  test('a postmaster that was SIGKILLed is started again, with every committed row', async () => {
    const dir = home('jules-killed-')
    await dir.jules(['load'], { input: barLines(1000) })
    const { pid } = JSON.parse((await dir.jules(['db', 'status'])).stdout)
    process.kill(pid, 'SIGKILL')
    const { status, stdout, stderr } = await dir.jules(['export', '-f', 'csv'])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout.trim().split('\n')).toHaveLength(1001)
  })

  test('a server that ends before anyone looks is noticed, not waited for', async () => {
    const dir = home('jules-quick-')
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

  test('the server killed in mid COPY: words, and the next run completes the load', async () => {
    const dir = home('jules-midcopy-')
    await dir.jules(['db', 'start'])
    const { pid } = JSON.parse((await dir.jules(['db', 'status'])).stdout)
    const child = dir.start(BIN, ['load'])
    child.stdin?.write(lines.slice(0, 30_000_000))
    const url = (await dir.jules(['db', 'psql-url'])).stdout.trim()
    for (;;) {
      const rows = await once(url, 'SELECT count(*)::int AS n FROM market_data').catch(() => [{ n: 0 }])
      if (Number(rows[0]?.n) > 0) break
      await new Promise((done) => setTimeout(done, 10))
    }
    process.kill(pid, 'SIGKILL')
    // The children of a killed postmaster end when they notice; ours is cut off at once.
    execFileSync('bash', ['-c', `pkill -KILL -P ${pid} || true`])
    const { status, stderr } = await finished(child, lines.slice(30_000_000))
    expect(status, stderr).toBe(69)
    expect(stderr).toMatch(/(50|100)000 rows are committed; running it again completes the load/)
    noTrace(stderr)
    const again = await dir.jules(['load'], { input: lines })
    expect([again.status, again.stderr.replace(/\d+ written, \d+ unchanged/, 'W')]).toEqual([
      0,
      `jules load: ${ROWS} rows read, W, 0 rejected\n`,
    ])
    expect(await once(url, 'SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: ROWS }])
  })

  test('a home with spaces, quotes and more', async () => {
    const dir = home(`jules it's a "home" $HOME, `)
    const { status, stderr } = await dir.jules(['load'], { input: barLine(0) })
    expect([status, stderr.split('\n').at(-2)]).toEqual([
      0,
      'jules load: 1 rows read, 1 written, 0 unchanged, 0 rejected',
    ])
  })

  test('a home path longer than a socket name may be', async () => {
    const dir = home('jules-long-')
    const deep = join(dir.path, 'x'.repeat(100), 'y'.repeat(100))
    mkdirSync(deep, { recursive: true })
    const env = { HOME: deep }
    onTestFinished(async () => {
      await dir.jules(['-q', 'db', 'stop'], { env })
    })
    const { status, stderr } = await dir.jules(['load'], { input: barLine(0), env })
    expect([status, stderr.split('\n').at(-2)]).toEqual([
      0,
      'jules load: 1 rows read, 1 written, 0 unchanged, 0 rejected',
    ])
    const { socket } = JSON.parse((await dir.jules(['db', 'status'], { env })).stdout)
    expect(Buffer.byteLength(`${socket}/.s.PGSQL.5432`)).toBeLessThanOrEqual(107)
  })

  test('nobody else may enter the socket directory', async () => {
    const dir = home('jules-mode-')
    await dir.jules(['db', 'start'])
    const { socket } = JSON.parse((await dir.jules(['db', 'status'])).stdout)
    expect(execFileSync('stat', ['-c', '%a', socket], { encoding: 'utf8' }).trim()).toBe('700')
    execFileSync('chmod', ['755', socket])
    const { status, stderr } = await dir.jules(['export'])
    expect([status, stderr.split('\n')[0]]).toEqual([
      77,
      `jules export: ${socket}: expected a directory of your own with mode 0700`,
    ])
    execFileSync('chmod', ['700', socket])
  })

  const asNobody =
    process.getuid?.() === 0 &&
    spawnSync(process.execPath, ['-e', `require('fs').accessSync('${BIN}')`], {
      uid: 65534,
      gid: 65534,
      cwd: '/',
    }).status === 0
  test.skipIf(!asNobody)(
    'root where user namespaces are forbidden: the server runs as nobody, in a place of its own',
    async () => {
      const dir = new Workdir('jules-root-')
      mkdirSync(dir.file('bin'))
      execFileSync('ln', ['-s', process.execPath, dir.file('bin/node')])
      // No unshare on this PATH.
      const run = (args: string[], input = '') =>
        finished(dir.start(process.execPath, [BIN, ...args], { env: { PATH: dir.file('bin') } }), input)
      const loaded = await run(['load'], barLine(0))
      const { socket, pid } = JSON.parse((await run(['db', 'status'])).stdout)
      const owner = execFileSync('stat', ['-c', '%u', `/proc/${pid}`], { encoding: 'utf8' }).trim()
      await run(['db', 'stop'])
      rmSync(socket.replace(/\/run$/, ''), { recursive: true, force: true })
      expect([loaded.status, owner]).toEqual([0, '65534'])
      expect(socket).toMatch(/^\/var\/lib\/jules-[0-9a-f]{12}\/run$/)
    },
  )

  const namespaces = spawnSync('unshare', ['-Urm', 'true']).status === 0
  test.skipIf(!namespaces)(
    'a full disk: words, nothing half written, and the next run completes the load',
    async () => {
      const dir = new Workdir('jules-full-')
      const input = dir.write('bars.ndjson', lines)
      mkdirSync(dir.file('home'))
      const script = `
      mount -t tmpfs -o size=260m none home || exit 99
      export HOME="$PWD/home"
      jules -q db start || exit 98
      head -c 160m /dev/zero > home/ballast 2>/dev/null
      jules load ${input}; echo "first $?"
      rm home/ballast
      jules load ${input}; echo "second $?"
      jules export -f csv | wc -l
      jules -q db stop`
      const path = `${resolve('bin')}:${process.env.PATH}`
      const result = await finished(
        dir.start('unshare', ['-Urm', 'bash', '-c', script], { env: { PATH: path } }),
      )
      noTrace(result.stderr)
      expect(result.stdout).toMatch(/^first (69|74)\nsecond 0\n200001\n$/)
      expect(result.stderr).toMatch(/rows are committed; running it again completes the load/)
    },
  )
})

describe('output that cannot be written', () => {
  const namespaces = spawnSync('unshare', ['-Urm', 'true']).status === 0
  test.skipIf(!namespaces)('a full disk under -o, --rejects and the spool of a pipe', async () => {
    const dir = new Workdir()
    const whole = new Workdir()
    await whole.jules(['fetch', '--mock', '--days', '100', '-o', 'whole.parquet'])
    const script = `
      mkdir small && mount -t tmpfs -o size=1m none small || exit 99
      echo precious >small/out.ndjson
      jules fetch --mock -o small/out.ndjson; echo $?
      yes bad | head -n 50000 | jules load --dry-run --input-format ndjson --max-rejects 50000 --rejects small/bad; echo $?
      cat '${whole.file('whole.parquet')}' | TMPDIR="$PWD/small" jules fetch - >/dev/null; echo $?
      ls -A small; cat small/out.ndjson`
    const path = `${resolve('bin')}:${process.env.PATH}`
    const { stdout, stderr } = await finished(
      dir.start('unshare', ['-Urm', 'bash', '-c', script], { env: { PATH: path } }),
    )
    expect(stdout).toBe('74\n74\n74\nout.ndjson\nprecious\n')
    expect(stderr.split('\n')).toEqual([
      'jules fetch: small/out.ndjson: no space left on device',
      'jules load: small/bad: no space left on device',
      `jules fetch: ${dir.file('small')}: no space left on device`,
      '',
    ])
  })

  test('export, db and vault say it as fetch does', async () => {
    const dir = new Workdir()
    const { dsn } = await freshDatabase()
    await dir.jules(['load', '--dsn', dsn], { input: barLines(3000) })
    const { stdout, stderr } = await dir.shell(
      `echo x | jules vault set A
      for command in "export --dsn $DSN" 'db path' 'vault get A'; do
        jules $command >/dev/full; echo $?
        jules $command >&-; echo $?
      done
      jules export --dsn "$DSN" | head -n 1 | wc -l; echo "\${PIPESTATUS[0]}"`,
      { env: { DSN: dsn, TRADING_VAULT_PASSWORD: 'pw' } },
    )
    expect(stdout.split('\n')).toEqual(['74', '74', '74', '74', '74', '74', '1', '0', ''])
    const full = (command: string) => `jules ${command}: standard output: no space left on device`
    const closed = 'jules: standard output: the stream is closed'
    expect(stderr.trim().split('\n')).toEqual([
      ...[full('export'), closed, full('db path'), closed, full('vault get'), closed],
    ])
  })

  const commands = [
    'fetch --mock --days 40',
    'fetch --mock --days 40 -f csv',
    'fetch --mock --days 400 -f parquet',
  ]

  test.each(commands)('%s | head -1 is silent, with 0', async (command) => {
    const dir = new Workdir()
    const { stderr, stdout } = await dir.shell(
      `jules ${command} | head -c 1 >/dev/null; echo \${PIPESTATUS[0]}`,
    )
    expect([stdout, stderr]).toEqual(['0\n', ''])
  })

  test.each([...commands, '--help', 'help fetch', '-V'])('%s >/dev/full: words and 74', async (command) => {
    const dir = new Workdir()
    const { status, stderr } = await dir.shell(`jules ${command} >/dev/full`)
    expect(status).toBe(74)
    expect(stderr).toMatch(/^jules( fetch)?: standard output: no space left on device\n$/)
  })

  test('closed standard output: words and 74', async () => {
    const dir = new Workdir()
    const { status, stderr } = await dir.shell('jules fetch --mock >&-')
    expect([status, stderr]).toEqual([74, 'jules: standard output: the stream is closed\n'])
    const json = await dir.shell('jules fetch --json --mock >&-')
    expect([json.status, JSON.parse(json.stderr)]).toEqual([
      74,
      { type: 'error', code: 74, command: '', message: 'standard output: the stream is closed' },
    ])
  })

  test('a closed standard error hides nothing else', async () => {
    const dir = new Workdir()
    const { status } = await dir.shell('jules nonsense 2>&-')
    expect(status).toBe(64)
  })

  test('-o leaves an existing file alone when the input is bad, and leaves nothing else', async () => {
    const dir = new Workdir()
    dir.write('out.csv', 'precious\n')
    dir.write('in.ndjson', `${barLines(30_000)}bad\n`)
    const { status } = await dir.jules(['fetch', 'in.ndjson', '-o', 'out.csv'])
    expect(status).toBe(65)
    expect(dir.read('out.csv')).toBe('precious\n')
    expect(dir.list()).toEqual(['in.ndjson', 'out.csv'])
  })

  test('-o over the input is refused', async () => {
    const dir = new Workdir()
    dir.write('a.ndjson', barLines(3))
    const { status, stderr } = await dir.jules(['fetch', 'a.ndjson', '-o', './a.ndjson'])
    expect([status, stderr]).toEqual([64, 'jules fetch: ./a.ndjson: is the input as well as the output\n'])
  })

  test('-o into a missing directory is 73', async () => {
    const dir = new Workdir()
    const { status, stderr } = await dir.jules(['fetch', '--mock', '-o', 'no/such.ndjson'])
    expect([status, stderr]).toEqual([73, 'jules fetch: no/such.ndjson: no such file or directory\n'])
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s leaves no temporary file', async (signal) => {
    const dir = new Workdir()
    const child = dir.start(BIN, ['fetch', '--mock', '--days', '6000', '-o', 'out.ndjson'])
    const ended = finished(child)
    while (dir.list().length === 0) await new Promise((done) => setTimeout(done, 5))
    child.kill(signal)
    const { status, stderr } = await ended
    expect(status).toBe(signal === 'SIGINT' ? 130 : 143)
    expect(stderr).toMatch(/^jules fetch: warning: (interrupted|terminated), stopping\n/)
    expect(dir.list()).toEqual([])
  })

  test('a reader that stalls does not keep SIGTERM from being answered', async () => {
    const dir = new Workdir()
    const child = dir.start(BIN, ['fetch', '--mock', '--days', '6000'])
    await new Promise((done) => child.stdout?.once('readable', done))
    const ended = new Promise<number | null>((done) => child.once('exit', (status) => done(status)))
    child.kill('SIGTERM')
    expect(await ended).toBe(143)
  })

  test.each(['load --dry-run', 'fetch', 'fetch --mock -o', 'vault set A --file'])(
    '%s FIFO without another end does not keep SIGTERM from being answered',
    async (command) => {
      const dir = new Workdir()
      execFileSync('mkfifo', [dir.file('fifo')])
      const child = dir.start(BIN, [...command.split(' '), 'fifo', '-v'], {
        env: { TRADING_VAULT_PASSWORD: 'pw' },
      })
      const ended = new Promise<number | null>((done) => child.once('exit', (status) => done(status)))
      await new Promise((done) => child.stderr?.once('data', done))
      child.kill('SIGTERM')
      expect(await ended).toBe(143)
    },
  )

  test('a FIFO is waited for, at both ends', async () => {
    const dir = new Workdir()
    execFileSync('mkfifo', [dir.file('fifo')])
    const { stdout, stderr } = await dir.shell(
      'jules fetch --mock --days 3 -o fifo & jules fetch fifo | wc -l; wait',
    )
    expect([stdout.trim(), stderr]).toEqual(['2340', ''])
  })

  test('a pipe that stalls does not keep SIGTERM from being answered', async () => {
    const dir = new Workdir()
    const child = dir.start(BIN, ['load', '--dry-run', '-v'])
    child.stdin?.write(barLines(10))
    const ended = new Promise<number | null>((done) => child.once('exit', (status) => done(status)))
    // What -v says comes after the signals are heard.
    await new Promise((done) => child.stderr?.once('data', done))
    child.kill('SIGTERM')
    expect(await ended).toBe(143)
  })
})

describe('surroundings', () => {
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
      `env -i ${process.execPath} ${BIN.replace('bin/jules', 'bin/jules')} fetch --mock --days 1 | wc -l`,
    )
    expect([status, stdout.trim()]).toEqual([0, '780'])
  })

  test('writes nothing outside of its directories', async () => {
    const dir = new Workdir()
    await dir.jules(['fetch', '--mock', '--days', '1'])
    expect(dir.list()).toEqual([])
    writeFileSync(dir.file('x'), '')
    expect(readFileSync(dir.file('x'), 'utf8')).toBe('')
  })
})
