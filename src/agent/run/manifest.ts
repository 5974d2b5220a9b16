/** What a run was begun with: written before its first step, and held against what is there when it goes on. */

import { sha256 } from '../../base/digest.js'
import { badData, usage } from '../../base/errors.js'
import { FILES, type RunFolder } from './folder.js'
import type { TestPart } from './split.js'

/** Something that the weights depend on and that can change under a run. */
export interface Input {
  readonly kind: 'bars' | 'model' | 'curriculum'
  /** Absolute; or `store`, `-`, or `default`. */
  readonly path: string
  readonly sha256: string
}

/** An input by its kind, with the hash of what was read. */
export const input = (kind: Input['kind'], path: string, { sha256 }: { readonly sha256: string }): Input => ({
  kind,
  path,
  sha256,
})

/** A stretch that was added to a finished run. */
export interface Extension {
  readonly steps: number
  /** Step of the run that it begins at. */
  readonly from: number
  readonly started: string
  readonly node: string
  readonly platform: string
}

/** What stands in manifest.json. */
export interface Manifest {
  readonly format: string
  readonly run: string
  readonly version: string
  readonly node: string
  readonly platform: string
  readonly started: string
  /** Every option that was set, as a text; files by their absolute paths. */
  readonly options: Readonly<Record<string, string>>
  readonly operands: readonly string[]
  readonly inputs: readonly Input[]
  /** The first one. */
  readonly engine: string
  /** All of them, each with the step it began at, where another one went on. */
  readonly engines?: readonly EngineSpan[]
  readonly threads: number
  readonly settings: unknown
  /** Hash of the settings and the data. */
  readonly identity: string
  readonly data: unknown
  readonly test: TestPart | null
  readonly trial: number | null
  /** Absent where there are none. */
  readonly extensions?: readonly Extension[]
}

/** Hash of all that tells one trial on the same bars from another: neither other bars nor another split of them makes one. */
export const trialOf = (settings: object): string =>
  sha256(JSON.stringify({ ...settings, data: null, split: undefined }))

/** As it stands in its file. */
export const manifestBytes = (manifest: Manifest): Uint8Array =>
  Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)

/** An engine that did a part of a run, from this step on. */
export interface EngineSpan {
  readonly engine: string
  readonly step: number
}

/** The engines of a run, in their order. */
export const enginesOf = ({ engine, engines }: Pick<Manifest, 'engine' | 'engines'>): readonly EngineSpan[] =>
  engines ?? [{ engine, step: 0 }]

/** The manifest of a folder. Throws 66 where there is none, 65 where it is not as it was written. */
export async function manifestOf(folder: RunFolder): Promise<Manifest> {
  const manifest = await folder.readManifest<Manifest>()
  const { run, version, identity, engine, options, operands, inputs, extensions = [] } = manifest
  const texts = [run, version, identity, engine, ...listOf(operands), ...textsIn(options)]
  const hashes = listOf(inputs).flatMap((one) => {
    const { path, sha256 } = (one ?? {}) as Partial<Input>
    return [path, sha256]
  })
  const added = listOf(extensions).map((one) => (one as Partial<Extension> | null)?.steps)
  const spans = listOf(enginesOf(manifest)) as readonly (Partial<EngineSpan> | null)[]
  if (
    [...texts, ...hashes, ...spans.map((one) => one?.engine)].every((one) => typeof one === 'string') &&
    [...added, ...spans.map((one) => one?.step)].every(Number.isSafeInteger) &&
    added.every((steps) => steps! >= 1) &&
    spans.length > 0
  )
    return manifest
  throw badData('is damaged', { where: folder.file(FILES.manifest) })
}

/** All steps that a run is to take: those of its settings or phases, and what it was extended by; null where it does not say. */
export function plannedSteps({
  settings,
  extensions = [],
}: Pick<Manifest, 'settings' | 'extensions'>): number | null {
  const { settings: own, curriculum } = (settings ?? {}) as { settings?: unknown; curriculum?: unknown }
  const stretches = Array.isArray(curriculum)
    ? curriculum.map((phase) => phase?.values?.steps)
    : [stepsIn(own)]
  const all = [...stretches, ...extensions.map(({ steps }) => steps)]
  return all.every(Number.isSafeInteger) ? all.reduce((sum, steps) => sum + steps, 0) : null
}

const stepsIn = (value: unknown): unknown => (value as { steps?: unknown } | null | undefined)?.steps

const textsIn = (value: unknown): readonly unknown[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.values(value) : [null]

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [null])

const CHANGED: Readonly<Record<Input['kind'], string>> = {
  bars: 'the bars are not those that the run began with',
  model: 'the model is not the one that the run started from',
  curriculum: 'the curriculum is not the one that the run began with',
}

/** Throws where a run would not go on as the same run: 65 for an input that changed, 64 for another jules, or engine unless forced. */
export function checkSame(
  { manifest, force }: { readonly manifest: Manifest; readonly force: boolean },
  { inputs, identity, version, engine }: Pick<Manifest, 'inputs' | 'identity' | 'version' | 'engine'>,
): void {
  for (const { kind, path, sha256 } of manifest.inputs) {
    const found = inputs.find((one) => one.kind === kind)?.sha256 ?? null
    if (found !== sha256) throw badData(CHANGED[kind], { where: path, fields: { expected: sha256, found } })
  }
  const hint = 'start a new run; --transfer-from starts it from the weights of this one'
  if (manifest.version !== version)
    throw usage(`the run was begun by ${manifest.version}, and this is ${version}`, { hint })
  const before = enginesOf(manifest).at(-1)!.engine
  if (before !== engine && !force) {
    throw usage(`the run is one of the engine ${before}, and this is ${engine}`, {
      hint: '--force goes on with this one, to other bytes than either would give, and the manifest will say so',
    })
  }
  if (manifest.identity !== identity)
    throw usage('the settings of the run are not the same here: its manifest was changed', { hint })
}
