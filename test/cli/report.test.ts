/** `jules report` from end to end: the numbers of a run are the same in every format, and nothing in a name does harm. */
import { mkdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Workdir } from '../support/workdir.js'

interface Json {
  readonly [key: string]: unknown
}
const runsOf = (report: Json): Json[] => report.runs as Json[]

/** Files of a kept run, made once. */
let files: Map<string, Buffer> | null = null

/** A folder with `run`, its `records.ndjson` and `bars.parquet`, and the summary of the run. */
async function kept() {
  const dir = new Workdir()
  if (files === null) {
    await dir.called(['fetch', '--mock', '--days', '30', '--regime', 'mean-revert', '-o', 'bars.parquet'])
    const run = await dir.called(['backtest', '--policy', 'sma-cross', '--keep', 'run', 'bars.parquet'])
    expect([run.status, run.stderr]).toEqual([0, ''])
    dir.write('records.ndjson', run.stdout)
    const names = ['bars.parquet', 'records.ndjson', 'run/manifest.json', 'run/records.ndjson']
    files = new Map(names.map((name) => [name, readFileSync(dir.file(name))]))
  }
  mkdirSync(dir.file('run'), { recursive: true })
  for (const [name, bytes] of files) dir.write(name, bytes)
  const summary: Json = JSON.parse(dir.read('records.ndjson').trimEnd().split('\n').at(-1)!)
  const json = async (...args: string[]): Promise<Json> =>
    JSON.parse((await dir.called(['report', ...args, '-f', 'json'])).stdout)
  return { dir, summary, json }
}

describe('a kept run', () => {
  test('has the figures of its summary in JSON, and shows the same digits in every format', async () => {
    const { dir, summary, json } = await kept()
    const [run = {}] = runsOf(await json('run'))
    const figures = run.figures as Record<string, number | null>
    const shared = Object.keys(figures).filter((key) => key in summary)
    expect(shared.length).toBeGreaterThan(25)
    for (const key of shared) expect([key, figures[key]]).toEqual([key, summary[key]])
    const shown = Object.entries(run.shown as Record<string, string>).filter(([key]) => figures[key] !== null)
    for (const name of ['report.html', 'report.md', 'report.txt']) {
      expect(await dir.called(['report', 'run', '-o', name])).toMatchObject({
        status: 0,
        stdout: '',
        stderr: '',
      })
      const text = dir.read(name).replaceAll('&#39;', "'")
      expect(shown.filter(([, digits]) => !text.includes(digits))).toEqual([])
    }
    const table = (await dir.called(['backtest', '--policy', 'sma-cross', '-f', 'table', 'bars.parquet']))
      .stdout
    for (const key of ['pnl', 'sharpe', 'max_drawdown', 't_sessions', 'hit_rate', 'cost'])
      expect(table).toContain(` ${(run.shown as Record<string, string>)[key]}`)
  })

  test('has all its trades as CSV, which add up to what it earned', async () => {
    const { dir, summary } = await kept()
    await dir.called(['report', 'run', '-o', 'trades.csv'])
    const [head, ...lines] = dir.read('trades.csv').trimEnd().split('\r\n')
    expect(head).toBe('run,money,symbol,side,qty,entry_time,entry_price,exit_time,exit_price,pnl,costs')
    const total = lines.reduce((sum, line) => sum + Number(line.split(',')[9]), 0)
    expect(total).toBeCloseTo(summary.pnl as number, 6)
    expect(lines.length).toBe(summary.round_trips)
  })

  test('is the same from its folder, its records, a pipe and two places side by side, twice', async () => {
    const { dir, summary, json } = await kept()
    const { stdout } = await dir.called(['report', 'run', '-o', '-', '-f', 'md'])
    const piped = await dir.called(['report', '-f', 'md'], { input: dir.read('records.ndjson') })
    const named = await dir.called(['report', 'records.ndjson', '-f', 'md'])
    expect(piped.stdout.replaceAll('stdin', 'records.ndjson')).toBe(named.stdout)
    // The folder knows its manifest as well.
    expect(stdout.startsWith(named.stdout.slice(0, named.stdout.indexOf('### What this rests on')))).toBe(
      true,
    )
    expect(stdout).toContain('### Manifest')
    const both = await json('run', 'records.ndjson')
    expect(runsOf(both).map(({ place }) => place)).toEqual(['run', 'records.ndjson'])
    for (const run of runsOf(both)) expect((run.figures as Json).pnl).toBe(summary.pnl)
  })

  test('is no GO, as evaluate says of the same records; with a gate that is a status', async () => {
    const { dir, json } = await kept()
    const judged = await dir.called([
      'evaluate',
      '--records',
      'records.ndjson',
      '--gate',
      'demo',
      '-f',
      'ndjson',
    ])
    const { reasons } = JSON.parse(judged.stdout.trimEnd().split('\n').at(-1)!)
    const [run = {}] = runsOf(await json('run'))
    const { go, reasons: own } = run.verdict as { go: boolean; reasons: { words: string }[] }
    expect(go).toBe(false)
    expect(own.map(({ words }) => words).slice(0, reasons.length)).toEqual(reasons)
    expect((await dir.called(['report', 'run', '--gate', 'demo'])).status).toBe(1)
    expect((await dir.called(['report', 'run'])).status).toBe(0)
  })

  test('fits 80 columns as text', async () => {
    const { dir } = await kept()
    const { stdout } = await dir.called(['report', 'run', '-f', 'txt'])
    expect(stdout).toMatch(/^NO-GO {2}bt-/)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(stdout).not.toContain('\u001b')
  })
})

