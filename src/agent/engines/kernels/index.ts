/**
 * The arithmetic of the CPU engine in AssemblyScript, compiled to WebAssembly SIMD: float32, row-major, byte addresses and
 * strides. Column counts are multiples of 8, padded with zeros by the caller. Nothing allocates; memory is the caller's.
 */

/** Rows of A and depth of k that are packed at a time: up to 20 KiB, beside a panel of B in the first-level cache. */
const ROWS = 32
const DEPTH = 160

/**
 * a b + c, rounded once where the machine has the instruction: x86 with FMA3 (Haswell, 2013) and every 64-bit ARM. Elsewhere
 * the product is rounded first, and results differ in their last bits: see `fusesMultiplyAdd`.
 */
// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.relaxed_madd(a, b, c)
}

/** Whether this machine rounds x x + c once. For x = 1 + 2^-12, c = -(1 + 2^-11) that gives 2^-24; rounded twice, 0. */
export function fusesMultiplyAdd(x: f32, c: f32): bool {
  return f32x4.extract_lane(madd(f32x4.splat(x), f32x4.splat(x), f32x4.splat(c)), 0) != 0
}

/** Bytes that `gemm` needs beside its matrices, for results of up to n columns. */
export function gemmScratch(n: i32): i32 {
  return 4 * (ROWS + n) * DEPTH
}

/**
 * C[m, n] = A[m, k] B[k, n], or += unless `fresh`. A is read at a + m sam + k sak, so a transposed matrix costs nothing; B in
 * panels of 8 columns at b + (n / 8) sbn + k sbk. As in Goto and van de Geijn, "Anatomy of High-Performance Matrix
 * Multiplication", 2008: blocks of A are packed so that a tile of 4 x 8 reads both sides forwards from one address each, and
 * stays in registers over the depth. B is packed too unless it is already (sbk 32). `scratch` holds `gemmScratch(n)` bytes.
 * An element's value does not depend on the rows beside it: k is cut alike, each block summed from zero in the order of k.
 */
export function gemm(
  m: i32, n: i32, k: i32,
  a: usize, sam: usize, sak: usize,
  b: usize, sbn: usize, sbk: usize,
  c: usize, ldc: usize, fresh: bool,
  scratch: usize,
): void {
  const packed = scratch + 4 * ROWS * DEPTH
  const blocks = (k + DEPTH - 1) / DEPTH
  const block = (k + blocks - 1) / blocks
  for (let k0 = 0; k0 < k; k0 += block) {
    const depth = min(block, k - k0)
    const ak = a + <usize>k0 * sak
    let panels = b + <usize>k0 * sbk
    let panel = sbn
    if (sbk != 32 && m >= 4) {
      packPanels(depth, n, panels, sbn, sbk, packed)
      panels = packed
      panel = <usize>depth << 5
    }
    let i0 = 0
    for (; i0 + 4 <= m; i0 += ROWS) {
      const rows = min(ROWS, m - i0) & ~3
      packRows(rows, depth, ak + <usize>i0 * sam, sam, sak, scratch)
      for (let j = 0; j < n; j += 8) {
        const bp = panels + <usize>(j >> 3) * panel
        let cp = c + (<usize>j << 2) + <usize>i0 * ldc
        let ap = scratch
        for (let i = 0; i < rows; i += 4) {
          tile4(depth, ap, bp, cp, ldc, fresh)
          ap += <usize>depth << 4
          cp += ldc << 2
        }
      }
    }
    for (let i = m & ~3; i < m; i++) {
      rowTimes(n, depth, ak + <usize>i * sam, sak, b + <usize>k0 * sbk, sbn, sbk, c + <usize>i * ldc, fresh)
    }
    fresh = false
  }
}

/** Rows of A by fours: out[i / 4][k][4]. */
function packRows(rows: i32, depth: i32, a: usize, sam: usize, sak: usize, out: usize): void {
  const group = <usize>depth << 4
  if (sam == 4) {
    // All rows at each step of k, for they share cache lines.
    for (let k = 0; k < depth; k++) {
      let to = out
      for (let i = 0; i < rows; i += 4) {
        v128.store(to, v128.load(a + (<usize>i << 2)))
        to += group
      }
      a += sak
      out += 16
    }
    return
  }
  for (let i = 0; i < rows; i += 4) {
    byFours(depth, a + <usize>i * sam, sam, sak, out, 16)
    out += group
  }
}

