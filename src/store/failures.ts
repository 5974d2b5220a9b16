/** From what a database says to words and an exit status. */
import { type ExitName, Failure, systemCode, systemFailure } from '../base/errors.js'
import { PASSWORD } from './dsn.js'
import { ServerFault } from './wire.js'

const START = 'start the database or pass --dsn'
const TABLES = '"jules db init" says how the tables differ from those that jules makes'

/**
 * SQLSTATE (manual, appendix A) -> exit status and a way out; the longest prefix counts. Null is for statements that jules
 * wrote wrong. A class that is not here comes from functions of the database's own: it refuses the row.
 */
const STATES: Readonly<Record<string, readonly [ExitName, string?] | null>> = {
  '03': null,
  '08': ['unavailable', START],
  // A binary COPY that does not fit the columns.
  '08P01': ['config', TABLES],
  '0A': ['config', TABLES],
  '0L': ['denied'],
  '0P': ['denied'],
  '22': ['data'],
  '22P03': ['config', TABLES],
  '23': ['data'],
  '25': null,
  '25006': ['denied', 'the database is read-only: name the primary server, or a role that may write'],
  '25P03': ['unavailable'],
  '25P04': ['unavailable'],
  '26': null,
  '28': ['denied'],
  '28P01': ['denied', `set the password: jules vault set ${PASSWORD}`],
  '2B': ['config'],
  '34': null,
  '3B': null,
  '3D': ['unavailable', 'create the database, or name another in --dsn'],
  '3F': ['config', 'create the schema, or name another with --schema'],
  '40': ['tryAgain'],
  '40002': ['data'],
  '42': ['config', TABLES],
  '42501': ['denied'],
  '42601': null,
  '53': ['tryAgain'],
  '53100': ['io', 'free some space on the database server'],
  '54': ['unavailable'],
  '55': ['tryAgain'],
  '55000': ['config', TABLES],
  '57': ['unavailable'],
  '58': ['io'],
  '72': ['tryAgain'],
  F0: ['unavailable'],
  HV: ['unavailable'],
  TS: ['unavailable'],
  XX: ['unavailable'],
  XX001: ['io'],
  XX002: ['io'],
}
const REFUSED: readonly [ExitName, string?] = ['data']
/** States of a session or a statement; functions of the database's own raise any they like, and mean a row. */
const NOT_OF_ROWS = /^(03|08|25|26|28|34|3B|42601)/

/** Words of a server are its own, and may have no end. */
const LONGEST_WORDS = 2000

function meaningOf(state: string): readonly [ExitName, string?] | null {
  for (let length = 5; length >= 2; length--) {
    const meaning = STATES[state.slice(0, length)]
    if (meaning !== undefined) return meaning
  }
  return REFUSED
}

/** Words and status for an error of the database; a Failure passes as it is, a bug stays one. */
export function databaseFailure(error: unknown, doing: string): unknown {
  if (error instanceof ServerFault) {
    const { kind, hint, message } = error
    return new Failure(kind, `${doing}: ${message}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    })
  }
  if (error instanceof Failure || !(error instanceof Error)) return error
  const code = systemCode(error)
  // Five characters could be EPIPE as well; only the server's own errors have a severity.
  if ('severity' in error) {
    // A server that gives no state, or none that is one, says little.
    const state = /^[0-9A-Z]{5}$/.test(code ?? '') ? code! : 'XX000'
    const inside = functionOf(error)
    const own = inside !== undefined && NOT_OF_ROWS.test(state)
    const meaning = own ? REFUSED : meaningOf(state)
    if (meaning === null) return error
    const [kind, usual] = meaning
    const hint = inside === undefined ? usual : `it comes from ${inside}, which is not of jules`
    // A line of its own could pass for a message of jules.
    const words =
      error.message.slice(0, LONGEST_WORDS).replace(/\s*\n\s*/g, ' ') || 'the server gives no reason'
    return new Failure(kind, `${doing}: ${words}${placeOf(error)}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    })
  }
  const ended =
    /Connection terminated|connection.*(closed|ended|not queryable)|timeout exp|Client has encountered/i
  if (ended.test(error.message)) {
    return new Failure('unavailable', `${doing}: the database ended the connection`, { cause: error })
  }
  if (code === undefined) return error
  const failure = systemFailure(error, doing)
  const message = failure instanceof Failure ? failure.message : `${doing}: ${error.message}`
  return new Failure('unavailable', message, { cause: error, hint: START })
}

/** The function of the database's own that an error comes from, as the server describes it: that of a trigger or a check. */
function functionOf(error: Error): string | undefined {
  const { where } = error as { readonly where?: unknown }
  const lines = typeof where === 'string' ? where.slice(0, LONGEST_WORDS).split('\n') : []
  return lines.findLast((line) => /PL\/|function/i.test(line) && !line.startsWith('COPY'))?.slice(0, 200)
}

/** The table and the column that the server names, where its words do not: ` (table market_data, column desk)`. */
function placeOf(error: Error): string {
  const fields = error as { readonly table?: unknown; readonly column?: unknown; readonly where?: unknown }
  // COPY says where it was in its context alone: `COPY market_data, line 7, column volume`.
  const copy = /^COPY (\w+), line \d+(?:, column (\w+))?/m.exec(String(fields.where ?? ''))
  const named = [
    ['table', fields.table ?? copy?.[1]],
    ['column', fields.column ?? copy?.[2]],
  ].filter(([, name]) => typeof name === 'string' && !error.message.includes(`"${name}"`))
  return named.length === 0 ? '' : ` (${named.map((pair) => pair.join(' ')).join(', ')})`
}
