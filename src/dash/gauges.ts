/** What is told to a monitor: gauges for Prometheus, and whether all is well. */
import { Gauges, type Samples } from '../base/gauges.js'
import { visible } from '../page/markup.js'
import type { Dashboard } from './dashboard.js'
import { isAwaited, type Source } from './source.js'

/** What the server knows of itself. */
export interface ServerFacts {
  readonly clients: number
  /** Bytes of memory of the process. */
  readonly memory: number
}

/** The gauges of all sources; texts of theirs stand in labels alone. */
export function gaugesOf(dashboard: Dashboard, { clients, memory }: ServerFacts): string {
  const gauges = new Gauges()
  const { list } = dashboard.sources
  const runs = list.filter(({ course }) => course.run !== null)
  const labels = (source: Source) => ({ run: visible(source.name), source: source.id })
  const of = (sources: readonly Source[], value: (source: Source) => number | null): Samples =>
    sources.flatMap((source) => {
      const one = value(source)
      return one === null ? [] : [[labels(source), one] as const]
    })
  const add = (name: string, help: string, samples: Samples) =>
    gauges.add(`jules_dash_${name}`, help, samples)
  add(
    'equity_dollars',
    'Equity at the last mark.',
    of(runs, ({ course }) => course.marked?.equity ?? null),
  )
  add(
    'pnl_dollars',
    'P&L since the run began.',
    of(runs, ({ course }) => course.marked?.pnlTotal ?? null),
  )
  add(
    'pnl_day_dollars',
    'P&L of the session.',
    of(runs, ({ course }) => course.marked?.pnlDay ?? null),
  )
  add(
    'drawdown_ratio',
    'Part lost since the peak.',
    of(runs, ({ course }) => course.marked?.drawdown ?? null),
  )
  add('marked_timestamp_seconds', 'Time of the last mark.', of(runs, markedSeconds))
  add(
    'position_shares',
    'Signed shares held, by symbol.',
    runs.flatMap((source) =>
      (source.course.marked?.positions ?? []).map(
        ({ symbol, shares }) => [{ ...labels(source), symbol: visible(symbol) }, shares] as const,
      ),
    ),
  )
  add(
    'data_age_seconds',
    'Age of the data at the last decision; +Inf where it was not trusted.',
    of(runs, ({ course: { standing } }) =>
      standing.dataAge === null
        ? null
        : typeof standing.dataAge === 'number'
          ? standing.dataAge / 1000
          : Number.POSITIVE_INFINITY,
    ),
  )
  add(
    'limit_used',
    'How much of a limit is used, in its unit.',
    limits(runs, labels, (use) => use.used),
  )
  add(
    'limit',
    'A limit, in its unit.',
    limits(runs, labels, (use) => use.limit),
  )
  add('halted', '1 where the kill switch or a limit has ended trading.', of(runs, isHalted))
  add(
    'step',
    'Steps of a training.',
    of(list, ({ learning }) => learning.step),
  )
  add(
    'lines',
    'Lines read of a file.',
    of(list, ({ lines }) => lines),
  )
  add(
    'damaged_lines',
    'Lines of a file that cannot be read.',
    of(list, ({ damaged }) => damaged),
  )
  add('written_timestamp_seconds', 'When a file was last written.', of(list, writtenSeconds))
  add('clients', 'Browsers that follow events.', [[{}, clients]])
  add('memory_bytes', 'Resident memory, bytes.', [[{}, memory]])
  return gauges.text()
}

const markedSeconds = ({ course }: Source): number | null =>
  course.marked === null ? null : course.marked.timeMs / 1000
const writtenSeconds = ({ tail }: Source): number | null =>
  tail.changedMs === 0 ? null : tail.changedMs / 1000
const isHalted = ({ course }: Source): number => (course.standing.halted === null ? 0 : 1)

function limits(
  runs: readonly Source[],
  labels: (source: Source) => Readonly<Record<string, string>>,
  value: (use: Source['course']['standing']['limits'][number]) => number | null,
): Samples {
  return runs.flatMap((source) =>
    source.course.standing.limits.flatMap((use) => {
      const one = value(use)
      return one === null ? [] : [[{ ...labels(source), limit: use.name }, one] as const]
    }),
  )
}

export interface Health {
  readonly ok: boolean
  readonly problems: readonly { readonly source: string; readonly words: string }[]
}

/**
 * Whether a person is needed: a file that cannot be read, one that was named and is not there (yet, or any more), a journal that is damaged, or one
 * whose run has not ended and that is not written any more or whose process is gone.
 */
export function healthOf(dashboard: Dashboard): Health {
  const problems = dashboard.sources.list.flatMap((source) => {
    const words = problemOf(dashboard, source)
    return words === null ? [] : [{ source: source.options.path, words }]
  })
  if (!dashboard.isReady) problems.push({ source: '', words: 'what there is is still being read' })
  return { ok: problems.length === 0, problems }
}

function problemOf(dashboard: Dashboard, source: Source): string | null {
  const { tail, options, content, damaged, damage } = source
  if (tail.state === 'unreadable') return tail.words
  if (isAwaited(source) || (tail.state === 'gone' && options.isNamed)) return tail.words
  if (content === 'journal' && damaged > 0) return damage
  if (dashboard.pulse(source) === 'stale')
    return `its run has not ended, and ${source.isDeserted ? 'its process is gone' : 'it is not written any more'}`
  return null
}
