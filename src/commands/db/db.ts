import { Failure, usage } from '../../base/errors.js'
import { newYorkMidnight } from '../../base/time.js'
import { defineCommand, defineGroup } from '../../cli/command.js'
import { choice, date, flag, list, option } from '../../cli/options.js'
import { INVENTED_SOURCES } from '../../market/bar.js'
import type { Span } from '../../market/feeds/failover.js'
import type { PostgresStore } from '../../store/postgres.js'
import type { Purge } from '../../store/store.js'
import { confirmed } from '../wiring/confirm.js'
import { interval, symbols } from '../wiring/input.js'
import { spanOf } from '../wiring/spans.js'
import {
  embeddedOptions,
  holdingsWords,
  store,
  storeEnvironment,
  storeExits,
  storeTarget,
  withStore,
} from '../wiring/store.js'
import { fileExits, status } from './status.js'
import { upgrade } from './upgrade.js'

const print = (line: string): Buffer => Buffer.from(`${line}\n`)

/** How commands end that start it. */
const serverExits = {
  69: 'there is no PostgreSQL for this machine, or it does not start',
  73: 'a directory of the embedded database cannot be made',
  ...fileExits,
}

/** How commands end that open the store: the embedded one, which they start, or the one that is named. */
const tableExits = {
  ...storeExits,
  73: serverExits[73],
  74: serverExits[74],
  75: 'another session of the database is in the way',
  77: 'the database refuses the password or the right to do this, or is read-only',
}