/** Four rows of A, `step` bytes apart: out[k][4]. */
function byFours(depth: i32, from: usize, sam: usize, sak: usize, out: usize, step: usize): void {
  const second = sam
  const third = sam + sam
  const fourth = third + sam
  let k = 0
  if (sak == 4) {
    for (; k + 4 <= depth; k += 4) {
      const x0 = v128.load(from)
      const x1 = v128.load(from + second)
      const x2 = v128.load(from + third)
      const x3 = v128.load(from + fourth)
      const low01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5)
      const low23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5)
      const high01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7)
      const high23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7)
      v128.store(out, v128.shuffle<i64>(low01, low23, 0, 2))
      v128.store(out + step, v128.shuffle<i64>(low01, low23, 1, 3))
      v128.store(out + 2 * step, v128.shuffle<i64>(high01, high23, 0, 2))
      v128.store(out + 3 * step, v128.shuffle<i64>(high01, high23, 1, 3))
      from += 16
      out += 4 * step
    }
  }
  for (; k < depth; k++) {
    store<f32>(out, load<f32>(from))
    store<f32>(out, load<f32>(from + second), 4)
    store<f32>(out, load<f32>(from + third), 8)
    store<f32>(out, load<f32>(from + fourth), 12)
    from += sak
    out += step
  }
}

/** Columns of B by eights: out[j / 8][k][8]. */
function packPanels(depth: i32, n: i32, b: usize, sbn: usize, sbk: usize, out: usize): void {
  for (let j = 0; j < n; j += 8) {
    let from = b + <usize>(j >> 3) * sbn
    for (let k = 0; k < depth; k++) {
      v128.store(out, v128.load(from))
      v128.store(out, v128.load(from, 16), 16)
      from += sbk
      out += 32
    }
  }
}

/**
 * Steps of constant length, ended by an address. Eight sums are as many as the fused instruction needs to hide its latency.
 * Not unrolled by hand: V8 then moves the loads of all steps together and runs out of registers. depth is at least 1.
 */
function tile4(depth: i32, a: usize, b: usize, c: usize, ldc: usize, fresh: bool): void {
  let x00 = f32x4.splat(0)
  let x01 = f32x4.splat(0)
  let x10 = f32x4.splat(0)
  let x11 = f32x4.splat(0)
  let x20 = f32x4.splat(0)
  let x21 = f32x4.splat(0)
  let x30 = f32x4.splat(0)
  let x31 = f32x4.splat(0)
  const end = a + (<usize>depth << 4)
  do {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let s = v128.load32_splat(a)
    x00 = madd(s, b0, x00)
    x01 = madd(s, b1, x01)
    s = v128.load32_splat(a, 4)
    x10 = madd(s, b0, x10)
    x11 = madd(s, b1, x11)
    s = v128.load32_splat(a, 8)
    x20 = madd(s, b0, x20)
    x21 = madd(s, b1, x21)
    s = v128.load32_splat(a, 12)
    x30 = madd(s, b0, x30)
    x31 = madd(s, b1, x31)
    a += 16
    b += 32
  } while (a != end)
  put(c, x00, x01, fresh)
  put(c + ldc, x10, x11, fresh)
  put(c + 2 * ldc, x20, x21, fresh)
  put(c + 3 * ldc, x30, x31, fresh)
}

// @ts-ignore: decorator
@inline
function put(c: usize, x: v128, y: v128, fresh: bool): void {
  if (!fresh) {
    x = f32x4.add(v128.load(c), x)
    y = f32x4.add(v128.load(c, 16), y)
  }
  v128.store(c, x)
  v128.store(c, y, 16)
}

/**
 * One row of A by all of B, three panels at a time: six sums hide most of each other's latency, and eight would leave V8 too
 * few registers, for it loads all of B's numbers of a step before it uses them.
 */
