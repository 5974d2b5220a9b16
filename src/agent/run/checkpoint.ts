/** A whole training state in one safetensors file, with a hash over everything in it: a damaged one is refused, not used. */
import { createHash } from 'node:crypto'
import { badData } from '../../base/errors.js'
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from '../model/safetensors.js'
import type { PpoState } from '../ppo/state.js'

const FORMAT = 'jules-checkpoint/1'

/** A training state and whose it is. */
export interface Checkpoint {
  /** Hash of the settings and the data of the run it belongs to. */
  readonly run: string
  readonly state: PpoState
}

/** The bytes of a checkpoint file: tensors in the order of the state, one dimension each. */
export function encodeCheckpoint({ run, state }: Checkpoint): Uint8Array {
  const tensors = [...state].map(([name, data]): NamedTensor => ({ name, shape: [data.length], data }))
  return encodeSafetensors(tensors, { format: FORMAT, run, sha256: digest(run, tensors) })
}

/** Throws badData where the file is damaged. */
export function decodeCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(bytes, name)
  if (metadata.format !== FORMAT) throw badData('is not a checkpoint of this jules', { where: name })
  const run = metadata.run ?? ''
  if (digest(run, [...tensors.values()]) !== metadata.sha256)
    throw badData('is damaged: its content does not fit its hash', { where: name })
  return { run, state: new Map([...tensors].map(([key, { data }]) => [key, data])) }
}

function digest(run: string, tensors: readonly NamedTensor[]): string {
  const hash = createHash('sha256').update(JSON.stringify([FORMAT, run]))
  for (const { name, shape, data } of [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(JSON.stringify([name, data.constructor.name, shape]))
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return hash.digest('hex')
}
