/** The tables as they are now: what makes them, what fills them, and what tables of others are compared with. */

export interface Column {
  readonly name: string
  /** As PostgreSQL writes it. */
  readonly type:
    | 'text'
    | 'double precision'
    | 'timestamp with time zone'
    | 'date'
    | 'jsonb'
    | 'bigint'
    | 'integer'
  /** NOT NULL. */
  readonly required?: boolean
  /** Stands for null in a key column, and is the column's default. */
  readonly fallback?: string
  /** Characters of the longest text that jules writes there; undefined: any number. */
  readonly longest?: number
  /** A default that the database computes; jules gives no value. */
  readonly computed?: 'now()'
  /** Where in a record the value stands, when not under the name of the column; of no steps: the record itself. */
  readonly at?: readonly string[]
  /** A repetition of the run has another value there: the later one stands. */
  readonly measured?: true
}

export interface Table {
  readonly name: string
  readonly key: readonly string[]
  /** Of records `r`: which of them a run gives the same each time; undefined: all. */
  readonly repeated?: string
  readonly columns: readonly Column[]
}

const required = true
const measured = true
const float = 'double precision'
const instant = 'timestamp with time zone'
const touched: Column = { name: 'updated_at', type: instant, required, computed: 'now()' }

export const BARS: Table = {
  name: 'market_data',
  key: ['symbol', 'interval', 'time'],
  columns: [
    { name: 'symbol', type: 'text', required, longest: 16 },
    { name: 'interval', type: 'text', required, longest: 3 },
    { name: 'time', type: instant, required },
    { name: 'open', type: float, required },
    { name: 'high', type: float, required },
    { name: 'low', type: float, required },
    { name: 'close', type: float, required },
    { name: 'volume', type: float },
    { name: 'vwap', type: float },
    { name: 'trades', type: float },
    { name: 'adjusted', type: 'text', longest: 16 },
    { name: 'session', type: 'text', longest: 3 },
    { name: 'source', type: 'text', longest: 32 },
    touched,
  ],
}

const RUNS: Table = {
  name: 'runs',
  key: ['run'],
  columns: [
    { name: 'run', type: 'text', required },
    { name: 'first_seen', type: instant, required, computed: 'now()' },
  ],
}

/** What each record of a run has, and each of a trade in it. */
const ofRun: readonly Column[] = [
  { name: 'run', type: 'text', required },
  { name: 'time', type: instant, required },
]
const ofTrade: readonly Column[] = [
  ...ofRun,
  { name: 'symbol', type: 'text', required },
  { name: 'side', type: 'text', required },
  { name: 'qty', type: float, required },
]

const FILLS: Table = {
  name: 'fills',
  key: ['run', 'time', 'symbol', 'ref', 'exec'],
  // An execution with an id of the broker's own is that very one: what the broker corrects takes its place.
  repeated: "r.exec = '' OR starts_with(r.exec, r.ref)",
  columns: [
    ...ofTrade,
    { name: 'price', type: float, required },
    { name: 'commission', type: float },
    { name: 'slippage', type: float },
    { name: 'ref', type: 'text', required, fallback: '' },
    { name: 'exec', type: 'text', required, fallback: '' },
  ],
}

const EQUITY: Table = {
  name: 'equity',
  key: ['run', 'time'],
  columns: [
    ...ofRun,
    { name: 'cash', type: float },
    { name: 'positions', type: 'jsonb' },
    { name: 'marks', type: 'jsonb' },
    { name: 'equity', type: float, required },
    { name: 'pnl_day', type: float },
    { name: 'pnl_total', type: float },
    { name: 'drawdown', type: float },
  ],
}

const ORDERS: Table = {
  name: 'run_orders',
  // One decision may be followed at once by an order that closes everything: the reference is the same.
  key: ['run', 'time', 'symbol', 'ref', 'reason'],
  columns: [
    ...ofTrade,
    { name: 'kind', type: 'text' },
    { name: 'limit', type: float },
    { name: 'ref', type: 'text', required, fallback: '' },
    { name: 'reason', type: 'text', required, fallback: '' },
  ],
}

