import { availableParallelism } from 'node:os'
import { type Advice, adviceOf, type Measured } from '../agent/advice.js'
import { benchmarkLayout, DEFAULT_LOAD, type Load, measure, type Speed } from '../agent/benchmark.js'
import { isBuilt } from '../agent/engines/native/native.js'
import { isOutOfMemory } from '../agent/engines/tfjs/backends.js'
import { Failure, usage } from '../base/errors.js'
import { pauses } from '../base/pause.js'
import { quote } from '../base/words.js'
import { defineCommand } from '../cli/command.js'
import { choice, integer, option } from '../cli/options.js'
import { BlockWriter } from '../stream/sink.js'
import { backendOf, type EngineFlags, engineFor, threadsOf } from './wiring/engines.js'
import { isTable } from './wiring/output.js'

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

/** More environments and larger minibatches than the default: what fills a GPU. Measured where there is one. */
const LOADS: readonly Load[] = [
  { envs: 64, batch: 2048 },
  { envs: 256, batch: 8192 },
]

/** As small as it gets: what is left is the cost of asking. */
const LEAST = { width: 8, load: { envs: 1, batch: 32 } }

/** An engine that cannot be had here. */
interface Absent {
  readonly engine: string
  readonly failure: Failure
}

export const bench = defineCommand({
  name: 'bench',
  summary: 'measure the training engines of this machine',
  description: [
    'Times every engine there is on this machine at LSTM widths of 32, 64, 128 and 256 with the default settings of train, and says which to use. Environments are left out; they take a few microseconds a step.',
    'Where a GPU is to be had it is measured with more environments and larger minibatches too, beside the CPU with all its threads, and from which width, batch and number of environments it pays is said; so is what the launches of its operations cost, by the smallest minibatch there is. Where there is none, nothing is said of one.',
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
    const processor = (name: string, native: boolean): Candidate[] => [
      { name: `${name}, 1 thread`, flags: { threads: 1, native } },
      ...(threads > 1 ? [{ name: `${name}, ${threads} threads`, flags: { threads, native } }] : []),
    ]
    const candidates: Candidate[] = [
      ...processor('cpu', false),
      ...(isBuilt() ? processor('native', true) : []),
      { name: '--gpu', flags: { gpu: true } },
      { name: '--gpu=webgpu', flags: { 'gpu-backend': 'webgpu' as const } },
    ]
    const table = isTable(context, given.format)
    const out = new BlockWriter(context.stdout())
    const say = async (words: string) => {
      await out.text(words)
      await out.drain()
    }
    const progress = context.ui.progress('measurements')
    const pause = pauses(context.signal)
    const rows: Measured[] = []
    const absent: Absent[] = []
    const launches: Record<string, number> = {}
    let done = 0
    let total = candidates.length * given.widths.length
    const timed = async (flags: EngineFlags, hidden: number, load: Load): Promise<Speed> => {
      context.signal.throwIfAborted()
      const engine = await engineFor(benchmarkLayout(hidden), flags)
      try {
        const work = measure(engine, () => performance.now(), { budgetMs: 1000 * given.seconds, load })
        for (;;) {
          const { done, value } = work.next()
          if (done === true) return value
          if (await pause()) context.signal.throwIfAborted()
        }
      } finally {
        engine.dispose()
      }
    }
    const measured = async ({ name: engine, flags }: Candidate, load: Load) => {
      for (const hidden of given.widths) {
        const speed = await timed(flags, hidden, load)
        rows.push({ engine, gpu: isGpu(flags), hidden, load, speed })
        progress.update(++done, total)
        if (table) continue
        const { stepsPerSecond, minibatchMs, policyUs } = speed
        const figures = {
          steps_per_s: Math.round(stepsPerSecond),
          minibatch_ms: minibatchMs,
          policy_us: policyUs,
        }
        const what = { type: 'bench', engine, available: true, hidden, ...load, ...figures }
        await say(`${JSON.stringify(what)}\n`)
      }
    }
    const attempt = async (engine: string, work: () => Promise<void>) => {
      try {
        await work()
      } catch (error) {
        const full = isOutOfMemory(error)
        if (!(error instanceof Failure || full)) throw error
        const failure = full
          ? new Failure('unavailable', 'the memory of the device is full')
          : (error as Failure)
        absent.push({ engine, failure })
        const what = { type: 'bench', engine, available: false, reason: failure.message }
        if (!table) await say(`${JSON.stringify(what)}\n`)
      }
    }
    for (const candidate of candidates) {
      const { name, flags } = candidate
      await attempt(name, async () => {
        if (isGpu(flags)) launches[name] = (await timed(flags, LEAST.width, LEAST.load)).minibatchMs
        await measured(candidate, DEFAULT_LOAD)
      })
    }
    if (rows.some(({ gpu }) => gpu)) {
      // The CPU with all its threads is what the GPU has to beat.
      const rivals = candidates.filter(
        ({ name, flags }) =>
          rows.some(({ engine }) => engine === name) && (isGpu(flags) || flags.threads === threads),
      )
      total = done + LOADS.length * rivals.length * given.widths.length
      for (const load of LOADS)
        for (const rival of rivals) await attempt(rival.name, () => measured(rival, load))
    }
    progress.end()
    const advice = adviceOf(rows, launches)
    if (table) await say(tableOf(rows, absent, advice))
    else await say(`${JSON.stringify({ type: 'bench_advice', cores: availableParallelism(), ...advice })}\n`)
  },
})

const isGpu = (flags: EngineFlags): boolean => backendOf(flags) !== null

function tableOf(rows: readonly Measured[], absent: readonly Absent[], { use, gpu }: Advice): string {
  const line = (engine: string, hidden: string, ...cells: readonly string[]) =>
    `${engine.padEnd(19)}${hidden.padStart(6)}${cells.map((cell) => cell.padStart(13)).join('')}\n`
  const lines = [line('engine', 'width', 'envs x batch', 'steps/s', 'minibatch ms', 'policy us')]
  for (const { engine, hidden, load, speed } of rows) {
    const { stepsPerSecond, minibatchMs, policyUs } = speed
    lines.push(
      line(
        engine,
        String(hidden),
        `${load.envs} x ${load.batch}`,
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
