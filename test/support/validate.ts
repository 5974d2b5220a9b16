/** Generated bars, flawed or not, straight into the checks of the end of a day. */
import { Names, newBatch } from '../../src/market/bar.js'
import { type LooseFields, putRow } from '../../src/market/fields.js'
import type { DefectRecord } from '../../src/market/feeds/mock-defects.js'
import { type MockOptions, mockBars } from '../../src/market/feeds/mock.js'
import type { Quality } from '../../src/market/quality.js'
import { Gathered } from '../../src/validate/gathered.js'
import { type ValidateOptions, type Verdict, validate } from '../../src/validate/validate.js'
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
    symbols: options.symbols,
    ...{ dates: null, judgesAll: true, interval: undefined, thresholds: {}, repairSource: 'alpaca' },
    ...{ asOfMs: 0, lastSessionEndMs: null },
    ...more,
  })
  return { ...verdict, injected, records: verdict.findings.map(({ record }) => record) }
}

/** Whether a record tells of what was put in: its check, symbol, and time. */
export const tells = (record: Quality, { check, symbol, from, to }: DefectRecord): boolean =>
  record.check === check &&
  (record.symbol === symbol || (record.symbol ?? '').split('/').includes(symbol)) &&
  (record.from === null ? record.date === from.slice(0, 10) : record.from <= to && record.to! >= from)