function rowTimes(
  n: i32, depth: i32, a: usize, sak: usize, b: usize, sbn: usize, sbk: usize, c: usize, fresh: bool,
): void {
  const end = a + <usize>depth * sak
  let j = 0
  for (; j + 24 <= n; j += 24) {
    let at = a
    let p0 = b + <usize>(j >> 3) * sbn
    let p1 = p0 + sbn
    let p2 = p1 + sbn
    let x0 = f32x4.splat(0)
    let x1 = f32x4.splat(0)
    let x2 = f32x4.splat(0)
    let x3 = f32x4.splat(0)
    let x4 = f32x4.splat(0)
    let x5 = f32x4.splat(0)
    do {
      const s = v128.load32_splat(at)
      x0 = madd(s, v128.load(p0), x0)
      x1 = madd(s, v128.load(p0, 16), x1)
      x2 = madd(s, v128.load(p1), x2)
      x3 = madd(s, v128.load(p1, 16), x3)
      x4 = madd(s, v128.load(p2), x4)
      x5 = madd(s, v128.load(p2, 16), x5)
      at += sak
      p0 += sbk
      p1 += sbk
      p2 += sbk
    } while (at != end)
    const to = c + (<usize>j << 2)
    put(to, x0, x1, fresh)
    put(to + 32, x2, x3, fresh)
    put(to + 64, x4, x5, fresh)
  }
  for (; j < n; j += 8) {
    let at = a
    let from = b + <usize>(j >> 3) * sbn
    let x0 = f32x4.splat(0)
    let x1 = f32x4.splat(0)
    do {
      const s = v128.load32_splat(at)
      x0 = madd(s, v128.load(from), x0)
      x1 = madd(s, v128.load(from, 16), x1)
      at += sak
      from += sbk
    } while (at != end)
    put(c + (<usize>j << 2), x0, x1, fresh)
  }
}

/** Packs W[rows, cols] (row stride ld bytes) as the panels of its transpose: element (k, n) of W^T is W[n, k]. */
export function packTransposed(w: usize, rows: i32, cols: i32, ld: usize, out: usize, panel: usize): void {
  let n = 0
  for (; n + 4 <= rows; n += 4) {
    byFours(cols, w + <usize>n * ld, ld, 4, out + <usize>(n >> 3) * panel + (<usize>(n & 7) << 2), 32)
  }
  for (; n < rows; n++) {
    const to = out + <usize>(n >> 3) * panel + (<usize>(n & 7) << 2)
    const from = w + <usize>n * ld
    for (let k = 0; k < cols; k++) store<f32>(to + (<usize>k << 5), load<f32>(from + (<usize>k << 2)))
  }
}

/** Packs W[rows, cols] as panels of 8 columns of itself: element (k, n) is W[k, n]. */
export function pack(w: usize, rows: i32, cols: i32, ld: usize, out: usize, panel: usize): void {
  for (let k = 0; k < rows; k++) {
    const from = w + <usize>k * ld
    for (let n = 0; n < cols; n += 8) {
      const to = out + <usize>(n >> 3) * panel + (<usize>k << 5)
      v128.store(to, v128.load(from + (<usize>n << 2)))
      v128.store(to, v128.load(from + (<usize>n << 2), 16), 16)
    }
  }
}

/** One number a column, n a multiple of 4: a loop, for a call of memory.copy costs more than a short row. */
// @ts-ignore: decorator
@inline
function copyRow(from: usize, to: usize, n: i32): void {
  const end = from + (<usize>n << 2)
  for (; from != end; from += 16, to += 16) v128.store(to, v128.load(from))
}

/** Every row of C[m, n] becomes `row`. */
export function fillRows(c: usize, m: i32, n: i32, row: usize): void {
  for (let i = 0; i < m; i++) copyRow(row, c + (<usize>(i * n) << 2), n)
}

/** Copies a matrix[m, n], n a multiple of 4, between row strides in bytes. */
export function copyRows(from: usize, ldFrom: usize, to: usize, ldTo: usize, m: i32, n: i32): void {
  for (let i = 0; i < m; i++) {
    copyRow(from, to, n)
    from += ldFrom
    to += ldTo
  }
}

/** Copies a matrix[m, n] of any n into one without padding. */
export function copyPacked(from: usize, ldFrom: usize, to: usize, m: i32, n: i32): void {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) store<f32>(to + (<usize>j << 2), load<f32>(from + (<usize>j << 2)))
    from += ldFrom
    to += <usize>n << 2
  }
}

/** out[n] = sum over rows of A[m, n], in blocks as `gemm` sums. */
export function sumRows(a: usize, m: i32, n: i32, out: usize): void {
  for (let j = 0; j < n; j += 4) {
    let total = f32x4.splat(0)
    let from = a + (<usize>j << 2)
    for (let i0 = 0; i0 < m; i0 += DEPTH) {
      let sum = f32x4.splat(0)
      for (let i = min(DEPTH, m - i0); i > 0; i--) {
        sum = f32x4.add(sum, v128.load(from))
        from += <usize>n << 2
      }
      total = f32x4.add(total, sum)
    }
    v128.store(out + (<usize>j << 2), total)
  }
}

