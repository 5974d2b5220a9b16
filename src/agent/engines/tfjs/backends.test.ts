/** What is said when the GPU cannot be had, by stand-ins for the packages: the real ones need hardware. */
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { isOutOfMemory, loadBackend, shim } from './backends.js'

const here = createRequire(import.meta.url)
const node = { 'node:util': {} }

const load = (packages: Record<string, unknown>) => (name: string) => {
  const found = packages[name]
  if (found instanceof Error) throw found
  // What is not stood in for is looked up for real, and is not there.
  return found ?? here(name)
}

const failure = async (backend: 'node-gpu' | 'webgpu', packages: Record<string, unknown>) => {
  const error = await loadBackend(backend, load(packages)).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ name: 'Failure', kind: 'unavailable' })
  return error as { message: string; hint: string }
}

test('an absent package is named with its install line', async () => {
  const gpu = await failure('node-gpu', node)
  expect(gpu.message).toBe('the package @tensorflow/tfjs-node-gpu is not installed')
  expect(gpu.hint).toBe('npm install --no-save --save-optional @tensorflow/tfjs-node-gpu@4.22.0')
  const web = await failure('webgpu', node)
  expect(web.message).toBe('the package webgpu is not installed')
  expect(web.hint).toBe(
    'npm install --no-save webgpu @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-webgpu@4.22.0',
  )
})

test('a package without its native part says so', async () => {
  const words = 'The Node.js native addon module (tfjs_binding.node) can not be found at path: /x\nmore'
  const gpu = await failure('node-gpu', { ...node, '@tensorflow/tfjs-node-gpu': new Error(words) })
  expect(gpu.message).toBe(
    'the native part of @tensorflow/tfjs-node-gpu cannot be loaded: The Node.js native addon module (tfjs_binding.node) can not be found at path: /x',
  )
  expect(gpu.hint).toBe('run its install script: npm rebuild @tensorflow/tfjs-node-gpu')
})

test('a missing file inside a package is not an absent package', async () => {
  const inner = Object.assign(new Error("Cannot find module './lib/dawn.node'"), { code: 'MODULE_NOT_FOUND' })
  const web = await failure('webgpu', { webgpu: inner })
  expect(web.message).toContain('the native part of webgpu cannot be loaded')
})

test('no GPU is no silent CPU', async () => {
  const tf = { ready: async () => {}, backend: () => ({ isUsingGpuDevice: false }) }
  expect((await failure('node-gpu', { ...node, '@tensorflow/tfjs-node-gpu': tf })).message).toBe(
    '@tensorflow/tfjs-node-gpu finds no GPU device',
  )
  const webgpu = { globals: {}, create: () => ({ requestAdapter: async () => null }) }
  expect((await failure('webgpu', { webgpu })).message).toBe('WebGPU finds no GPU device')
})

test('a GPU is taken', async () => {
  let quiet = false
  const tf = {
    ready: async () => {},
    backend: () => ({ isUsingGpuDevice: true }),
    enableProdMode: () => {
      quiet = true
    },
  }
  const loaded = await loadBackend('node-gpu', load({ ...node, '@tensorflow/tfjs-node-gpu': tf }))
  expect(loaded).toEqual({ tf, device: 'node-gpu' })
  expect(quiet).toBe(true)
})

test('helpers that Node 23 took away are put back, others stay', () => {
  const kept = () => true
  const util: Record<string, unknown> = { isArray: kept }
  shim(load({ 'node:util': util }))
  expect(util.isArray).toBe(kept)
  const isNothing = util.isNullOrUndefined as (value: unknown) => boolean
  expect([null, undefined, 0, ''].map(isNothing)).toEqual([true, true, false, false])
})

test('what devices say when their memory is full is known', () => {
  const words = [
    'OOM when allocating tensor with shape[64,32] and type float on /job:localhost/device:GPU:0 by allocator GPU_0_bfc',
    'CUDA_ERROR_OUT_OF_MEMORY: out of memory',
    'failed to allocate memory',
    'RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes',
    'Not enough memory left: Out of memory',
  ]
  for (const word of words) expect(isOutOfMemory(new Error(word)), word).toBe(true)
  for (const word of ['the room is full', 'Invalid argument: zoom', 'the loss is not finite'])
    expect(isOutOfMemory(new Error(word)), word).toBe(false)
})
