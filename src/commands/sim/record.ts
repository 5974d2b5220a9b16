/** `--record`: clients pass through to a real gateway, and what it sent is kept. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemFailure } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import { startRecording } from '../../sim/record.js'
import { SIM_HOST } from '../../sim/server.js'
import { BlockWriter, fileSink } from '../../stream/sink.js'
import { untilStopped } from '../wiring/stop.js'
import { openSimLog } from './files.js'

interface Given {
  readonly record: { readonly host: string; readonly port: number }
  readonly 'record-to': string | undefined
  readonly port: number
}

/** Runs until a signal comes; then the scenario is written. */
export async function recordSession(context: Context, given: Given): Promise<void> {
  const directory = given['record-to'] ?? '.'
  await mkdir(directory, { recursive: true }).catch((error) => {
    throw systemFailure(error, directory, true)
  })
  const broken = untilStopped(context)
  const bars = openSimLog(join(directory, 'bars.ndjson'), broken.fail)
  const recording = await startRecording({
    ...given.record,
    listenPort: given.port,
    clock: context.clock,
    onBar: bars.write,
    note: (words) => context.ui.note(words),
  })
  context.onEnd(async () => {
    await recording.close()
    bars.close()
  })
  const out = new BlockWriter(context.stdout())
  const { host, port } = given.record
  await out.text(
    `${JSON.stringify({ type: 'gateway', host: SIM_HOST, port: recording.port, through: `${host}:${port}` })}\n`,
  )
  await out.drain()
  await Promise.race([broken.stopped, recording.failed])
  const { scenario, bars: count } = recording.recorder
  const sink = await fileSink(join(directory, 'scenario.ndjson'), context)
  await sink.write(Buffer.from(scenario))
  await sink.close()
  const faults = scenario.split('\n').length - 1
  await out.text(`${JSON.stringify({ type: 'recording', bars: count, faults })}\n`)
  await out.drain()
  context.signal.throwIfAborted()
}
