/** Weights to start from: another model of jules, or tensors in the names of sb3-contrib. */

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '../../base/digest.js'
import { badData, Failure, systemCode, systemFailure } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import { shellWord } from '../../base/words.js'
import {
  decodeModel,
  type Model,
  type ModelSpec,
  otherSight,
  parametersOf,
  type SeenSpan,
  seenSpans,
  shapeOf,
} from '../model/model.js'
import { decodeSafetensors } from '../model/safetensors.js'
import { transferred, transferredMoments } from '../model/transfer.js'
import { layoutOf, type NetworkShape } from '../network/network.js'
import type { RunningMoments } from '../network/normaliser.js'
import type { PpoSettings } from '../ppo/settings.js'
import type { Start } from '../ppo/training.js'
import { FILES } from './folder.js'

/** A policy file as it was read; `path` is that of the file itself. */
export interface PolicyFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly sha256: string
}

/** The policy file that a path names: itself, or the best one of a run folder, or its last. Throws 66 where there is none. */
export async function policyFile(path: string): Promise<PolicyFile> {
  const info = await stat(path).catch((error) => {
    throw systemFailure(error, path)
  })
  if (!info.isDirectory()) return read(path)
  for (const name of [FILES.best, FILES.last]) {
    const file = join(path, name)
    const isThere = await stat(file).then(
      () => true,
      (error) => {
        if (systemCode(error) === 'ENOENT') return false
        throw systemFailure(error, file)
      },
    )
    if (isThere) return read(file)
  }
  throw new Failure('noInput', 'the folder holds no policy', { where: path })
}

/** Of a file of tensors, in bytes: a hundred times what the largest network of a sweep has. */
const MOST_MODEL = 1 << 27

async function read(path: string): Promise<PolicyFile> {
  const bytes = await readAtMost(path, { most: MOST_MODEL }).catch((error) => {
    throw systemFailure(error, path)
  })
  return { path, bytes, sha256: sha256(bytes) }
}

/** Who is to start from another model. */
export interface Learner {
  readonly shape: NetworkShape
  readonly spec: ModelSpec
  readonly settings: Pick<PpoSettings, 'seed' | 'normaliseObservations'>
}

/** Another model as a beginning. */
export interface Initial {
  readonly path: string
  readonly sha256: string
  /** Of the network in the file; null where it cannot be seen, as the activation of another's tensors. */
  readonly shape: Omit<NetworkShape, 'activation'> & {
    readonly activation: NetworkShape['activation'] | null
  }
  /** The sessions that it and the models before it have seen. */
  readonly before: readonly SeenSpan[]
  /** For a learner like this. Throws 65 where the shapes cannot be joined, or it would see something else. */
  fit(to: Learner): Start
}

/** Reads the model that a path names. Throws 66 where there is none, 65 where it is damaged or no recurrent policy. */
export async function initialFrom(path: string): Promise<Initial> {
  const file = await policyFile(path)
  const tensors = decodeSafetensors(file.bytes, file.path)
  const model = tensors.metadata.format === undefined ? null : decodeModel(file.bytes, file.path)
  const own = model?.shape ?? null
  return {
    path: file.path,
    sha256: file.sha256,
    shape: own ?? { ...shapeOf(tensors, 'tanh', file.path), activation: null },
    before: model === null ? [null] : model.data === null ? [] : seenSpans(model.data),
    fit: ({ shape, spec, settings: { seed, normaliseObservations } }) => {
      if (model !== null) checkSight(model, { path: file.path, spec, normaliseObservations })
      const from = own ?? shapeOf(tensors, shape.activation, file.path)
      const parameters = parametersOf(tensors, layoutOf(from), file.path)
      return {
        parameters: transferred({ from, parameters, to: shape, seed, name: file.path }),
        normaliser: normaliserOf(model, shape),
      }
    },
  }
}

/** Its weights know observations by these moments. They weigh as many rows as it had steps. */
function normaliserOf(model: Model | null, { inputs }: NetworkShape): RunningMoments | null {
  if (model === null || model.normaliser === null) return null
  const moments = transferredMoments(model.normaliser, inputs)
  moments.count += model.steps
  return moments
}

interface Sight extends Pick<Learner, 'spec'>, Pick<PpoSettings, 'normaliseObservations'> {
  readonly path: string
}

/** Weights mean nothing to numbers that they were not trained on, though their shapes may fit. */
function checkSight({ spec: seen, normaliser }: Model, { path, spec, normaliseObservations }: Sight): void {
  const other = otherSight(seen, spec)
  if (other !== null) {
    const isOther =
      seen.task === spec.task && seen.features !== null && seen.features.set !== spec.features?.set
    throw badData(other, {
      where: path,
      ...(isOther ? { hint: `give --features ${shellWord(seen.features.set)}` } : {}),
    })
  }
  if ((normaliser !== null) === normaliseObservations) return
  throw normaliser === null
    ? badData('the model takes observations as they are, and here they are normalised', {
        where: path,
        hint: 'give --raw-obs',
      })
    : badData('the model normalises observations, and here they are taken as they are', {
        where: path,
        hint: 'give --norm-obs',
      })
}
