/**
 * TensorFlow.js on the backend that was asked for, or the reason why not: the package is absent, its native part is, or there
 * is no GPU. Nothing takes the place of a backend that fails. `cpu` and `wasm` are for tests of the same operations.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Failure, messageOf } from '../../../base/errors.js'
import type { Tf } from './graph.js'

/** By their names in `--gpu-backend`, and two that are for tests. */
const BACKENDS = ['node-gpu', 'webgpu', 'cpu', 'wasm'] as const
export type Backend = (typeof BACKENDS)[number]

const VERSION = '4.22.0'
const NODE_GPU = '@tensorflow/tfjs-node-gpu'
const CORE = '@tensorflow/tfjs-core'

/** Loads a CommonJS package; a parameter so that tests can stand in for what is not installed. */
export type Load = (name: string) => unknown

/** Loads the packages of jules, or those in a folder that stands in for it. */
export const packagesIn = (folder: string | null): Load =>
  createRequire(folder === null ? import.meta.url : join(folder, 'package.json'))

/** TensorFlow.js with its backend chosen, and what that backend calls itself. */
export interface Loaded {
  readonly tf: Tf
  readonly device: string
}

/** Throws an unavailable Failure that says what is missing and how to get it. */
export async function loadBackend(
  backend: Backend,
  load: Load = packagesIn(null),
  withoutGpu = false,
): Promise<Loaded> {
  const loaded = await loadedBy(backend, load, withoutGpu)
  // It greets on standard error otherwise, which is for the words of jules.
  loaded.tf.enableProdMode()
  return loaded
}

async function loadedBy(backend: Backend, load: Load, withoutGpu: boolean): Promise<Loaded> {
  switch (backend) {
    case 'node-gpu':
      return nodeGpu(load, withoutGpu)
    case 'webgpu':
      return webgpu(load)
    case 'cpu':
    case 'wasm': {
      load(`@tensorflow/tfjs-backend-${backend}`)
      const tf = load(CORE) as Tf
      if (!(await tf.setBackend(backend)))
        throw new Failure('unavailable', `TensorFlow.js has no backend ${backend}`)
      return { tf, device: backend }
    }
  }
}

/**
 * Node takes the code of a native addon out of memory when the last thread that loaded it ends, and the addon's own threads run
 * into nothing: the process dies of SIGSEGV. So a thread may load such a package only after this one has, which stays.
 */
export function hold(backend: Backend, load: Load): void {
  if (backend === 'webgpu') dawn(load)
}

/** `withoutGpu`: TensorFlow's kernels for the CPU will do, and are called that. */
async function nodeGpu(load: Load, withoutGpu: boolean): Promise<Loaded> {
  shim(load)
  // An optional peer: a plain install in a checkout of jules would answer "up to date" and do nothing.
  const install = `npm install --no-save --save-optional ${NODE_GPU}@${VERSION}`
  const tf = required(load, NODE_GPU, install) as Tf
  await tf.ready()
  const { isUsingGpuDevice } = tf.backend() as { isUsingGpuDevice?: boolean }
  if (isUsingGpuDevice !== true) {
    if (withoutGpu) return { tf, device: 'node-gpu, CPU kernels of TensorFlow' }
    throw new Failure('unavailable', `${NODE_GPU} finds no GPU device`, {
      hint: 'it needs an NVIDIA driver, CUDA 11 and cuDNN 8 on the library path; without --gpu the CPU trains',
    })
  }
  return { tf, device: 'node-gpu' }
}

const WEBGPU = '@tensorflow/tfjs-backend-webgpu'
const WEBGPU_INSTALL = `npm install --no-save webgpu ${CORE}@${VERSION} ${WEBGPU}@${VERSION}`

/** The native part of WebGPU. */
const dawn = (load: Load) =>
  required(load, 'webgpu', WEBGPU_INSTALL) as {
    create: (flags: string[]) => { requestAdapter(): Promise<unknown> }
    globals: object
  }

async function webgpu(load: Load): Promise<Loaded> {
  const { create, globals } = dawn(load)
  Object.assign(globalThis, globals)
  const gpu = create([])
  // The backend looks for the interface where browsers have it.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true })
  if ((await gpu.requestAdapter()) === null) {
    throw new Failure('unavailable', 'WebGPU finds no GPU device', {
      hint: 'it needs a Vulkan driver; without --gpu the CPU trains',
    })
  }
  const tf = required(load, CORE, WEBGPU_INSTALL) as Tf
  required(load, WEBGPU, WEBGPU_INSTALL)
  if (!(await tf.setBackend('webgpu')))
    throw new Failure('unavailable', 'TensorFlow.js cannot start its WebGPU backend', {
      hint: 'without --gpu the CPU trains',
    })
  return { tf, device: 'webgpu' }
}

function required(load: Load, name: string, install: string): unknown {
  try {
    return load(name)
  } catch (error) {
    const message = messageOf(error)
    if (isAbsent(error, name)) {
      throw new Failure('unavailable', `the package ${name} is not installed`, {
        hint: install,
        cause: error,
      })
    }
    throw new Failure(
      'unavailable',
      `the native part of ${name} cannot be loaded: ${message.split('\n')[0]}`,
      {
        hint: `run its install script: npm rebuild ${name}`,
        cause: error,
      },
    )
  }
}

const isAbsent = (error: unknown, name: string): boolean =>
  error instanceof Error &&
  'code' in error &&
  error.code === 'MODULE_NOT_FOUND' &&
  error.message.split('\n')[0]!.includes(`'${name}'`)

/** Whether a device said that it has no memory left: TensorFlow (its allocator, CUDA, cuBLAS) or WebGPU. */
export const isOutOfMemory = (error: unknown): boolean =>
  /\bOOM\b|out of memory|RESOURCE_EXHAUSTED|failed to allocate|OUT_OF_MEMORY|CUBLAS_STATUS_ALLOC_FAILED/i.test(
    messageOf(error),
  )

/** tfjs-node-gpu calls helpers that Node 23 took out of node:util. */
export function shim(load: Load): void {
  const util = load('node:util') as Record<string, unknown>
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined
  util.isArray ??= Array.isArray
}