/**
 * e^x: argument reduction and the polynomial of Cephes' expf (Moshier); about 1 ulp. The nearest whole number comes from
 * adding 1.5 x 2^23, whose low bits then hold it; pmin and pmax are one instruction where min and max are nine, and let NaN
 * through as well.
 */
// @ts-ignore: decorator
@inline
function exp4(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88)), f32x4.splat(-87))
  const magic = f32x4.splat(12582912)
  const t = madd(x, f32x4.splat(1.44269504088896341), magic)
  const n = f32x4.sub(t, magic)
  let r = madd(n, f32x4.splat(-0.693359375), x)
  r = madd(n, f32x4.splat(2.12194440e-4), r)
  let p = f32x4.splat(1.9875691500e-4)
  p = madd(p, r, f32x4.splat(1.3981999507e-3))
  p = madd(p, r, f32x4.splat(8.3334519073e-3))
  p = madd(p, r, f32x4.splat(4.1665795894e-2))
  p = madd(p, r, f32x4.splat(1.6666665459e-1))
  p = madd(p, r, f32x4.splat(5.0000001201e-1))
  p = madd(f32x4.mul(p, r), r, f32x4.add(r, f32x4.splat(1)))
  const scale = i32x4.add(i32x4.shl(t, 23), i32x4.splat(0x3f800000))
  return f32x4.mul(p, scale)
}

// @ts-ignore: decorator
@inline
function sigmoid4(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(x))))
}

/**
 * tanh: an odd polynomial over an even one within +-7.9, where it is 1 to the last bit; within 3 ulp (the coefficients are
 * those of Eigen's, Clausen's minimax fit in float32).
 */
// @ts-ignore: decorator
@inline
function tanh4(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(7.90531110763549805)), f32x4.splat(-7.90531110763549805))
  const z = f32x4.mul(x, x)
  let p = f32x4.splat(-2.76076847742355e-16)
  p = madd(p, z, f32x4.splat(2.00018790482477e-13))
  p = madd(p, z, f32x4.splat(-8.60467152213735e-11))
  p = madd(p, z, f32x4.splat(5.12229709037114e-8))
  p = madd(p, z, f32x4.splat(1.48572235717979e-5))
  p = madd(p, z, f32x4.splat(6.37261928875436e-4))
  p = madd(p, z, f32x4.splat(4.89352455891786e-3))
  let q = f32x4.splat(1.19825839466702e-6)
  q = madd(q, z, f32x4.splat(1.18534705686654e-4))
  q = madd(q, z, f32x4.splat(2.268434632439e-3))
  q = madd(q, z, f32x4.splat(4.89352518554385e-3))
  return f32x4.div(f32x4.mul(x, p), q)
}

export function tanhForward(x: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) v128.store(x + (<usize>i << 2), tanh4(v128.load(x + (<usize>i << 2))))
}

/** d *= 1 - y^2. */
export function tanhBackward(y: usize, d: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = <usize>i << 2
    const v = v128.load(y + at)
    v128.store(d + at, f32x4.mul(v128.load(d + at), f32x4.sub(f32x4.splat(1), f32x4.mul(v, v))))
  }
}

export function reluForward(x: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = <usize>i << 2
    v128.store(x + at, f32x4.pmax(v128.load(x + at), f32x4.splat(0)))
  }
}

export function reluBackward(y: usize, d: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = <usize>i << 2
    v128.store(d + at, v128.and(v128.load(d + at), f32x4.gt(v128.load(y + at), f32x4.splat(0))))
  }
}

/** Rows of `to`, ld bytes apart, become those of from[rows, width], or zero where `starts` is 1: the state before a step. */
export function maskedCopy(from: usize, to: usize, ld: usize, rows: i32, width: i32, starts: usize): void {
  for (let r = 0; r < rows; r++) {
    if (load<u8>(starts + r)) memory.fill(to, 0, <usize>width << 2)
    else copyRow(from, to, width)
    from += <usize>width << 2
    to += ld
  }
}

/** x = sigmoid(x), over `bytes` bytes. */
function sigmoids(x: usize, bytes: usize): void {
  const end = x + bytes
  do {
    v128.store(x, sigmoid4(v128.load(x)))
    x += 16
  } while (x != end)
}

