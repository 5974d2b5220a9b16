/**
 * A backtest that is kept: its records and a manifest, from which `jules replay` makes it again. The manifest comes last, so a
 * folder that has one has all of it.
 */
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ensureDirectory } from '../../base/disk.js'
import { badData, Failure, systemCode, systemFailure } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import type { Context } from '../../cli/context.js'
import { version } from '../../cli/print.js'
import { BlockWriter, type ByteSink, fileSink, writeWhole } from '../../stream/sink.js'
import { RECORD_TYPES, type RecordOptions, RecordWriter } from '../../trading/records.js'
import { placeOf } from '../wiring/input.js'
import { KEPT, KEPT_FORMAT } from './kept-folder.js'
import { decisiveOptions, type PreparedRun } from './prepared.js'

/** Something that the run depends on and that can change under it. */
export interface KeptInput {
  readonly kind: 'bars' | 'model' | 'actions'
  /** From the root; or `store`, or `-`. */
  readonly path: string
  /** Of times, prices and volumes; of the bytes of a model; of the actions of a replay. */
  readonly sha256: string
}

/** What stands in manifest.json. */
export interface KeptManifest {
  readonly format: typeof KEPT_FORMAT
  readonly run: string
  /** Of jules, which replays its own runs alone; of Node, and `linux-x64`, which change nothing. */
  readonly version: string
  readonly node: string
  readonly platform: string
  /** The working directory, where a program that decides was started. */
  readonly cwd: string
  /** Every option that was set, wherever, as a text. */
  readonly options: Readonly<Record<string, string>>
  readonly operands: readonly string[]
  readonly inputs: readonly KeptInput[]
  readonly ledger_sha256: string
  /** Dollars, net of costs. */
  readonly pnl: number
}

type Beginning = Omit<KeptManifest, 'ledger_sha256' | 'pnl'>

/** What the manifest of a run says before its result. */
export async function manifestOf(context: Context, prepared: PreparedRun): Promise<Beginning> {
  const operands = await Promise.all(prepared.bars.operands.map((one) => placeOf(context, one)))
  return {
    format: KEPT_FORMAT,
    run: prepared.run,
    version: version().trim(),
    node: process.versions.node,
    platform: `${context.platform}-${context.arch}`,
    cwd: context.cwd,
    options: optionsOf(context, prepared),
    operands,
    inputs: inputsOf(context, prepared, operands),
  }
}

/** What the run has read, with hashes; `operands` by their places. */
export function inputsOf(
  { cwd }: Pick<Context, 'cwd'>,
  { loaded, chosen, model, policy }: PreparedRun,
  operands: readonly string[],
): KeptInput[] {
  const bars: KeptInput = {
    kind: 'bars',
    path: operands.length === 0 ? 'store' : operands.join(' '),
    sha256: loaded.sha256,
  }
  if (model !== null) return [bars, { kind: 'model', path: resolve(cwd, model.path), sha256: model.sha256 }]
  if (chosen.kind !== 'replay') return [bars]
  // The identity of a replay is its word and the hash of its actions.
  const actions = policy.identity!.split(' ')[1]!
  return [bars, { kind: 'actions', path: resolve(cwd, chosen.path), sha256: actions }]
}

/** Texts of the options that were set; files by their places, and a model by the file that it was in. */
function optionsOf({ settings, cwd }: Context, { chosen, model }: PreparedRun): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const name of Object.keys(decisiveOptions)) {
    const raw = settings.get(name)?.raw
    if (raw !== undefined) texts[name] = raw
  }
  if (model !== null) texts.policy = `model:${resolve(cwd, model.path)}`
  else if (chosen.kind === 'replay') texts.policy = `replay:${resolve(cwd, chosen.path)}`
  return texts
}

type Kept = Pick<RecordOptions, 'run' | 'market' | 'rules'>

/** The folder of a run while it is written. */
export class KeptRun {
  readonly #path: string
  readonly #world: Pick<Context, 'onForcedExit'>
  /** The folder was not there before. */
  readonly #isNew: boolean
  readonly #sink: ByteSink
  readonly #writer: BlockWriter
  #text = ''