export const db = defineGroup({
  name: 'db',
  summary: 'run the embedded database and look after the store',
  description: [
    'The embedded database is a PostgreSQL server under the data directory. It listens on a Unix socket in a private directory and on no TCP port, is started by the first command that needs it, and is left running.',
    'With --dsn, or with a host or service in the environment, the store is that server instead: a URL or key=value words as psql takes them, with host, port, dbname, user, sslmode, sslrootcert, sslcert, sslkey, application_name, connect_timeout, options, service and passfile. sslmode means what it means to psql: prefer unless given, so TLS where the server has it; verify-full also checks its name, against the certificate in sslrootcert or, with sslrootcert=system, the usual authorities.',
    'A session has no time-outs of its server, role, database or PGOPTIONS: a statement may take as long as it takes. A wait for what another session holds ends after --lock-timeout seconds (default 30) with 75 and names that session as far as the role may see it; a lock_timeout in options counts for nothing.',
    'A password goes in clear text to a server that asks for it so only through TLS, a Unix socket or the loopback address; else 77, unless --allow-cleartext is given. A server that breaks the protocol, sends an answer without an end or falls silent in the middle of a message for 15 seconds is 69.',
    'Root may run it too: the server then lives in a user namespace in which root appears as nobody.',
  ],
  commands: [
    defineCommand({
      name: 'start',
      summary: 'start the embedded database, if it does not run',
      description: [],
      options: {},
      exits: serverExits,
      run: async (context) => {
        const { ensureServer } = await import('../../store/embedded.js')
        await ensureServer(embeddedOptions(context))
      },
    }),
    defineCommand({
      name: 'stop',
      summary: 'stop the embedded database',
      description: ['Open sessions are ended; their transactions are rolled back.'],
      options: {},
      exits: { 69: 'it does not stop', ...fileExits },
      run: async (context) => {
        const { stopServer } = await import('../../store/embedded.js')
        if (!(await stopServer(embeddedOptions(context)))) context.ui.note('it does not run')
      },
    }),
    status,
    defineCommand({
      name: 'path',
      summary: 'print the directory of the embedded database',
      description: [],
      options: {},
      run: async (context) => {
        await context.stdout().write(print(embeddedOptions(context).directory))
      },
    }),
    defineCommand({
      name: 'psql-url',
      summary: 'print a URL for psql and other clients',
      description: ['Starts the embedded database if it does not run.', '  psql "$(jules db psql-url)"'],
      options: {},
      exits: serverExits,
      run: async (context) => {
        const { ensureServer } = await import('../../store/embedded.js')
        const { user, database, socketDirectory } = await ensureServer(embeddedOptions(context))
        const url = `postgresql://${user}@/${database}?host=${encodeURIComponent(socketDirectory)}`
        await context.stdout().write(print(url))
      },
    }),
    defineCommand({
      name: 'init',
      summary: 'make or update the tables',
      description: [
        'Commands that write to the store do this themselves; run it once as the owner where their role may not create tables.',
        'Tables of these names that are there already are compared with those of jules, and each difference is named with the statement that mends it. Columns of exact numbers do where jules has double precision: values that they cannot hold are refused. Other differences end in 78; with --schema NAME the tables stand in a schema of their own.',
        'Where the TimescaleDB extension is present, market_data becomes a hypertable with chunks of one month, its rows included, with compression where the licence has it. With --timescale create the extension is created first.',
      ],
      options: {
        ...store,
        timescale: choice('HOW', ['auto', 'create'], 'use TimescaleDB where it is, or create the extension', {
          fallback: 'auto',
        }),
      },
      exits: tableExits,
      run: async (context, options) => {
        if (options.timescale === 'create') {
          const { createTimescaleExtension } = await import('../../store/postgres.js')
          await createTimescaleExtension(storeTarget(context, options))
        }
        const init = async (database: PostgresStore) => {
          for (const { words, remedy } of await database.differences()) {
            context.ui.warn(words, { remedy })
            if (remedy !== null) context.ui.note(remedy)
          }
          const { migrations, timescale, steps } = await database.init({ convert: true })
          const words =
            migrations.length === 0
              ? 'the tables are up to date'
              : `applied migration ${migrations.join(', ')}`
          context.ui.note(`${words}; TimescaleDB ${timescale ?? 'is not there'}`)
          for (const { step, done, reason } of steps)
            context.ui.note(`${step}: ${done ? 'done' : `left out, ${reason}`}`)
        }
        await withStore(context, options, init, { cut: false })
      },
    }),
    upgrade,
    defineCommand({
      name: 'purge',
      summary: 'delete bars from the store',
      description: [
        'Deletes the bars that match all of the options given, at least one, after saying how many they are. With --dry-run that is all.',
        'Generated rows (mock, sim) go at once: they can be made again. Others need --yes, or the answer yes on a terminal.',
        'With --source and --null-source together, rows of those sources and rows without one go.',
      ],
      options: {
        ...store,
        source: list('LIST', 'rows of these sources'),
        'null-source': flag('rows without a source'),
        symbol: { ...symbols, help: 'rows of these symbols' },
        interval: { ...interval, help: 'bars of this length' },
        from: date('first session date'),
        to: date('last session date'),
        span: option<Span | undefined>(
          'SPAN',
          'rows of SYMBOL:FROM..TO, with dates or the starts of bars',
          { repeat: 'refuse' },
          spanOf,
        ),
        'dry-run': flag('say what would go, delete nothing'),
        yes: flag('delete without asking'),
      },
      exits: { ...tableExits, 1: 'the answer was no', 65: 'the database keeps the rows', 66: 'no such rows' },
      run: async (context, options) => {
        const { from, to } = options
        if (typeof from === 'number' && typeof to === 'number' && from > to)
          throw usage('--from is after --to')
        const { span } = options
        if (span !== undefined && (from ?? to ?? options.symbol) !== undefined)
          throw usage('--span and --symbol, --from or --to exclude each other')
        const what: Purge = {
          sources: options.source,
          symbols: span === undefined ? options.symbol : [span.symbol],
          intervals: options.interval === undefined ? undefined : [options.interval],
          fromMs: span?.fromMs ?? (typeof from === 'number' ? newYorkMidnight(from) : undefined),
          toMs:
            span === undefined
              ? typeof to === 'number'
                ? newYorkMidnight(to + 1)
                : undefined
              : span.toMs + 1,
          nullSource: options['null-source'],
        }
        if (Object.values(what).every((value) => value === undefined || value === false)) {
          throw usage('nothing says which rows go', {
            hint: 'give --source, --null-source, --symbol, --interval, --from, --to or --span',
          })
        }
        const purge = async (database: PostgresStore) => {
          const going = await database.matching(what)
          const rows = going.reduce((sum, part) => sum + part.rows, 0)
          if (rows === 0) throw new Failure('noInput', 'the store holds no such rows')
          context.ui.note(`${rows} rows: ${holdingsWords(going)}`, { rows })
          if (options['dry-run']) return context.ui.note('nothing deleted (dry run)')
          const real = going.some(({ source }) => source === null || !INVENTED_SOURCES.includes(source))
          if (real && !options.yes)
            await confirmed(context, {
              question: `Delete these ${rows} rows?`,
              act: 'deleting rows that are not generated',
            })
          const deleted = await database.purge(what)
          if (deleted === 0) {
            throw new Failure('data', 'the database deleted none of them', {
              hint: 'triggers, rules or policies of market_data keep its rows',
            })
          }
          context.ui.note(`${deleted} rows deleted`, { deleted })
        }
        await withStore(context, options, purge, { cut: false })
      },
    }),
  ],
  exits: {
    1: 'the embedded one does not run (status), or the answer was no (purge)',
    65: 'the database keeps rows that were to go (purge)',
    66: 'nothing to purge',
    ...tableExits,
  },
  environment: storeEnvironment,
  files: {
    '$XDG_DATA_HOME/jules/pg':
      'the cluster, its log and its socket; after an upgrade the old cluster as data.old-MAJOR',
    '~/.pgpass': 'passwords by server, as for psql; PGPASSFILE names another',
    '~/.pg_service.conf': 'servers by name, as for psql; PGSERVICEFILE names another',
    '~/.postgresql': 'root.crt, postgresql.crt and postgresql.key, as for psql',
  },
  examples: [
    { text: 'Look at the bars by hand', shell: 'psql "$(jules db psql-url)" -c "TABLE market_data LIMIT 5"' },
    { text: 'Remove generated rows', shell: 'jules db purge --source mock' },
    {
      text: 'What would go with the bars of one symbol before 2025',
      shell: 'jules db purge --symbol NVDA --to 2024-12-31 --dry-run',
    },
  ],
  seeAlso: ['load', 'export'],
})