/**
 * One step of an LSTM for `rows` sequences: gates[rows, 4H] hold the sums i, f, g, o and become the activations; cin is the
 * cell before, cout, tanhc and h are written. One function after the other over a whole row: the chains of one unit alone
 * would keep the processor waiting.
 */
export function lstmForward(gates: usize, cin: usize, cout: usize, tanhc: usize, h: usize, rows: i32, width: i32): void {
  const bytes = <usize>width << 2
  for (let r = 0; r < rows; r++) {
    let gi = gates + <usize>r * 4 * bytes
    let gf = gi + bytes
    let gg = gf + bytes
    let go = gg + bytes
    sigmoids(gi, 2 * bytes)
    tanhForward(gg, width)
    sigmoids(go, bytes)
    const end = go
    do {
      const c = madd(v128.load(gf), v128.load(cin), f32x4.mul(v128.load(gi), v128.load(gg)))
      const t = tanh4(c)
      v128.store(cout, c)
      v128.store(tanhc, t)
      v128.store(h, f32x4.mul(v128.load(go), t))
      gi += 16
      gf += 16
      gg += 16
      go += 16
      cin += 16
      cout += 16
      tanhc += 16
      h += 16
    } while (gg != end)
  }
}

/**
 * One step back: gates hold the activations and become the gradients of the sums. dh is the whole gradient of h; dc that of
 * the cell from later steps, replaced by that for earlier ones, zero where the episode starts.
 */
export function lstmBackward(
  gates: usize, cin: usize, tanhc: usize, dh: usize, dc: usize, rows: i32, width: i32, starts: usize,
): void {
  const bytes = <usize>width << 2
  const one = f32x4.splat(1)
  for (let r = 0; r < rows; r++) {
    let gi = gates + <usize>r * 4 * bytes
    let gf = gi + bytes
    let gg = gf + bytes
    let go = gg + bytes
    const keep = load<u8>(starts + r) ? f32x4.splat(0) : one
    for (let n = 0; n < width; n += 4) {
      const i = v128.load(gi)
      const f = v128.load(gf)
      const g = v128.load(gg)
      const o = v128.load(go)
      const t = v128.load(tanhc)
      const d = v128.load(dh)
      const cell = madd(f32x4.mul(d, o), f32x4.sub(one, f32x4.mul(t, t)), v128.load(dc))
      v128.store(gi, f32x4.mul(f32x4.mul(cell, g), f32x4.mul(i, f32x4.sub(one, i))))
      v128.store(gf, f32x4.mul(f32x4.mul(cell, v128.load(cin)), f32x4.mul(f, f32x4.sub(one, f))))
      v128.store(gg, f32x4.mul(f32x4.mul(cell, i), f32x4.sub(one, f32x4.mul(g, g))))
      v128.store(go, f32x4.mul(f32x4.mul(d, t), f32x4.mul(o, f32x4.sub(one, o))))
      v128.store(dc, f32x4.mul(f32x4.mul(cell, f), keep))
      gi += 16
      gf += 16
      gg += 16
      go += 16
      cin += 16
      tanhc += 16
      dh += 16
      dc += 16
    }
  }
}


/**
 * The PPO loss of `rows` steps and its gradient. logits[rows, ld] of `actions` columns become dLogits; values[rows] become
 * dValues. prior is added to the logit of held[r] where that is not negative. figures[rows, 5], float64, become policy loss,
 * squared error, entropy, approximate KL, clipped (0 or 1) of each row.
 */
