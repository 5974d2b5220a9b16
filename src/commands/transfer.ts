/** Weights to start from: another model of jules, or tensors in the names of sb3-contrib. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeModel, parametersOf, shapeOf } from '../agent/model.js'
import { layoutOf, type NetworkShape } from '../agent/network.js'
import { FILES } from '../agent/run-folder.js'
import { decodeSafetensors } from '../agent/safetensors.js'
import { transferred } from '../agent/transfer.js'
import { badData, systemFailure } from '../base/errors.js'

/** The policy file that a path names: itself, or the best one of a run folder, or its last. */
export async function policyFile(
  path: string,
): Promise<{ readonly path: string; readonly bytes: Uint8Array }> {
  const info = await stat(path).catch((error) => {
    throw systemFailure(error, path)
  })
  const candidates = info.isDirectory() ? [join(path, FILES.best), join(path, FILES.last)] : [path]
  for (const candidate of candidates) {
    const bytes = await readFile(candidate).catch((error) => {
      if (candidate !== candidates.at(-1)) return null
      throw systemFailure(error, candidate)
    })
    if (bytes !== null) return { path: candidate, bytes }
  }
  throw badData('holds no policy', { where: path })
}

export interface Initial {
  /** Of the network in the file; null where it cannot be seen, as the activation of another's tensors. */
  readonly shape: Omit<NetworkShape, 'activation'> & {
    readonly activation: NetworkShape['activation'] | null
  }
  /** Parameters for a network of this shape. Throws where the shapes cannot be joined. */
  fit(shape: NetworkShape, seed: number): { readonly parameters: Float32Array; readonly sha256: string }
}

export async function initialFrom(path: string): Promise<Initial> {
  const file = await policyFile(path)
  const tensors = decodeSafetensors(file.bytes, file.path)
  const own = tensors.metadata.format === undefined ? null : decodeModel(file.bytes, file.path).shape
  return {
    shape: own ?? { ...shapeOf(tensors, 'tanh', file.path), activation: null },
    fit: (shape, seed) => {
      const from = own ?? shapeOf(tensors, shape.activation, file.path)
      const parameters = parametersOf(tensors, layoutOf(from), file.path)
      return {
        parameters: transferred({ from, parameters, to: shape, seed, name: file.path }),
        sha256: createHash('sha256').update(file.bytes).digest('hex'),
      }
    },
  }
}