describe('records as Parquet', () => {
  test('have the figures of the same run as NDJSON: a file, a pipe, and a folder of its types', async () => {
    const { dir } = await kept()
    mkdirSync(dir.file('types'))
    for (const type of ['equity', 'fill', 'risk']) {
      const args = ['backtest', '--policy', 'sma-cross', 'bars.parquet', '--records', `${type},summary`]
      expect((await dir.called([...args, '-o', `types/${type}.parquet`])).stderr).toBe('')
      if (type === 'equity') dir.write('equity.ndjson', (await dir.called(args)).stdout)
    }
    const report = async (place: string) => {
      const { stdout, stderr } = await dir.called(['report', place, '-f', 'json'])
      expect(stderr).toBe('')
      return stdout.replaceAll(JSON.stringify(place), '""')
    }
    expect(await report('types')).toBe(await report('records.ndjson'))
    expect(await report('types/equity.parquet')).toBe(await report('equity.ndjson'))
    const piped = await dir.called(['report', '-f', 'json'], {
      input: readFileSync(dir.file('types/equity.parquet')),
    })
    expect(piped.stdout.replaceAll('"stdin"', '""')).toBe(await report('equity.ndjson'))
    dir.write('types/bars.parquet', readFileSync(dir.file('bars.parquet')))
    expect(await dir.called(['report', 'types'])).toMatchObject({
      status: 65,
      stderr: expect.stringContaining('types/bars.parquet: is parquet, and a report is made of records'),
    })
    const whole = readFileSync(dir.file('types/equity.parquet'))
    dir.write('cut.parquet', whole.subarray(0, whole.length - 9))
    expect(await dir.called(['report', 'cut.parquet'])).toMatchObject({
      status: 65,
      stderr: expect.stringContaining('cut.parquet: damaged Parquet file: '),
    })
  })
})

test('a journal says what the records of its run say', async () => {
  const { dir, json } = await kept()
  await dir.called(['fetch', '--mock', '--days', '1', '--regime', 'mean-revert', '-o', 'day.ndjson'])
  const paper = await dir.called([
    ...[
      'paper',
      '--replay',
      'day.ndjson',
      '--policy',
      'sma-cross',
      '--journal',
      'day.journal',
      '-f',
      'ndjson',
    ],
  ])
  dir.write('paper.ndjson', paper.stdout)
  const [records = {}, journal = {}] = runsOf(await json('paper.ndjson', 'day.journal'))
  expect(journal).toEqual({ ...records, place: 'day.journal' })
  expect(journal.money).toBe('simulated gateway, paper account DU1234567')
  expect((journal.slippage as Json).modelled).toEqual(expect.any(Number))
  // What was not written to the end of its first line.
  dir.write('begun.journal', dir.read('day.journal').slice(0, 200))
  const { status, stderr } = await dir.called(['report', 'begun.journal', '-f', 'json'])
  expect([status, stderr]).toEqual([65, expect.stringContaining('it may still be written to')])
}, 60_000)

test('a training shows how it learnt, and is no GO', async () => {
  const { dir, json } = await kept()
  await dir.called(['train', '--steps', '4096', '-o', 'training', 'bars.parquet'])
  const [run = {}] = runsOf(await json('training'))
  expect(run).toMatchObject({ kind: 'training', verdict: { go: false }, trades: [] })
  expect((run.learning as { step: number[] }).step.at(-1)).toBe(4096)
  expect((await dir.called(['report', 'training', '-o', 'training.html'])).status).toBe(0)
}, 60_000)

