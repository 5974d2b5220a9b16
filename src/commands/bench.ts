import { availableParallelism } from 'node:os'
import { benchmarkLayout, LAUNCHES, measure, type Speed } from '../agent/benchmark.js'
import type { Engine } from '../agent/engines/engine.js'
import { pauses } from '../agent/run/pause.js'
import { Failure, usage } from '../base/errors.js'
import { quote } from '../base/words.js'
import { defineCommand } from '../cli/command.js'
import { choice, integer, option } from '../cli/options.js'
import { BlockWriter } from '../stream/sink.js'
import { type EngineFlags, engineFor, threadsOf } from './wiring/engines.js'

const WIDTHS: readonly number[] = [32, 64, 128, 256]

const widthsOf = (word: string): readonly number[] => {
  const widths = word.split(',').map((part) => (/^\d{1,4}$/.test(part.trim()) ? Number(part) : Number.NaN))
  if (widths.every((width) => width >= 8 && width % 8 === 0)) return widths.sort((a, b) => a - b)
  throw usage('expected multiples of 8 between commas', { got: quote(word) })
}

interface Candidate {
  readonly name: string
  readonly flags: EngineFlags
}

interface Row {
  readonly engine: string
  readonly hidden: number
  readonly speed: Speed
}

/** An engine that cannot be had here. */
interface Absent {
  readonly engine: string
  readonly failure: Failure
}

export const bench = defineCommand({
  name: 'bench',
  summary: 'measure the training engines of this machine',
  description: [
    'Times every engine there is on this machine at LSTM widths of 32, 64, 128 and 256 with the default settings of train, and says which to use, and from what width a GPU would pay. Environments are left out; they take a few microseconds a step.',
    'An engine that cannot be had is listed with the reason, and is no failure.',
  ],
  options: {
    threads: integer('N', 'threads of the CPU engine', {
      min: 1,
      max: 64,
      defaultText: 'one a core, 8 at most',
    }),
    widths: option<readonly number[]>(
      'LIST',
      'LSTM widths to measure',
      { fallback: WIDTHS, defaultText: WIDTHS.join(',') },
      widthsOf,
    ),
    seconds: integer('N', 'seconds for each figure', { fallback: 1, min: 1, max: 60 }),
    format: choice('FORMAT', ['ndjson', 'table'], 'records, or a table for people', {
      short: 'f',
      defaultText: 'table on a terminal, else ndjson',
    }),
  },
  examples: [{ text: 'As a table', shell: 'jules bench -f table' }],
  seeAlso: ['train'],
  run: async (context, given) => {
    const threads = threadsOf({ threads: given.threads })
    const candidates: Candidate[] = [
      { name: 'cpu, 1 thread', flags: { threads: 1 } },
      ...(threads > 1 ? [{ name: `cpu, ${threads} threads`, flags: { threads } }] : []),
      { name: '--gpu', flags: { gpu: true } },
      { name: '--gpu=webgpu', flags: { 'gpu-backend': 'webgpu' as const } },
    ]
    const table = (given.format ?? (context.stdoutIsTTY ? 'table' : 'ndjson')) === 'table'
    const out = new BlockWriter(context.stdout())
    const say = async (words: string) => {
      await out.text(words)
      await out.drain()
    }
    const progress = context.ui.progress('measurements')
    const pause = pauses(context.signal)
    const rows: Row[] = []
    const absent: Absent[] = []
    let done = 0
    for (const { name, flags } of candidates) {
      for (const hidden of given.widths) {
        context.signal.throwIfAborted()
        let engine: Engine
        try {
          engine = await engineFor(benchmarkLayout(hidden), flags)
        } catch (error) {
          if (!(error instanceof Failure)) throw error
          absent.push({ engine: name, failure: error })
          if (!table)
            await say(
              `${JSON.stringify({ type: 'bench', engine: name, available: false, reason: error.message })}\n`,
            )
          break
        }
        const work = measure(engine, () => performance.now(), 1000 * given.seconds)
        let step = work.next()
        while (step.done !== true) {
          if (await pause()) context.signal.throwIfAborted()
          step = work.next()
        }
        const speed = step.value
        engine.dispose()
        rows.push({ engine: name, hidden, speed })
        progress.update(++done, candidates.length * given.widths.length)
        if (!table) {
          const { stepsPerSecond, minibatchMs, policyUs } = speed
          const figures = {
            steps_per_s: Math.round(stepsPerSecond),
            minibatch_ms: minibatchMs,
            policy_us: policyUs,
          }
          await say(
            `${JSON.stringify({ type: 'bench', engine: name, available: true, hidden, ...figures })}\n`,
          )
        }
      }
    }
    progress.end()
    const advice = adviceOf(rows, absent, given.widths)
    if (table) await say(tableOf(rows, absent, advice))
    else await say(`${JSON.stringify({ type: 'bench_advice', cores: availableParallelism(), ...advice })}\n`)
  },
})

