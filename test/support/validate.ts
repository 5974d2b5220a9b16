/** Generated bars, flawed or not, straight into the checks of the end of a day. */
import { Names, newBatch } from '../../src/market/bar.js'
import { type MockOptions, mockBars } from '../../src/market/feeds/mock.js'
import type { DefectRecord } from '../../src/market/feeds/mock-defects.js'
import { type LooseFields, putRow } from '../../src/market/fields.js'
import type { Quality } from '../../src/market/quality.js'
import type { ReadOptions } from '../../src/market/reading.js'
import { readRecords } from '../../src/market/records.js'
import { Gathered } from '../../src/validate/gathered.js'
import { type ValidateOptions, type Verdict, validate } from '../../src/validate/validate.js'
import { memorySource } from './memory-source.js'
import { base } from './mock-feed.js'

export interface Judged extends Verdict {
  readonly injected: readonly DefectRecord[]
  readonly records: readonly Quality[]
}

export function judgeMock(given: Partial<MockOptions>, more: Partial<ValidateOptions> = {}): Judged {
  const injected: DefectRecord[] = []
  const options = { ...base, ...given, onDefect: (defect: DefectRecord) => injected.push(defect) }
  const gathered = new Gathered({ symbols: options.symbols })
  const spare = newBatch(1, new Names())
  let line = 0
  for (const block of mockBars(options)) {
    if (block.kind === 'bars') gathered.add(block.batch)
    else {
      for (const { object } of block.records) {
        const problem = putRow(spare, object as LooseFields, ++line, { textual: false })
        if (problem === null) throw new Error('a flawed bar is none')
        gathered.count(problem, `stdin:${line}`)
      }
    }
  }
  const verdict = validate(gathered, {
    ...ALL,
    symbols: options.symbols,
    ...more,
  })
  return { ...verdict, injected, records: verdict.findings.map(({ record }) => record) }
}

/** Whether a record tells of what was put in: its check, symbol, and time. */
export const tells = (record: Quality, { check, symbol, from, to }: DefectRecord): boolean =>
  record.check === check &&
  (record.symbol === symbol || (record.symbol ?? '').split('/').includes(symbol)) &&
  (record.from === null ? record.date === from.slice(0, 10) : record.from <= to && record.to! >= from)

/** The records that lines give. */
export async function judgeLines(
  lines: string,
  { format = 'ndjson', reading = {}, ...more }: JudgeLines = {},
): Promise<{ readonly records: readonly Quality[]; readonly verdict: Verdict }> {
  const symbols = more.symbols ?? ['NVDA']
  const gathered = new Gathered({ symbols })
  const source = memorySource(format, Buffer.from(lines), { name: 'stdin' })
  for await (const block of readRecords(source, {
    ...reading,
    // Rows are held against each other once all are there.
    check: null,
    onReject: (reject) => gathered.reject(reject),
  }))
    if (block.kind === 'bars') gathered.add(block.batch)
  const verdict = validate(gathered, { ...ALL, symbols, ...more })
  return { verdict, records: verdict.findings.map(({ record }) => record) }
}

interface JudgeLines extends Partial<ValidateOptions> {
  readonly format?: 'ndjson' | 'csv'
  readonly reading?: ReadOptions
}

/** Every row is judged, by the numbers that stand there. */
const ALL = {
  ...{ dates: null, judgesAll: true, interval: undefined, thresholds: {}, repairSource: 'alpaca' },
  ...{ asOfMs: 0, lastSessionEndMs: null },
}
