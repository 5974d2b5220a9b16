/** The exports of ../kernels/index.ts and how they are brought up. Addresses and strides are in bytes. */
import { readFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { nativeKernels } from '../native/native.js'

/** Arguments are numbers and addresses; ../kernels/index.ts says what each kernel does with them. */
export interface Kernels {
  gemm(
    m: number,
    n: number,
    k: number,
    a: number,
    sam: number,
    sak: number,
    b: number,
    sbn: number,
    sbk: number,
    c: number,
    ldc: number,
    fresh: number,
    scratch: number,
  ): void
  /** Bytes that `gemm` needs beside its matrices, for results of up to `columns` columns. */
  gemmScratch(columns: number): number
  fusesMultiplyAdd(x: number, c: number): number
  packTransposed(w: number, rows: number, cols: number, ld: number, out: number, panel: number): void
  pack(w: number, rows: number, cols: number, ld: number, out: number, panel: number): void
  fillRows(c: number, m: number, n: number, row: number): void
  copyRows(from: number, ldFrom: number, to: number, ldTo: number, m: number, n: number): void
  copyPacked(from: number, ldFrom: number, to: number, m: number, n: number): void
  sumRows(a: number, m: number, n: number, out: number): void
  tanhForward(x: number, count: number): void
  tanhBackward(y: number, d: number, count: number): void
  reluForward(x: number, count: number): void
  reluBackward(y: number, d: number, count: number): void
  maskedCopy(from: number, to: number, ld: number, rows: number, width: number, starts: number): void
  lstmForward(
    gates: number,
    cin: number,
    cout: number,
    tanhc: number,
    h: number,
    rows: number,
    width: number,
  ): void
  lstmBackward(
    gates: number,
    cin: number,
    tanhc: number,
    dh: number,
    dc: number,
    rows: number,
    width: number,
    starts: number,
  ): void
  ppoLoss(
    rows: number,
    actions: number,
    logits: number,
    ld: number,
    values: number,
    valueStride: number,
    taken: number,
    held: number,
    prior: number,
    allowed: number,
    valid: number,
    oldLogProbs: number,
    advantages: number,
    returns: number,
    scratch: number,
    count: number,
    mean: number,
    scale: number,
    clip: number,
    valueCoefficient: number,
    entropyCoefficient: number,
    figures: number,
  ): void
  sumSquares(a: number, count: number): number
  adam(
    p: number,
    g: number,
    m: number,
    v: number,
    count: number,
    scale: number,
    beta1: number,
    beta2: number,
    rate: number,
    root2: number,
    epsilon: number,
  ): void
}

/** Where the compiled kernels lie beside the compiled engine. */
export const KERNELS = new URL('../kernels.wasm', import.meta.url)

/** Compiles the kernels, once for all threads. Throws what reading the file throws. */
export async function compileKernels(file: URL = KERNELS): Promise<WebAssembly.Module> {
  const bytes = await readFile(file)
  // Relaxed SIMD, which has the fused multiply-add, is on from Node 22; Node 20 has it behind a flag.
  if (!WebAssembly.validate(bytes)) setFlagsFromString('--experimental-wasm-relaxed-simd')
  return WebAssembly.compile(bytes)
}

/**
 * The kernels at work on a memory that threads may share; those of the addon `native` in the place of their namesakes, whose
 * bits they give. Throws 69 where the addon is not built, or not for this machine.
 */
export async function startKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  native: URL | null = null,
): Promise<Kernels> {
  const instance = await WebAssembly.instantiate(module, { env: { memory, abort: () => {} } })
  const kernels = instance.exports as unknown as Kernels
  return native === null ? kernels : { ...kernels, ...nativeKernels(native, memory) }
}

/** Whether this machine has the fused multiply-add; without it results differ in their last bits from those with it. */
export const fuses = (kernels: Kernels): boolean =>
  kernels.fusesMultiplyAdd(1 + 2 ** -12, -(1 + 2 ** -11)) !== 0