/** What an idle launch of an operation on a GPU from JavaScript costs, roughly; an estimate and called one. */
const LAUNCH_US = 10

interface Advice {
  /** Fastest engine by width. */
  readonly use: Readonly<Record<number, string>>
  readonly gpu: string
}

function adviceOf(rows: readonly Row[], absent: readonly Absent[], widths: readonly number[]): Advice {
  // None where a width is more than any engine can hold.
  const best = (hidden: number): Row | undefined =>
    rows
      .filter((row) => row.hidden === hidden)
      .sort((a, b) => b.speed.stepsPerSecond - a.speed.stepsPerSecond)[0]
  const measured = widths.filter((hidden) => best(hidden) !== undefined)
  const use = Object.fromEntries(measured.map((hidden) => [hidden, best(hidden)!.engine]))
  if (!absent.some(({ engine }) => engine === '--gpu')) {
    const wins = measured.filter((hidden) => use[hidden]!.startsWith('--gpu'))
    return {
      use,
      gpu:
        wins.length === 0
          ? 'slower here than the CPU at every width'
          : `faster from a width of ${wins[0]} on`,
    }
  }
  const launches = (LAUNCHES * LAUNCH_US) / 1000
  const pays = measured.find((hidden) => best(hidden)!.speed.minibatchMs > 2 * launches)
  return {
    use,
    gpu: `not measured; a minibatch is about ${LAUNCHES} launches, some ${launches.toFixed(0)} ms at ${LAUNCH_US} us each whatever the width, so by this estimate a GPU pays ${pays === undefined ? `only above a width of ${measured.at(-1) ?? 0}` : `from a width of about ${pays}`}`,
  }
}

function tableOf(rows: readonly Row[], absent: readonly Absent[], { use, gpu }: Advice): string {
  const line = (engine: string, hidden: string, ...cells: readonly string[]) =>
    `${engine.padEnd(18)}${hidden.padStart(6)}${cells.map((cell) => cell.padStart(16)).join('')}\n`
  const lines = [line('engine', 'width', 'steps/s', 'minibatch ms', 'policy us')]
  for (const { engine, hidden, speed } of rows) {
    const { stepsPerSecond, minibatchMs, policyUs } = speed
    lines.push(
      line(
        engine,
        String(hidden),
        Math.round(stepsPerSecond).toLocaleString('en'),
        minibatchMs.toFixed(2),
        policyUs.toFixed(2),
      ),
    )
  }
  const words = [
    ...absent.map(({ engine, failure: { message, hint } }) => {
      return `not there: ${engine}: ${message}${hint === undefined ? '' : ` (${hint})`}`
    }),
    `use: ${Object.entries(use)
      .map(([hidden, engine]) => `${engine} at ${hidden}`)
      .join('; ')}`,
    `a GPU: ${gpu}`,
  ]
  return `${lines.join('')}\n${words.flatMap(wrapped).join('\n')}\n`
}

/** Lines of at most 80 columns. */
function wrapped(words: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of words.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > 80) {
      lines.push(line)
      line = `  ${word}`
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
