/**
 * `npm run bench:data`: the data plane against its yardsticks, as ratios within one run. Each figure is the median of
 * several whole processes; the machine's noise is in the spread that stands beside it. ROWS and RUNS make it smaller.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { median, timed as timedIn } from './measure.js'

const ROWS = Number(process.env.ROWS ?? 1_000_000)
const RUNS = Number(process.env.RUNS ?? 3)
const jules = resolve('bin/jules')
const dir = mkdtempSync(join(tmpdir(), 'jules-bench-'))
const env = { PATH: process.env.PATH, HOME: dir }
const at = (name) => join(dir, name)
const timed = (command, args, more = {}) => timedIn(command, args, { env, ...more })

async function repeat(runs, work) {
  const results = []
  for (let i = 0; i < runs; i++) results.push(await work(i))
  const seconds = results.map((result) => result.seconds)
  return {
    seconds: median(seconds),
    spread: `${Math.min(...seconds).toFixed(2)}..${Math.max(...seconds).toFixed(2)} s`,
    peak: Math.max(...results.map((result) => result.peak)),
    stderr: results.at(-1).stderr,
  }
}

function report(what, { seconds, spread, peak }, rows, goal, more = '') {
  const rate = `${Math.round(rows / seconds / 1000)} k rows/s`.padStart(14)
  console.log(
    `${what.padEnd(34)}${rate}  ${spread.padEnd(14)} ${peak ? `${Math.round(peak)} MB` : ''}  ${more}  (goal ${goal})`,
  )
}

const psql = spawnSync('psql', ['--version']).status === 0
try {
  // A session has 780 rows of two symbols; a little more than ROWS, cut below.
  const sessions = Math.ceil(ROWS / 780) + 20
  const fetched = await repeat(RUNS, () => timed(jules, ['fetch', '--mock', '--days', String(sessions)]))
  report('fetch --mock', fetched, sessions * 775, '>= 500 k')
  execFileSync(
    'bash',
    ['-c', `${jules} fetch --mock --days ${sessions} | head -n ${ROWS} > ${at('bars.ndjson')}`],
    { env },
  )
  execFileSync(jules, ['fetch', at('bars.ndjson'), '-o', at('bars.csv')], { env })

  const write = await repeat(RUNS, () => timed(jules, ['fetch', at('bars.ndjson'), '-o', at('bars.parquet')]))
  report('ndjson -> parquet', write, ROWS, '>= 400 k')
  const read = await repeat(RUNS, () => timed(jules, ['fetch', at('bars.parquet')]))
  report('parquet -> ndjson', read, ROWS, '>= 400 k')
  const csv = await repeat(1, () => timed(jules, ['fetch', at('bars.csv')]))
  report('csv -> ndjson', csv, ROWS, 'none')

  const url = execFileSync(jules, ['-q', 'db', 'psql-url'], { env, encoding: 'utf8' }).trim()
  execFileSync(jules, ['-q', 'db', 'init'], { env })
  const { default: pg } = await import('pg')
  const run = async (text) => {
    const client = new pg.Client({ connectionString: url, ssl: false })
    await client.connect()
    await client.query(text)
    await client.end()
  }
  const columns = 'symbol,interval,time,open,high,low,close,volume,vwap,trades,adjusted,session,source'
  const load = []
  const copy = []
  for (let i = 0; i < RUNS; i++) {
    // In turn, so that both meet the same noise.
    if (psql) {
      await run('TRUNCATE market_data')
      copy.push(
        await timed('psql', [
          url,
          '-qc',
          `\\copy market_data (${columns}) FROM '${at('bars.csv')}' CSV HEADER`,
        ]),
      )
    }
    await run('TRUNCATE market_data')
    load.push(await timed(jules, ['load', at('bars.ndjson')]))
  }
  const best = (list) => ({
    seconds: median(list.map((one) => one.seconds)),
    spread: `${Math.min(...list.map((one) => one.seconds)).toFixed(2)}..${Math.max(...list.map((one) => one.seconds)).toFixed(2)} s`,
    peak: Math.max(...list.map((one) => one.peak)),
  })
  if (psql) report('psql \\copy of the same rows as CSV', best(copy), ROWS, 'yardstick')
  const ratio = psql
    ? `${(best(copy).seconds / best(load).seconds).toFixed(2)}x of \\copy`
    : 'psql is absent: no ratio'
  report('load into an empty table', best(load), ROWS, '>= 0.8x of \\copy, <= 200 MB', ratio)
  const again = await repeat(RUNS, () => timed(jules, ['load', at('bars.ndjson')]))
  report('load again', again, ROWS, '>= 120 k, 0 written', /\d+ written/.exec(again.stderr)?.[0])
  const out = await repeat(RUNS, () => timed(jules, ['export', '-o', at('out.ndjson')]))
  report('export', out, ROWS, 'none')
  execFileSync('cmp', [at('bars.ndjson'), at('out.ndjson')])

  if (process.env.LARGE !== '0') {
    await run('TRUNCATE market_data')
    const child = spawn(jules, ['fetch', '--mock', '--days', String(Math.ceil((5 * ROWS) / 780))], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const large = await timed(jules, ['load'], { input: child.stdout })
    report('fetch --mock | load, five times', { ...large, spread: '' }, 5 * ROWS, '<= 200 MB')
  }

  // Whole processes, in turn with an empty one.
  const bare = []
  const help = []
  for (let i = 0; i < 21; i++) {
    bare.push((await timed('node', ['-e', '0'])).seconds)
    help.push((await timed(jules, ['--help'])).seconds)
  }
  console.log(
    `jules --help                      ${(median(help) * 1000).toFixed(0)} ms, ${(median(help) / median(bare)).toFixed(2)}x of node -e 0  (goal <= 1.5x)`,
  )
  const { ensureServer } = await import(resolve('dist/store/embedded.js'))
  const options = {
    directory: join(dir, '.local/share/jules/pg'),
    runtimeDirectory: tmpdir(),
    uid: process.getuid(),
    hasAccount: true,
    platform: process.platform,
    arch: process.arch,
    searchPath: process.env.PATH,
    signal: new AbortController().signal,
    note: () => {},
    clock: Date.now,
    kill: process.kill,
  }
  const attach = []
  for (let i = 0; i < 11; i++) {
    const start = process.hrtime.bigint()
    await ensureServer(options)
    attach.push(Number(process.hrtime.bigint() - start) / 1e6)
  }
  console.log(`attach to the running server      ${median(attach).toFixed(1)} ms  (goal <= 50 ms)`)
} finally {
  spawnSync(jules, ['-q', 'db', 'stop'], { env })
  rmSync(dir, { recursive: true, force: true })
}