test.each([
  ['gone', 66, 'no run has the name or the folder "gone"'],
  ['gone.ndjson', 66, 'no such file'],
  ['bars.parquet', 65, 'is parquet, and a report is made of records'],
  ['empty', 66, 'it has no manifest.json'],
  ['bars.ndjson', 66, 'holds no records of a run'],
  ['cut.ndjson', 65, 'cut.ndjson:2: expected a JSON object'],
  ['broken/', 65, 'is damaged'],
])('%s is %i', async (operand, status, words) => {
  const { dir } = await kept()
  for (const name of ['empty', 'broken']) mkdirSync(dir.file(name))
  dir.write('broken/manifest.json', '{"format":')
  dir.write('bars.ndjson', '{"type":"bar","symbol":"NVDA"}\n')
  dir.write('cut.ndjson', `${dir.read('records.ndjson').split('\n')[0]}\n{"type":"equ`)
  const run = await dir.called(['report', operand])
  expect([run.status, run.stdout]).toEqual([status, ''])
  expect(run.stderr).toContain(words)
})

test('what others wrote is text: no HTML, no formula, no escape', async () => {
  const { dir } = await kept()
  const evil = '=HYPERLINK("http://x","\u001b[31m<img src=x onerror=alert(1)>\u202e")'
  const lines = [
    { type: 'fill', time: '2025-07-30T14:00:00Z', run: evil, symbol: evil, side: 'buy', qty: 1, price: 1 },
    { type: 'equity', time: '2025-07-30T15:00:00Z', run: evil, equity: 5000, positions: { [evil]: 1 } },
    {
      type: 'risk',
      time: '2025-07-30T15:00:00Z',
      run: evil,
      rule: evil,
      action: evil,
      detail: { symbol: evil },
    },
    {
      type: 'quality',
      date: evil,
      check: evil,
      severity: 'error',
      symbol: evil,
      count: 1,
      fix: evil,
      observed: evil,
    },
    {
      type: 'summary',
      run: evil,
      command: 'backtest',
      policy: evil,
      notes: [evil],
      sources: [evil],
      reasons: { dsr: evil },
    },
    { type: evil },
  ].map((line) => JSON.stringify({ commission: 0, slippage: 0, exec: 'a', ref: 'a', ...line }))
  dir.write('evil.ndjson', `${lines.join('\n')}\n`)
  for (const format of ['html', 'md', 'txt', 'csv', 'json']) {
    const { status, stdout } = await dir.called(['report', 'evil.ndjson', '-f', format])
    expect([format, status]).toEqual([format, 0])
    if (format !== 'json') expect(stdout).not.toMatch(/[\u001b\u202e]/)
    else expect(stdout).not.toMatch(/\u001b/)
    if (format === 'html' || format === 'md') expect(stdout).not.toMatch(/(?<!\\)<img/)
    if (format === 'csv') {
      const [, row = ''] = stdout.split('\r\n')
      expect(row.startsWith(`"'=HYPERLINK(""http`)).toBe(true)
    }
  }
})

describe('a file that two threads read', () => {
  /** 34 MB of equity and executions. */
  function written(dir: Workdir): string[] {
    const run = 'r'.repeat(300)
    const from = Date.UTC(2025, 0, 2, 14, 30)
    const lines = Array.from({ length: 62_000 }, (_, i) => {
      const time = new Date(from + i * 60_000).toISOString().replace('.000', '')
      const equity = 5000 + ((i * 7919) % 1000) / 100
      if (i % 50 === 49)
        return `{"type":"fill","time":"${time}","run":"${run}","symbol":"NVDA","side":"${i % 100 === 99 ? 'sell' : 'buy'}","qty":5,"price":${100 + (i % 7)},"commission":0.35,"slippage":0.01,"exec":"${i}"}`
      return `{"type":"equity","time":"${time}","run":"${run}","cash":4000,"positions":{"NVDA":${i % 100 < 50 ? 0 : 5},"MSFT":-2.5},"marks":{"NVDA":120.01,"MSFT":${i % 300}.25},"equity":${equity},"pnl_day":0.5,"pnl_total":${equity - 5000},"drawdown":0}`
    })
    dir.write('long.ndjson', `${lines.join('\n')}\n`)
    return lines
  }

  test('is reported as one that a pipe brings', async () => {
    const dir = new Workdir()
    const lines = written(dir)
    const file = await dir.called(['report', 'long.ndjson', '-f', 'json'])
    const pipe = await dir.called(['report', '-', '-f', 'json'], { input: `${lines.join('\n')}\n` })
    expect([file.status, file.stderr, pipe.status]).toEqual([0, '', 0])
    expect(file.stdout.replaceAll('long.ndjson', 'stdin')).toBe(pipe.stdout)
  })

  test('names the line near its end that is wrong', async () => {
    const dir = new Workdir()
    const lines = written(dir)
    const early = lines.toSpliced(61_000, 0, lines[0]!)
    dir.write('long.ndjson', `${early.join('\n')}\n`)
    const { status, stderr } = await dir.called(['report', 'long.ndjson', '-f', 'json'])
    expect([status, stderr]).toEqual([65, expect.stringContaining('long.ndjson:61001: time:')])
  })
})
