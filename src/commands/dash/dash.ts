import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { registryFile } from '../../agent/run/registry.js'
import { usage } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { Dashboard } from '../../dash/dashboard.js'
import { STALENESS } from '../../dash/facts.js'
import { startServer } from '../../dash/server.js'
import { BlockWriter } from '../../stream/sink.js'
import { lockWorld } from '../wiring/lock.js'
import { untilStopped } from '../wiring/stop.js'
import { options } from './options.js'
import { placesOf } from './places.js'
import { watchStore } from './stored.js'
import { showOnTerminal } from './terminal.js'
import { tokenFor } from './token.js'

export const dash = defineCommand({
  name: 'dash',
  summary: 'show what is traded and trained, live, in a browser or the terminal',
  description: [
    'Serves pages on 127.0.0.1 that follow files while they grow: Live (equity, positions, orders, limits used, age of the data, halts), Training (metrics of runs, curves compared), Data quality (a calendar), Runs (all of them, up to four compared). Its address is the one line on standard output; it runs until a signal comes. Every page is whole without scripts, as tables; with them it is kept up to date.',
    'RUN is the name of a training run, or its folder, or a backtest that is kept; JOURNAL is that of a run of jules-paper(1); any file of records of jules, also one that is still written to, is one. What has a dot or a slash in its name and is not there yet is waited for, as the journal of a run that begins later. In DIR, and in the folders in it, all of these are looked for again and again, files by their names: *.ndjson and *.journal. Without operands they are looked for in runs and paper of the data directory. Of many the 64 newest are followed.',
    'It reads, and writes nothing. Files may be rotated, cut short, replaced, deleted or half written: what they hold now is shown. Lines that are damaged are counted and shown. Numbers are those of the files; curves keep their extremes and are thinned.',
    'Who reaches the address may read. --bind takes another address than that of this machine alone, and needs a token: --new-token makes one and prints it in the address, --token-file takes that of a file. The first visit puts it into a cookie and takes it out of the address; monitors send it as Authorization: Bearer. The Host header must be the address, or one of --allow-host.',
    '/healthz answers 200 where all is well, and 503 where a person is needed: a file that cannot be read, one that was named and is gone or not there yet, a damaged journal, a journal of a run that has not ended and whose process was killed, or that writes nothing for --stale-after; after a day it is not waited for any more. /metrics has gauges for Prometheus.',
    '--store shows what eod-validate has recorded in the store, as does --dsn. It is asked each minute. A store that is down is said on the page; the embedded one is not started for it.',
    '--tui shows the run that goes on in the terminal instead, until Ctrl-C. Where standard output is no terminal it writes one line for each run that goes on, or for the newest, and ends.',
  ],
  operands: [{ name: 'RUN|JOURNAL|DIR', help: 'what to follow', many: true, completes: 'file' }],
  options,
  examples: [
    { text: 'Everything in the data directory, in a browser', shell: 'jules dash --open' },
    { text: 'One day on paper, in the terminal', shell: 'jules dash --tui day.journal' },
    {
      text: 'For others in the network',
      shell: 'jules dash --bind 0.0.0.0 --port 8400 --new-token --allow-host desk.example',
    },
  ],
  exits: {
    65: 'the token in a file is none',
    66: 'no such folder or run; no such file, where --tui has no terminal',
    69: 'the port is taken, or the address is none of this machine',
    74: 'reading or writing failed',
    77: 'no permission for the port or the file of the token',
    78: 'a mistake in configuration or environment',
  },
  files: {
    '$XDG_DATA_HOME/jules/runs': 'training runs, where nothing is named',
    '$XDG_DATA_HOME/jules/paper': 'journals, where nothing is named',
  },
  seeAlso: ['paper', 'train', 'report', 'runs', 'eod-validate'],
  run: async (context, given, operands) => {
    const token = given.tui ? null : await tokenFor(context, given)
    if (given.open && token !== null)
      throw usage('--open: the address with its token would stand where others of this machine see it')
    const stopping = untilStopped(context)
    const dashboard = new Dashboard({
      places: await placesOf(context, operands, { isOnce: given.tui && !context.stdoutIsTTY }),
      registry: registryFile(context.paths.data),
      world: lockWorld(context),
      clock: context.clock,
      later: (call, ms) => {
        const timer = setTimeout(call, ms)
        return () => clearTimeout(timer)
      },
      boot: randomBytes(6).toString('hex'),
      failed: stopping.fail,
      staleness: { ...STALENESS, staleMs: 1000 * given['stale-after'] },
    })
    context.onEnd(() => dashboard.close())
    await dashboard.open()
    if (given.tui) return showOnTerminal(context, dashboard, stopping)
    const isStored = given.store || context.settings.get('dsn')?.origin === 'flag'
    const stored = isStored
      ? watchStore(context, given, { changed: () => dashboard.renew(), failed: stopping.fail })
      : () => null
    const server = await startServer({
      ...{
        dashboard,
        stored,
        token,
        address: given.bind,
        port: given.port,
        hosts: given['allow-host'] ?? [],
      },
      memory: () => process.memoryUsage.rss(),
    })
    context.onEnd(() => server.close())
    const out = new BlockWriter(context.stdout())
    await out.text(`${server.url}\n`)
    await out.drain()
    dashboard.begin()
    if (given.open) openBrowser(context, server.url)
    await stopping.stopped
    context.signal.throwIfAborted()
  },
})

/** Asks the desktop for its browser; where there is none, the address is on standard output. */
function openBrowser(context: Context, url: string): void {
  const command = context.platform === 'darwin' ? 'open' : 'xdg-open'
  const child = spawn(command, [url], { stdio: 'ignore', detached: true })
  child.on('error', () => context.ui.warn(`${command} is not there: open the address yourself`))
  child.unref()
}
