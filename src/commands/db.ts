import { Failure, usage } from '../base/errors.js'
import { defineCommand, defineGroup } from '../cli/command.js'
import { choice, text } from '../cli/options.js'
import type { PostgresStore } from '../store/postgres.js'
import { embeddedOptions, store, storeTarget, withStore } from './wiring/store.js'

const print = (line: string): Buffer => Buffer.from(`${line}\n`)

export const db = defineGroup({
  name: 'db',
  summary: 'run the embedded database and look after the store',
  description: [
    'The embedded database is a PostgreSQL server under the data directory. It listens on a Unix socket in a private directory and on no TCP port, is started by the first command that needs it, and is left running.',
    'Root may run it too: the server then lives in a user namespace in which root appears as nobody.',
  ],
  commands: [
    defineCommand({
      name: 'start',
      summary: 'start the embedded database, if it does not run',
      description: [],
      options: {},
      run: async (context) => {
        const { ensureServer } = await import('../store/embedded.js')
        await ensureServer(embeddedOptions(context))
      },
    }),
    defineCommand({
      name: 'stop',
      summary: 'stop the embedded database',
      description: ['Open sessions are ended; their transactions are rolled back.'],
      options: {},
      run: async (context) => {
        const { stopServer } = await import('../store/embedded.js')
        if (!(await stopServer(embeddedOptions(context)))) context.ui.note('it does not run')
      },
    }),
    defineCommand({
      name: 'status',
      summary: 'say whether the embedded database runs',
      description: ['Exits with 1 when it does not.'],
      options: {},
      exits: { 1: 'it does not run' },
      run: async (context) => {
        const { serverState } = await import('../store/embedded.js')
        const state = await serverState(embeddedOptions(context))
        const words = state.running ? 'running' : state.initialised ? 'stopped' : 'not made yet'
        await context.stdout().write(
          print(
            JSON.stringify({
              type: 'state',
              database: 'embedded',
              state: words,
              pid: state.running ? state.pid : null,
              socket: state.running ? state.socketDirectory : null,
            }),
          ),
        )
        if (!state.running) context.exitWith(1)
      },
    }),
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
      run: async (context) => {
        const { ensureServer } = await import('../store/embedded.js')
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
        'Where the TimescaleDB extension is present, market_data becomes a hypertable with chunks of one month, its rows included, with compression where the licence has it. With --timescale create the extension is created first.',
      ],
      options: {
        ...store,
        timescale: choice('HOW', ['auto', 'create'], 'use TimescaleDB where it is, or create the extension', {
          fallback: 'auto',
        }),
      },
      run: async (context, options) => {
        if (options.timescale === 'create') {
          const { createTimescaleExtension } = await import('../store/postgres.js')
          await createTimescaleExtension(storeTarget(context, options.dsn))
        }
        const init = async (database: PostgresStore) => {
          const { migrations, timescale, steps } = await database.init({ convert: true })
          const words =
            migrations.length === 0
              ? 'the tables are up to date'
              : `applied migration ${migrations.join(', ')}`
          context.ui.note(`${words}; TimescaleDB ${timescale ?? 'is not there'}`)
          for (const { step, done, reason } of steps)
            context.ui.note(`${step}: ${done ? 'done' : `left out, ${reason}`}`)
        }
        await withStore(context, options.dsn, init, { cut: false })
      },
    }),
    defineCommand({
      name: 'purge',
      summary: 'delete the bars of one source from the store',
      description: ['Made for generated data: jules db purge --source mock.'],
      options: { ...store, source: text('NAME', 'the source whose rows go') },
      run: async (context, options) => {
        const { source } = options
        if (source === undefined) throw usage('--source is required')
        const purge = async (database: PostgresStore) => {
          const rows = await database.purge(source)
          if (rows === 0)
            throw new Failure('noInput', `the store holds no rows of source ${JSON.stringify(source)}`)
          context.ui.note(`${rows} rows deleted`, { rows })
        }
        await withStore(context, options.dsn, purge, { cut: false })
      },
    }),
  ],
  exits: {
    66: 'nothing to purge',
    69: 'the database cannot be reached or does not start',
    77: 'the database refuses the password or the right to create tables',
  },
  files: { '$XDG_DATA_HOME/jules/pg': 'the cluster, its log and its socket' },
  examples: [
    { text: 'Look at the bars by hand', shell: 'psql "$(jules db psql-url)" -c "TABLE market_data LIMIT 5"' },
    { text: 'Remove generated rows', shell: 'jules db purge --source mock' },
  ],
  seeAlso: ['load', 'export'],
})
