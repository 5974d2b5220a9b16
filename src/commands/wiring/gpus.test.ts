import { chmodSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Workdir } from '../../../test/support/workdir.js'
import { cardAt, type Gpu, nvidiaCards, variablesFor } from './gpus.js'

const H100 = { id: 'GPU-5fa0', model: 'NVIDIA H100 80GB HBM3' }
const A10 = { id: 'GPU-77c1', model: 'NVIDIA A10' }
const BOTH = [H100, A10]

test('cards are those that nvidia-smi lists; without it nobody knows', async () => {
  const dir = new Workdir()
  const program = dir.file('nvidia-smi')
  writeFileSync(
    program,
    `#!/bin/sh
echo 'GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-5fa0)'
echo '  MIG 1g.10gb     Device  0: (UUID: MIG-1111)'
echo 'GPU 1: NVIDIA A10 (UUID: GPU-77c1)'
`,
  )
  chmodSync(program, 0o755)
  expect(await nvidiaCards(program)).toEqual(BOTH)
  expect(await nvidiaCards(dir.file('absent'))).toBeNull()
})

test('the first card is taken, or the one that was named, among those that a scheduler dealt out', () => {
  const cases: [number | undefined, string | undefined, readonly Gpu[] | null, Gpu | null][] = [
    [undefined, undefined, BOTH, H100],
    [1, undefined, BOTH, A10],
    [undefined, 'GPU-77c1', BOTH, A10],
    [1, '3, 5', null, { id: '5', model: null }],
    // Nothing to choose from: TensorFlow.js says that there is none.
    [undefined, undefined, [], null],
    [undefined, '', BOTH, null],
    // Nobody knows: CUDA counts.
    [undefined, undefined, null, { id: '0', model: null }],
    [2, undefined, null, { id: '2', model: null }],
  ]
  for (const [wanted, visible, cards, card] of cases) expect(cardAt(wanted, visible, cards)).toEqual(card)
})

test('a card that is not there is 69 with those that are', () => {
  const refused = (visible: string | undefined, cards: readonly Gpu[] | null) => {
    try {
      return cardAt(2, visible, cards)
    } catch (error) {
      return error
    }
  }
  expect(refused(undefined, BOTH)).toMatchObject({
    kind: 'unavailable',
    message: '--gpu-device: there is no GPU 2',
    hint: 'the GPUs are 0 (NVIDIA H100 80GB HBM3), 1 (NVIDIA A10)',
  })
  expect(refused('GPU-77c1,7', BOTH)).toMatchObject({
    message: '--gpu-device: there is no GPU 2 among those of CUDA_VISIBLE_DEVICES',
    hint: 'the GPUs are 0 (NVIDIA A10), 1 (7)',
  })
  expect(refused(undefined, [])).toMatchObject({ hint: 'there is none; without --gpu the CPU trains' })
})

test('the libraries are told: full precision, silence, memory as it is needed, one card', () => {
  expect(variablesFor(H100, { tf32: false, logLevel: undefined })).toEqual({
    NVIDIA_TF32_OVERRIDE: '0',
    TF_CPP_MIN_LOG_LEVEL: '3',
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    CUDA_VISIBLE_DEVICES: 'GPU-5fa0',
  })
  // What would forbid it is taken away, and a level that somebody set stays.
  const asked = variablesFor(null, { tf32: true, logLevel: '0' })
  expect('NVIDIA_TF32_OVERRIDE' in asked && asked.NVIDIA_TF32_OVERRIDE).toBeUndefined()
  expect(asked).toMatchObject({ TF_CPP_MIN_LOG_LEVEL: '0' })
  expect(asked).not.toHaveProperty('CUDA_VISIBLE_DEVICES')
})