  private constructor(path: string, world: Pick<Context, 'onForcedExit'>, isNew: boolean, sink: ByteSink) {
    this.#path = path
    this.#world = world
    this.#isNew = isNew
    this.#sink = sink
    this.#writer = new BlockWriter(sink)
  }

  /** Throws 73 where the folder cannot be made, or is not empty; with `replace` where it holds no kept run. */
  static async at(path: string, world: Pick<Context, 'onForcedExit'>, replace: boolean): Promise<KeptRun> {
    const isNew = await made(path)
    if (!isNew) await refuseOthers(path, replace)
    try {
      return new KeptRun(path, world, isNew, await fileSink(join(path, KEPT.records), world))
    } catch (error) {
      if (isNew) await rmdir(path).catch(() => {})
      throw error
    }
  }

  /** Writes every record of the run, whichever others are written elsewhere. */
  listener(run: Kept): RecordWriter {
    const write = (line: string) => {
      this.#text += line
    }
    return new RecordWriter({ ...run, types: new Set(RECORD_TYPES), write })
  }

  async flush(): Promise<void> {
    const text = this.#text
    this.#text = ''
    await this.#writer.text(text)
  }

  /** The records take the place of those before them, and then the manifest does. */
  async done(
    summary: { readonly ledger_sha256: string; readonly pnl: number },
    beginning: Beginning,
  ): Promise<void> {
    this.#text += `${JSON.stringify(summary)}\n`
    await this.flush()
    await this.#writer.drain()
    const file = join(this.#path, KEPT.manifest)
    const { ledger_sha256, pnl } = summary
    const manifest: KeptManifest = { ...beginning, ledger_sha256, pnl }
    await rm(file, { force: true })
    await this.#sink.close()
    await writeWhole(file, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`), this.#world)
  }

  async abort(): Promise<void> {
    await this.#sink.abort()
    if (this.#isNew) await rmdir(this.#path).catch(() => {})
  }
}

async function made(path: string): Promise<boolean> {
  try {
    ensureDirectory(dirname(path))
    await mkdir(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw systemFailure(error, path, true)
  }
}

const isTemporary = (name: string): boolean =>
  /^\.(manifest\.json|records\.ndjson)\.[0-9a-f]{12}\.tmp$/.test(name)

async function refuseOthers(path: string, replace: boolean): Promise<void> {
  const there = await readdir(path).catch((error) => {
    throw systemCode(error) === 'ENOTDIR'
      ? new Failure('cannotCreate', 'is not a directory', { where: path })
      : systemFailure(error, path, true)
  })
  // A process that was killed leaves these.
  const names = there.filter((name) => !isTemporary(name))
  if (names.length === 0) return
  if (!replace) {
    throw new Failure('cannotCreate', 'the folder is not empty', {
      where: path,
      hint: 'choose another folder, or replace the run in it with --force',
    })
  }
  const manifest = await keptManifest(path).catch(() => null)
  // Records whose manifest was never written are those of a run as well.
  if (manifest !== null || names.every((name) => name === KEPT.records)) return
  throw new Failure('cannotCreate', 'the folder is not empty, and holds no run that was kept', {
    where: path,
    hint: 'choose another folder',
  })
}

const MOST_BYTES = 1 << 20

/** The manifest of a kept run. Throws 65 where it is not as it was written, 66 where there is none. */
export async function keptManifest(path: string): Promise<KeptManifest> {
  const where = join(path, KEPT.manifest)
  const bytes = await readAtMost(where, { most: MOST_BYTES, isRegular: true }).catch((error) => {
    throw systemFailure(error, where)
  })
  let manifest: Partial<KeptManifest> | null
  try {
    manifest = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw badData('is damaged', { where })
  }
  const { format, run, version, cwd, ledger_sha256, options, operands, inputs } = manifest ?? {}
  const hashed = listOf(inputs).flatMap((one) => {
    const { kind, path, sha256 } = (one ?? {}) as Partial<KeptInput>
    return [kind, path, sha256]
  })
  const texts = [run, version, cwd, ledger_sha256, ...textsIn(options), ...listOf(operands), ...hashed]
  if (format === KEPT_FORMAT && texts.every((one) => typeof one === 'string')) return manifest as KeptManifest
  throw badData('is damaged', { where })
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [null])

const textsIn = (value: unknown): readonly unknown[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.values(value) : [null]