const RISK_EVENTS: Table = {
  name: 'risk_events',
  key: ['run', 'time', 'rule', 'symbol'],
  columns: [
    ...ofRun,
    { name: 'rule', type: 'text', required },
    // What concerns the whole account names no symbol.
    { name: 'symbol', type: 'text', required, fallback: '', at: ['detail', 'symbol'] },
    { name: 'action', type: 'text', required },
    { name: 'detail', type: 'jsonb' },
  ],
}

const RUN_STATES: Table = {
  name: 'run_states',
  key: ['run', 'time'],
  columns: [
    ...ofRun,
    { name: 'connection', type: 'text', measured },
    { name: 'data_age_ms', type: float, measured },
    { name: 'clock_offset_ms', type: float, measured },
    { name: 'latency_ms', type: float, measured },
    { name: 'positions', type: 'jsonb' },
    { name: 'limits_used', type: 'jsonb' },
  ],
}

/** Each process of a run ends with a summary: the last one is that of the run. */
const RUN_SUMMARIES: Table = {
  name: 'run_summaries',
  key: ['run'],
  columns: [
    { name: 'run', type: 'text', required },
    { name: 'summary', type: 'jsonb', required, at: [], measured },
  ],
}

const QUALITY: Table = {
  name: 'data_quality_reports',
  key: ['date', 'ruleset', 'symbol', 'check', 'from'],
  columns: [
    { name: 'date', type: 'date', required },
    { name: 'ruleset', type: 'text', required },
    { name: 'symbol', type: 'text', required, fallback: '' },
    { name: 'check', type: 'text', required },
    { name: 'severity', type: 'text' },
    { name: 'from', type: instant, required, fallback: '-infinity' },
    { name: 'to', type: instant },
    { name: 'count', type: float },
    { name: 'observed', type: 'jsonb' },
    { name: 'expected', type: 'jsonb' },
    { name: 'samples', type: 'jsonb' },
    { name: 'fix', type: 'text' },
    touched,
  ],
}

const IMPORTS: Table = {
  name: 'imports',
  key: ['id'],
  columns: [
    { name: 'id', type: 'text', required },
    { name: 'rows', type: 'bigint', required },
    { name: 'digest', type: 'text', required },
    touched,
  ],
}

/** As the first migration makes them, and the second. */
export const FIRST_TABLES: readonly Table[] = [BARS, RUNS, FILLS, EQUITY, QUALITY, IMPORTS]
export const RUN_TABLES: readonly Table[] = [ORDERS, RISK_EVENTS, RUN_STATES, RUN_SUMMARIES]

export const TABLES: readonly Table[] = [...FIRST_TABLES, ...RUN_TABLES]

/** Which migrations were applied. */
export const MIGRATIONS_TABLE: Table = {
  name: 'jules_migrations',
  key: ['version'],
  columns: [
    { name: 'version', type: 'integer', required },
    { name: 'name', type: 'text', required },
    { name: 'applied_at', type: instant, required, computed: 'now()' },
  ],
}

/** Record types that have a table. */
export const RECORD_TABLES: Readonly<Record<string, Table>> = {
  order: ORDERS,
  fill: FILLS,
  equity: EQUITY,
  risk: RISK_EVENTS,
  state: RUN_STATES,
  summary: RUN_SUMMARIES,
  quality: QUALITY,
}

/** An SQL identifier, quoted. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A column as CREATE TABLE and ADD COLUMN take it. */
export function columnSql({ name, type, required, fallback, computed }: Column): string {
  const value = computed ?? (fallback === undefined ? undefined : `'${fallback}'`)
  return `${identifier(name)} ${type}${required ? ' NOT NULL' : ''}${value === undefined ? '' : ` DEFAULT ${value}`}`
}

export const keySql = ({ key }: Table): string => key.map(identifier).join(', ')

export const createSql = (table: Table): string =>
  `CREATE TABLE IF NOT EXISTS ${table.name} (
  ${[...table.columns.map(columnSql), `PRIMARY KEY (${keySql(table)})`].join(',\n  ')}
);`