export function ppoLoss(
  rows: i32, actions: i32, logits: usize, ld: usize, values: usize, valueStride: usize,
  taken: usize, held: usize, prior: f32, allowed: usize, valid: usize,
  oldLogProbs: usize, advantages: usize, returns: usize, scratch: usize,
  count: f64, mean: f64, scale: f64, clip: f64, valueCoefficient: f64, entropyCoefficient: f64, figures: usize,
): void {
  const over = 1.0 / count
  for (let r = 0; r < rows; r++) {
    const row = logits + <usize>r * ld
    const value = values + <usize>r * valueStride
    const at = <usize>r << 2
    const figure = figures + <usize>r * 40
    if (!load<u8>(valid + r)) {
      memory.fill(figure, 0, 40)
      for (let a = 0; a < actions; a++) store<f32>(row + (<usize>a << 2), 0)
      store<f32>(value, 0)
      continue
    }
    const hold = load<i32>(held + at)
    let most: f32 = -Infinity
    for (let a = 0; a < actions; a++) {
      if (!load<u8>(allowed + a)) continue
      const p = row + (<usize>a << 2)
      if (a == hold) store<f32>(p, load<f32>(p) + prior)
      most = max(most, load<f32>(p))
    }
    // e^(logit - max) for all actions, four at a time; what lies beyond or is masked is put to zero after.
    const m = f32x4.splat(most)
    for (let a = 0; a < actions; a += 4) {
      v128.store(scratch + (<usize>a << 2), exp4(f32x4.sub(v128.load(row + (<usize>a << 2)), m)))
    }
    let sum: f64 = 0
    for (let a = 0; a < actions; a++) {
      if (load<u8>(allowed + a)) sum += <f64>load<f32>(scratch + (<usize>a << 2))
    }
    const norm = <f64>most + Math.log(sum)
    let entropy: f64 = 0
    for (let a = 0; a < actions; a++) {
      if (!load<u8>(allowed + a)) continue
      const logp = <f64>load<f32>(row + (<usize>a << 2)) - norm
      entropy -= (<f64>load<f32>(scratch + (<usize>a << 2)) / sum) * logp
    }
    const action = load<i32>(taken + at)
    const logRatio = <f64>load<f32>(row + (<usize>action << 2)) - norm - <f64>load<f32>(oldLogProbs + at)
    const ratio = Math.exp(logRatio)
    const advantage = (<f64>load<f32>(advantages + at) - mean) * scale
    const plain = ratio * advantage
    const limited = min(1 + clip, max(1 - clip, ratio)) * advantage
    const dLogProb = plain <= limited ? -plain * over : 0.0
    const error = <f64>load<f32>(value) - <f64>load<f32>(returns + at)
    store<f64>(figure, -min(plain, limited))
    store<f64>(figure, error * error, 8)
    store<f64>(figure, entropy, 16)
    store<f64>(figure, ratio - 1 - logRatio, 24)
    store<f64>(figure, Math.abs(ratio - 1) > clip ? 1.0 : 0.0, 32)
    store<f32>(value, <f32>(valueCoefficient * 2 * error * over))
    for (let a = 0; a < actions; a++) {
      const p = row + (<usize>a << 2)
      if (!load<u8>(allowed + a)) {
        store<f32>(p, 0)
        continue
      }
      const probability = <f64>load<f32>(scratch + (<usize>a << 2)) / sum
      const logp = <f64>load<f32>(p) - norm
      const d = dLogProb * ((a == action ? 1.0 : 0.0) - probability) + entropyCoefficient * over * probability * (logp + entropy)
      store<f32>(p, <f32>d)
    }
  }
}

/** Sum of squares in float64, four partial sums. */
export function sumSquares(a: usize, count: i32): f64 {
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  for (let i = 0; i < count; i += 4) {
    const v = v128.load(a + (<usize>i << 2))
    const x = f64x2.promote_low_f32x4(v)
    const y = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 0, 1))
    low = f64x2.add(low, f64x2.mul(x, x))
    high = f64x2.add(high, f64x2.mul(y, y))
  }
  const sum = f64x2.add(low, high)
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)
}

/** Adam with the gradient scaled first: p -= rate m / (sqrt(v) / root2 + epsilon), m and v uncorrected, rate corrected. */
export function adam(
  p: usize, g: usize, m: usize, v: usize, count: i32,
  scale: f32, beta1: f32, beta2: f32, rate: f32, root2: f32, epsilon: f32,
): void {
  const keep1 = f32x4.splat(beta1)
  const keep2 = f32x4.splat(beta2)
  const new1 = f32x4.splat(1 - beta1)
  const new2 = f32x4.splat(1 - beta2)
  const scales = f32x4.splat(scale)
  const rates = f32x4.splat(rate)
  const roots = f32x4.splat(1 / root2)
  const epsilons = f32x4.splat(epsilon)
  for (let i = 0; i < count; i += 4) {
    const at = <usize>i << 2
    const gradient = f32x4.mul(v128.load(g + at), scales)
    const first = madd(keep1, v128.load(m + at), f32x4.mul(new1, gradient))
    const second = madd(keep2, v128.load(v + at), f32x4.mul(f32x4.mul(new2, gradient), gradient))
    v128.store(m + at, first)
    v128.store(v + at, second)
    const under = madd(f32x4.sqrt(second), roots, epsilons)
    v128.store(p + at, f32x4.sub(v128.load(p + at), f32x4.div(f32x4.mul(rates, first), under)))
  }
}
