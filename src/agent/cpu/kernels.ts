/** The exports of ../kernels/index.ts and how they are brought up. Addresses and strides are in bytes. */
import { readFile } from 'node:fs/promises'

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
    scratch: number,
  ): void
  packTransposed(w: number, rows: number, cols: number, ld: number, out: number, panel: number): void
  pack(w: number, rows: number, cols: number, ld: number, out: number, panel: number): void
  fillRows(c: number, m: number, n: number, row: number): void
  sumRows(a: number, m: number, n: number, out: number): void
  tanhForward(x: number, count: number): void
  tanhBackward(y: number, d: number, count: number): void
  reluForward(x: number, count: number): void
  reluBackward(y: number, d: number, count: number): void
  maskedCopy(from: number, to: number, rows: number, width: number, starts: number): void
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
  add(a: number, b: number, count: number): void
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
    out: number,
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

export async function compileKernels(file: URL = KERNELS): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(file))
}

export async function startKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Kernels> {
  const instance = await WebAssembly.instantiate(module, { env: { memory, abort: () => {} } })
  return instance.exports as unknown as Kernels
}

/** Bytes that `gemm` needs beside its matrices, for results of up to `columns` columns. */
export const gemmScratch = (columns: number): number => 4 * 128 * (32 + columns)
