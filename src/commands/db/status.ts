/** What the store is and whether it answers: the server that is named, or the embedded one, which is not started for it. */

import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { choice } from '../../cli/options.js'
import { inLine, painter, plain } from '../../cli/ui.js'
import type { StoreFacts } from '../../store/postgres.js'
import { isTable } from '../wiring/output.js'
import {
  embeddedOptions,
  type StoreFlags,
  store,
  storeExits,
  storeTarget,
  withStore,
} from '../wiring/store.js'

/** How commands end that look at the files of the embedded server. */
export const fileExits = {
  74: 'reading or writing failed',
  77: 'no permission for its files, or they are those of another user',
}

/** The record, and what people are told beside it. */
interface Status {
  readonly record: Readonly<Record<string, string | number | boolean | null>>
  readonly answers: boolean
  readonly data?: string
}

const TABLES: Readonly<Record<StoreFacts['tables'], string>> = {
  there: 'there',
  missing: 'not made yet; what writes to the store makes them',
  different: 'not those of jules; jules db init names the differences',
}

export const status = defineCommand({
  name: 'status',
  summary: 'say whether the database runs',
  description: [
    'Tells of the server that --dsn or the environment names whether it answers, its version, whether TLS carries the session, and whether the tables are there; else the same of the embedded one.',
    'Exits with 1 when the embedded one does not run. A server outside that cannot be reached is 69, as for every command, and one that refuses the session 77.',
  ],
  options: {
    ...store,
    format: choice('FORMAT', ['ndjson', 'table'], 'a record, or lines for people', {
      short: 'f',
      defaultText: 'table on a terminal, else ndjson',
    }),
  },
  exits: { ...storeExits, ...fileExits, 1: 'the embedded one does not run', 77: storeExits[77] },
  run: async (context, flags) => {
    const { endpointOf } = await import('../../store/endpoint.js')
    const endpoint = await endpointOf(storeTarget(context, flags))
    const found = endpoint === null ? await embedded(context, flags) : await outside(context, flags)
    const table = isTable(context, flags.format)
    const text = table ? await linesOf(context, found) : plain(JSON.stringify(found.record))
    await context.stdout().write(Buffer.from(`${text}\n`))
    if (!found.answers) context.exitWith(1)
  },
})

async function outside(context: Context, flags: StoreFlags): Promise<Status> {
  return withStore(context, flags, async (database) => ({
    record: recordOf({ database: database.name, state: 'running' }, await database.facts()),
    answers: true,
  }))
}

async function embedded(context: Context, flags: StoreFlags): Promise<Status> {
  const { serverState } = await import('../../store/embedded.js')
  const state = await serverState(embeddedOptions(context))
  if (!state.running) {
    const words = state.initialised ? 'stopped' : 'not made yet'
    return { record: recordOf({ database: 'embedded', state: words }), answers: false }
  }
  const { pid, socketDirectory: socket, data } = state
  const facts = await withStore(context, flags, (database) => database.facts())
  return {
    record: recordOf({ database: 'embedded', state: 'running', pid, socket }, facts),
    answers: true,
    data,
  }
}

interface Place {
  readonly database: string
  readonly state: string
  readonly pid?: number
  readonly socket?: string
}

const recordOf = ({ database, state, pid, socket }: Place, facts?: StoreFacts) => ({
  type: 'state',
  database,
  state,
  pid: pid ?? null,
  socket: socket ?? null,
  version: facts?.version ?? null,
  tls: facts?.tls ?? null,
  tables: facts?.tables ?? null,
})

async function linesOf(context: Context, { record, answers, data }: Status): Promise<string> {
  const { green, red } = await painter(context.color)
  const { database, state, pid, socket, version, tls, tables } = record
  const words = String(state)
  const lines: [name: string, value: unknown][] = [
    ['database', `${inLine(String(database))}, ${answers ? green(words) : red(words)}`],
    ['process', pid],
    ['socket', socket],
    ['data', data],
    ['version', version === null ? null : `PostgreSQL ${inLine(String(version))}`],
    ['TLS', database === 'embedded' || tls === null ? null : tls ? 'yes' : 'no'],
    ['tables', tables === null ? null : TABLES[tables as StoreFacts['tables']]],
    ['start', answers ? null : 'jules db start'],
  ]
  return lines
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name.padEnd(9)} ${value}`)
    .join('\n')
}
