/** Programs at the other end of real pipes. They are shells and Node, which are there wherever the tests run. */
import { spawnSync } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { randomMarket } from '../../../test/support/random-market.js'
import { shellWord } from '../../base/words.js'
import { FeatureTable, featureSet } from '../../env/features.js'
import { Backtest } from '../../trading/backtest.js'
import { execPolicy, LINE_LIMIT } from '../../trading/exec-policy.js'
import { buyHold } from '../../trading/policies.js'
import type { Policy } from '../../trading/policy.js'
import { RECORD_TYPES, RecordWriter } from '../../trading/records.js'
import { DEFAULT_RULES } from '../../trading/rules.js'
import { startProgram } from './exec-program.js'

const WORKER = new URL('../../../dist/commands/wiring/exec-worker.js', import.meta.url)

/** Each line of the shell script answers a question, which is read before it. */
const answering = (script: string) => `while read -r line; do ${script}; done`

function program(command: string, patienceMs = 20_000) {
  const ends: (() => Promise<void>)[] = []
  const exits: (() => void)[] = []
  const started = startProgram(
    {
      cwd: process.cwd(),
      environment: { PATH: process.env.PATH, MARK: 'mark' },
      onEnd: (end) => ends.push(end),
      onForcedExit: (exit) => {
        exits.push(exit)
        return () => {}
      },
      kill: process.kill,
    },
    command,
    patienceMs,
    WORKER,
  )
  const end = () => Promise.all(ends.splice(0).map((one) => one()))
  onTestFinished(async () => {
    await end()
  })
  return { ...started, end, force: () => exits.map((exit) => exit()) }
}

/** Whether the process runs; one that has ended may stand in the table of processes until somebody asks for it. */
const lives = (pid: number): boolean =>
  /^[^Z\s]/.test(spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim())

const text = (heard: ReturnType<ReturnType<typeof program>['ask']>): string =>
  heard.kind === 'line' ? (heard.text ?? '') : JSON.stringify(heard)

test('a line is answered with a line, in the working directory, with the environment that is given', () => {
  const { ask, finish } = program(answering('echo "$line $MARK $HOME $(pwd)"'))
  expect(text(ask('a\n'))).toBe(`a mark  ${process.cwd()}`)
  expect(text(ask('b\n'))).toContain('b mark')
  expect(finish()).toBe(0)
})

test.each([
  ['CR LF', "printf 'x\\r\\n'", 'x\r'],
  ['blank lines around it', "printf '\\n \\n\\r\\nx\\n\\n'", 'x'],
  ['in pieces', "printf 'x'; sleep 0.05; echo y", 'xy'],
  ['late, but in time', 'sleep 0.2; echo x', 'x'],
  ['the longest line', `head -c ${LINE_LIMIT - 1} /dev/zero | tr '\\0' x; echo y`, /^x+y$/],
  ['no line feed at the end', 'printf x; exit', 'x'],
])('%s is an answer', (_, script, expected) => {
  const { ask, finish } = program(answering(script))
  expect(text(ask('a\n'))).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected))
  expect(finish()).toBe(0)
})

test.each([
  ['no line for long', answering(`head -c ${LINE_LIMIT + 1} /dev/zero | tr '\\0' x`), { kind: 'long' }],
  [
    'a line that is too long',
    answering(`head -c ${LINE_LIMIT + 1} /dev/zero | tr '\\0' x; echo`),
    { kind: 'long' },
  ],
  ['its end', 'read -r line; exit 3', { kind: 'ended', status: 3, signal: null }],
  ['its end by a signal', 'read -r line; kill -9 $$', { kind: 'ended', status: null, signal: 'SIGKILL' }],
  [
    'an end that leaves its output to another',
    'read -r line; sleep 60 & exit 4',
    { kind: 'ended', status: 4, signal: null },
  ],
  ['no such command', 'no-such-command 2>&-', { kind: 'ended', status: 127, signal: null }],
])('%s is told', async (_, command, expected) => {
  const { ask, end } = program(command)
  expect(ask('a\n')).toEqual(expected)
  await end()
})

test('an end between two questions is told to the second', () => {
  const { ask } = program('read -r line; echo x; exit 5')
  expect(text(ask('a\n'))).toBe('x')
  expect(ask('b\n')).toEqual({ kind: 'ended', status: 5, signal: null })
})

test('a second line is told to the next question, or at the end', () => {
  const two = answering("printf 'x\\ny\\n'")
  const { ask } = program(two)
  expect(text(ask('a\n'))).toBe('x')
  expect(ask('b\n')).toEqual({ kind: 'unasked' })
  const other = program(two)
  expect(text(other.ask('a\n'))).toBe('x')
  expect(other.finish()).toBe(1)
})

test('lines after the end of the input count', () => {
  const { ask, finish } = program('read -r line; echo x; cat; echo y; echo z')
  expect(text(ask('a\n'))).toBe('x')
  expect(finish()).toBe(2)
})

test('nothing in time is late, also where the question is not read', async () => {
  const { ask, end } = program('exec sleep 60', 50)
  expect(ask(`${'x'.repeat(1 << 20)}\n`)).toEqual({ kind: 'late' })
  await end()
})

test('much on standard error holds nothing up', () => {
  const { ask } = program(answering(`head -c 300000 /dev/zero | tr "\\0" . >&2; echo >&2; echo x`))
  expect(text(ask('a\n'))).toBe('x')
})

test('what does not end with its input is told to, with all that it started', async () => {
  // One that hears nothing of SIGTERM, and a grandchild.
  const { ask, end } = program(
    `trap '' TERM; sleep 60 & read -r line; echo "$$ $!"; while :; do sleep 60; done`,
  )
  const pids = text(ask('a\n')).split(' ').map(Number)
  expect(pids.map(lives)).toEqual([true, true])
  await end()
  expect(pids.filter(lives)).toEqual([])
})

test('a forced exit takes it along at once', async () => {
  const { ask, force } = program('read -r line; echo $$; exec sleep 60')
  const pid = Number(text(ask('a\n')))
  force()
  expect(ask('b\n')).toEqual({ kind: 'ended', status: null, signal: 'SIGKILL' })
  expect(lives(pid)).toBe(false)
})

test('a program that buys and holds leaves the records of buy-hold', () => {
  const market = randomMarket({ sessions: 2, seed: 11 })
  const set = featureSet('intraday')!
  const records = (policy: Policy): string => {
    let lines = ''
    const write = (one: string) => {
      lines += one
    }
    const types = new Set(RECORD_TYPES)
    const rules = DEFAULT_RULES
    const run = new Backtest({
      ...{ market, rules, policy, longOnly: false, warmup: 50 },
      features: policy.observes ? new FeatureTable(market, set) : null,
      listener: new RecordWriter({ run: 'r', market, rules, types, write }),
    })
    const startMs = performance.now()
    while (!run.advance(1000));
    if (policy.isForeign)
      console.log(
        `${((1000 * (performance.now() - startMs)) / run.ledger.length).toFixed(0)} us a decision of a program`,
      )
    return lines
  }
  const command = `${shellWord(process.execPath)} examples/exec-policy.mjs`
  const policy = execPolicy({ command, program: program(command), columns: set.columns, patienceMs: 20_000 })
  const expected = records(buyHold)
  expect(expected).toContain('"type":"fill"')
  expect(records(policy)).toBe(expected)
})
