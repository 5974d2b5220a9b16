/** The embedded cluster from one major version of PostgreSQL to another. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { Failure } from '../../base/errors.js'
import { withLock } from '../../base/lock.js'
import { defineCommand } from '../../cli/command.js'
import { option } from '../../cli/options.js'
import { lockWorld } from '../wiring/lock.js'
import { embeddedOptions } from '../wiring/store.js'
import { fileExits } from './status.js'

export const upgrade = defineCommand({
  name: 'upgrade',
  summary: "move the embedded database to this jules's PostgreSQL",
  description: [
    'PostgreSQL reads no cluster of another major version. This starts the old one with its own programs, which must be on this machine, on a socket that nobody else knows, writes its tables to files beside it, makes a new cluster from them, holds each table against the old one by a count and a sum over its rows, and puts the new cluster in the place of the old one.',
    'The old cluster stays as data.old-MAJOR in the directory of db path until you remove it; tables, triggers and databases of somebody else are in it alone, and named. Killed at any moment nothing is lost, and running it again goes on. It takes about three times the room of the cluster.',
    'Programs are looked for where distributions put them: /usr/lib/postgresql/MAJOR/bin, /usr/pgsql-MAJOR/bin and /opt/homebrew/opt/postgresql@MAJOR/bin.',
  ],
  options: {
    'from-bin': option<string | undefined>(
      'DIR',
      'where postgres of the old version is',
      { completes: 'directory' },
      (value) => value,
    ),
  },
  exits: {
    65: 'a table is not as jules makes it, or came out otherwise; the old cluster is as it was',
    66: 'there is no cluster, or no postgres in DIR',
    69: 'the programs of the old version are not there, or a server does not start',
    73: 'a directory cannot be made',
    75: 'another upgrade is under way',
    ...fileExits,
  },
  run: async (context, options) => {
    const embedded = embeddedOptions(context)
    if (!existsSync(embedded.directory)) {
      throw new Failure('noInput', `there is no cluster at ${embedded.directory}/data`)
    }
    const { upgradeCluster } = await import('../../store/upgrade.js')
    const world = lockWorld(context)
    const report = await withLock(world, `${embedded.directory}/upgrade`, { waitMs: 0 }, () =>
      upgradeCluster({
        embedded,
        fromBin: options['from-bin'],
        token: () => randomBytes(6).toString('hex'),
      }),
    )
    if (report === null) return context.ui.note('the cluster is of this version')
    const { from, to, rows, tables, left, old } = report
    context.ui.note(`moved ${rows} rows of ${tables} tables from PostgreSQL ${from} to ${to}`, {
      rows,
      tables,
    })
    if (left.length > 0) context.ui.warn(`not of jules, and in the old cluster alone: ${left.join(', ')}`)
    context.ui.note(`the old cluster is ${old}: remove it once the new one has proved itself`)
  },
})
