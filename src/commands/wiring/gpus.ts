/** Which card of this machine `--gpu` takes. TensorFlow.js would take the last of those it sees, so it is shown one. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Failure } from '../../base/errors.js'

/** A card: what CUDA knows it by, and its model where that can be told. */
export interface Gpu {
  readonly id: string
  readonly model: string | null
}

/** Cards in the order of `nvidia-smi`; null where that cannot be asked, as in containers without it. */
export async function nvidiaCards(program = 'nvidia-smi'): Promise<readonly Gpu[] | null> {
  try {
    const { stdout } = await promisify(execFile)(program, ['-L'])
    return [...stdout.matchAll(/^GPU \d+: (.+) \(UUID: (GPU-[^)]+)\)$/gm)].map(([, model, id]) => ({
      id: id!,
      model: model!,
    }))
  } catch {
    return null
  }
}

/**
 * The card that stands at `wanted`, or the first; null where none is known of, and TensorFlow.js will say so. `visible` is
 * CUDA_VISIBLE_DEVICES, with which schedulers deal out cards: the count is among those. Throws 69 for one that is not there.
 */
export function cardAt(
  wanted: number | undefined,
  visible: string | undefined,
  cards: readonly Gpu[] | null,
): Gpu | null {
  const there = visible === undefined ? cards : dealtOut(visible, cards ?? [])
  // Nobody knows how many there are: CUDA counts them itself.
  if (there === null) return { id: String(wanted ?? 0), model: null }
  const card = there[wanted ?? 0]
  if (card !== undefined || wanted === undefined) return card ?? null
  const names = there.map(({ id, model }, n) => `${n} (${model ?? id})`).join(', ')
  const among = visible === undefined ? '' : ' among those of CUDA_VISIBLE_DEVICES'
  throw new Failure('unavailable', `--gpu-device: there is no GPU ${wanted}${among}`, {
    hint: names === '' ? 'there is none; without --gpu the CPU trains' : `the GPUs are ${names}`,
  })
}

const dealtOut = (visible: string, cards: readonly Gpu[]): readonly Gpu[] =>
  visible
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
    .map((id) => ({ id, model: cards.find((card) => card.id.startsWith(id))?.model ?? null }))

/** What the variables of the process must be before TensorFlow's libraries are loaded: they read them once. */
export const variablesFor = (
  card: Gpu | null,
  { tf32, logLevel }: { readonly tf32: boolean; readonly logLevel: string | undefined },
): Readonly<Record<string, string | undefined>> => ({
  // 19 bits of a number are enough for many nets, but not for the same result: they are asked for, never a default.
  NVIDIA_TF32_OVERRIDE: tf32 ? undefined : '0',
  // Standard error is for the words of jules; whoever looks for a fault sets another level.
  TF_CPP_MIN_LOG_LEVEL: logLevel ?? '3',
  // Not the whole memory of the card from the start: others may train on it too.
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  ...(card === null ? {} : { CUDA_VISIBLE_DEVICES: card.id }),
})
