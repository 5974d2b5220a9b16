/**
 * A folder by symbol and date: jules reads it back as the same bars, and what examples/partitions.md says of other programs is run
 * where PYTHON (python3) has them.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { finished, freshDatabase, Workdir } from '../support/workdir.js'

const PYTHON = process.env.PYTHON ?? 'python3'
const has = (...modules: string[]): boolean =>
  modules.every((module) => spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0)

/** A folder of 8 sessions, beside the NDJSON that it was made from. */
async function withFolder(): Promise<Workdir> {
  const dir = new Workdir()
  const { dsn } = await freshDatabase()
  await dir.called(['fetch', '--mock', '--days', '8', '-o', 'bars.ndjson'])
  await dir.called(['-q', 'load', '--dsn', dsn, 'bars.ndjson'])
  const { status } = await dir.called(['export', '--dsn', dsn, '--partition-by', 'symbol,date', '-o', 'bars'])
  expect(status).toBe(0)
  return dir
}

test('backtest, train and inspect find the bars that went in', async () => {
  const dir = await withFolder()
  const digests: string[] = []
  const told: string[] = []
  for (const bars of ['bars.ndjson', 'bars', 'bars/**/*.parquet']) {
    const run = await dir.called(['backtest', '--policy', 'buy-hold', '--records', 'summary', bars])
    digests.push(JSON.parse(run.stdout).data_sha256)
    told.push((await dir.called(['inspect', '-f', 'ndjson', bars])).stdout)
  }
  const tiny = ['--steps', '64', '--envs', '1', '--n-steps', '64', '--hidden', '8', '--epochs', '1']
  expect((await dir.called(['train', ...tiny, '-o', 'run', 'bars'])).status).toBe(0)
  digests.push(JSON.parse(dir.read('run/manifest.json')).inputs[0].sha256)
  expect(digests).toEqual(Array(4).fill(digests[0]))
  expect(told[0]).not.toBe('')
  expect(told.slice(1)).toEqual([told[0], told[0]])
})

const page = readFileSync('examples/partitions.md', 'utf8')
const blocks = (language: string): string[] =>
  [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code!)
const python = (module: string): string => blocks('python').find((code) => code.includes(module))!

/** What Python prints in the folder; its clock is not that of UTC. */
async function said(dir: Workdir, code: string): Promise<string> {
  const env = { TZ: 'America/New_York', SPARK_LOCAL_IP: '127.0.0.1' }
  const { status, stdout, stderr } = await finished(dir.start(PYTHON, ['-c', code], { env }))
  expect([status, status === 0 ? '' : stderr]).toEqual([0, ''])
  return stdout
}

describe('examples/partitions.md', () => {
  test.skipIf(!has('duckdb'))('DuckDB reads it in place', async () => {
    const stdout = await said(await withFolder(), python('duckdb'))
    for (const type of ["'time': 'TIMESTAMP WITH TIME ZONE'", "'date': 'DATE'", "'symbol': 'VARCHAR'"])
      expect(stdout).toContain(type)
    // Half past nine in New York, by whatever clock it is shown.
    expect(stdout).toMatch(/\('MSFT', 390, .*2025, 8, 1, 9, 30.*\('NVDA', 390, /)
  })

  test.skipIf(!has('pyspark') || spawnSync('java', ['-version']).status !== 0)(
    'Spark reads it in place',
    { timeout: 300_000 },
    async () => {
      const stdout = await said(await withFolder(), python('pyspark'))
      for (const type of ["'time': 'timestamp'", "'date': 'date'", "'symbol': 'string'", "'open': 'double'"])
        expect(stdout).toContain(type)
      expect(stdout).toContain("[Row(symbol='MSFT', count=390), Row(symbol='NVDA', count=390)]")
    },
  )

  test.skipIf(!has('chdb'))('ClickHouse takes it in', async () => {
    const program = `from chdb import session
s = session.Session()
for one in ${JSON.stringify(blocks('sql')[0])}.split(';'):
    if one.strip(): print(s.query(one, 'CSV'), end='')`
    const stdout = await said(await withFolder(), program)
    expect(stdout).toContain(
      '"MSFT",390,"2025-08-01 13:30:00.000000"\n"NVDA",390,"2025-08-01 13:30:00.000000"',
    )
  })

  test.skipIf(!has('pyiceberg.catalog.sql', 'sqlalchemy', 'pyarrow'))('Iceberg takes it in', async () => {
    const stdout = await said(await withFolder(), python('pyiceberg'))
    expect(stdout).toBe('timestamptz date\n390\n')
  })
})
