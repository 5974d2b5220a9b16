/** Records that two readers share are those that one reads. */
import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { changing } from '../../test/support/changing-policy.js'
import { randomMarket } from '../../test/support/random-market.js'
import { Workdir } from '../../test/support/workdir.js'
import { stream } from '../base/rng.js'
import { PieceLines, piecesOf } from '../stream/pieces.js'
import { Backtest } from '../trading/backtest.js'
import { RECORD_TYPES, RecordWriter } from '../trading/records.js'
import { DEFAULT_RULES } from '../trading/rules.js'
import { Gathering } from './gathered.js'
import { PieceReader, takePiece } from './scanned.js'

function linesOf(run: string, seed: number): string[] {
  const market = randomMarket({ sessions: 4, seed, gaps: 0.02, bps: 20 })
  const rules = DEFAULT_RULES
  const lines: string[] = []
  const listener = new RecordWriter({
    ...{ run, market, rules, types: new Set(RECORD_TYPES) },
    write: (line) => lines.push(line),
  })
  const policy = changing(0.05)
  const backtest = new Backtest({
    market,
    features: null,
    rules,
    policy,
    longOnly: false,
    warmup: 5,
    listener,
  })
  while (!backtest.advance(1000));
  return lines
}

const PLACE = 'run.ndjson'

const alone = (text: string): Gathering => {
  const gathering = new Gathering(PLACE)
  gathering.block(Buffer.from(text), 1)
  return gathering
}

/** As `gather` does it, with `length` bytes a piece; who reads one is drawn, save that the first knows nothing before its first. */
function shared(text: string, length: number, seed: number): { gathering: Gathering; handed: number } {
  const rng = stream(seed, 'pieces')
  const fd = openSync(new Workdir().write(PLACE, text), 'r')
  try {
    const gathering = new Gathering(PLACE)
    const lines = new PieceLines(fd, PLACE)
    let line = 1
    let reader: PieceReader | null = null
    let handed = 0
    for (const piece of piecesOf({ fd, size: Buffer.byteLength(text) }, length)) {
      const { current } = gathering
      if (reader === null && current !== null) reader = new PieceReader(fd, PLACE, current)
      if (reader === null || rng.int(2) === 0)
        for (const block of lines.of(piece)) line += gathering.block(block, line)
      else {
        line += gathering.piece(reader.read(piece), line)
        handed++
      }
    }
    return { gathering, handed }
  } finally {
    closeSync(fd)
  }
}

const first = linesOf('one "1"', 3)
const second = linesOf('two', 5)
const spaced = (lines: readonly string[]) =>
  lines.map((line, i) => (i % 5 === 0 ? line.replace('{"type":', '{ "type": ').replace('\n', '\r\n') : line))
const mixed = first.flatMap((line, i) => [line, ...(i % 3 === 0 ? [second[i / 3] ?? '\n'] : [])])

test.each([
  ['of one run', first],
  ['of two runs', [...first, ...second]],
  ['of two runs that alternate', mixed],
  ['that are written in another way', spaced(first)],
])('records %s', (_, lines) => {
  const text = lines.join('')
  const whole = alone(text)
  expect(whole.runs[0]!.length).toBeGreaterThan(500)
  for (const length of [700, 5000, 40_000]) {
    const { gathering, handed } = shared(text, length, 1)
    expect(handed).toBeGreaterThan(0)
    expect(gathering).toEqual(whole)
  }
})

test.each([
  ['time that goes backwards', first[20]!],
  ['a line that is no record', '{"type":"fill"}\n'],
  ['a line that is no JSON', 'nonsense\n'],
])('%s is told with its line', (_, bad) => {
  const lines = first.toSpliced(900, 0, bad)
  const text = lines.join('')
  const failure = failureOf(() => alone(text))
  expect(failure).toMatchObject({ where: `${PLACE}:901` })
  for (const length of [700, 5000, 40_000]) expect(failureOf(() => shared(text, length, 1))).toEqual(failure)
})

function failureOf(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

test('a piece is taken once', () => {
  const taken = new Int32Array(new SharedArrayBuffer(8))
  expect([takePiece(taken, 1), takePiece(taken, 1), takePiece(taken, 0)]).toEqual([true, false, true])
})
