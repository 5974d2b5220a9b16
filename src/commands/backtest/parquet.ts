/** Records of a run as Parquet: the rows of one type, and the summary in the metadata of the file where it is asked for. */
import { usage } from '../../base/errors.js'
import { TableWriter } from '../../stream/parquet/table.js'
import type { ByteSink } from '../../stream/sink.js'
import type { Backtest } from '../../trading/backtest.js'
import type { Listener } from '../../trading/listener.js'
import { layoutOf, RecordColumns, type TableType } from '../../trading/record-columns.js'
import type { RecordOptions } from '../../trading/records.js'
import { TRIP_LAYOUT, tripRows } from './trips.js'

/** Types that make a file. */
type RowType = TableType | 'trip'

const ROW_TYPES: readonly RowType[] = ['order', 'fill', 'risk', 'equity', 'trip']

/** The one type of the rows. Throws 64 where there are several, or none. */
export function rowTypeOf(records: readonly string[] | undefined): RowType {
  const [type, another] = ROW_TYPES.filter((one) => records?.includes(one) ?? true)
  if (type !== undefined && another === undefined) return type
  throw usage('a Parquet file has the records of one type, and the summary beside them', {
    hint: '--records equity,summary',
  })
}

/** The key of the summary in the metadata of a file. */
const SUMMARY = 'jules.summary'

/** The file of a run while it is written. */
export class RunTable {
  readonly #run: string
  readonly #isTrips: boolean
  readonly #table: TableWriter
  /** Puts records into it as they happen; null where they come after the run. */
  readonly listener: Listener | null

  constructor(sink: ByteSink, type: RowType, run: Pick<RecordOptions, 'run' | 'market' | 'rules'>) {
    this.#run = run.run
    this.#isTrips = type === 'trip'
    this.#table = new TableWriter(sink, type === 'trip' ? TRIP_LAYOUT : layoutOf(type, run.market))
    this.listener = type === 'trip' ? null : new RecordColumns({ ...run, type, table: this.#table })
  }

  /** Writes what is enough for a part of the file. */
  flush(): Promise<void> {
    return this.#table.flush()
  }

  /** Writes the rest; `summary` is null where it was not asked for. */
  async finish(run: Backtest, summary: object | null): Promise<void> {
    if (this.#isTrips) for (const row of tripRows(this.#run, run)) this.#table.put(row)
    await this.#table.finish(summary === null ? {} : { [SUMMARY]: JSON.stringify(summary) })
  }
}
