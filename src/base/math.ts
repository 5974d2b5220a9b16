/**
 * Elementary functions whose bits are the same on every engine: only + - * /, square root and bit access, which IEEE 754
 * fixes. `Math.exp`, `Math.pow` and friends may change between versions of V8, so nothing that reaches stored bytes uses them, the kernels of the CPU engine included, which have their own.
 * Argument reductions follow fdlibm (Sun Microsystems, 1993; e_exp.c, e_log.c, e_pow.c, k_sin.c, k_cos.c, s_expm1.c);
 * the polynomials are plain Taylor series on the reduced arguments, two or three terms longer than fdlibm's minimax ones.
 * Error bounds seen against 60-digit references stand in the tests: below 1 ulp, tanh and expm1 below 2.
 */

const bits = new Float64Array(1)
const words = new Int32Array(bits.buffer)
/** Index of the word with sign and exponent. */
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0
const LOW = 1 - HIGH

/** ln 2 in two parts; the first has 32 bits, so that `k * LN2_HI` is exact for every exponent k. */
const LN2_HI = 0.6931471803691238
const LN2_LO = 1.9082149292705877e-10
const INVERSE_LN2 = Math.LOG2E

const TWO_54 = 18014398509481984

/** POWERS[k + 1022] = 2^k for -1022 <= k <= 1023. */
const POWERS = new Float64Array(2046)
for (let k = -1022; k <= 1023; k++) {
  words[HIGH] = (k + 1023) << 20
  words[LOW] = 0
  POWERS[k + 1022] = bits[0]!
}

const powerOfTwo = (k: number): number => POWERS[k + 1022]!

/** x * 2^k, rounded once. */
function scale(x: number, k: number): number {
  if (k > 1023) return x * 2 * powerOfTwo(k - 1)
  if (k < -1021) return x * powerOfTwo(k + 54) * (1 / TWO_54)
  return x * powerOfTwo(k)
}

/** (e^r - 1 - r) / r^2 for |r| <= ln(2)/2: Taylor to r^13/13!, even and odd terms side by side. */
function expTail(r: number): number {
  const z = r * r
  const even =
    1 / 2 + z * (1 / 24 + z * (1 / 720 + z * (1 / 40320 + z * (1 / 3628800 + z * (1 / 479001600)))))
  const odd =
    1 / 6 + z * (1 / 120 + z * (1 / 5040 + z * (1 / 362880 + z * (1 / 39916800 + z * (1 / 6227020800)))))
  return even + r * odd
}

/** e^(x + extra), where `extra` is about an ulp of x; x within the finite range. */
function expOf(x: number, extra: number): number {
  const k = Math.floor(x * INVERSE_LN2 + 0.5)
  const hi = x - k * LN2_HI
  const lo = k * LN2_LO
  const r = hi - lo
  const c = hi - r - lo + extra
  const tail = r * r * expTail(r)
  return scale(1 + (r + (tail + c * (1 + r + tail))), k)
}

const EXP_MAX = 709.782712893384
const EXP_MIN = -745.1332191019412

/** e^x: Infinity above 709.78, 0 below -745.13. */
export function exp(x: number): number {
  if (x > EXP_MAX) return Infinity
  if (x < EXP_MIN) return 0
  return expOf(x, 0)
}

/** e^x - 1, exact near 0. */
export function expm1(x: number): number {
  if (x > EXP_MAX) return Infinity
  if (x < -40) return -1
  if (x > -1e-17 && x < 1e-17) return x
  const k = Math.floor(x * INVERSE_LN2 + 0.5)
  if (k === 0) return x + x * x * expTail(x)
  const hi = x - k * LN2_HI
  const lo = k * LN2_LO
  const r = hi - lo
  const c = hi - r - lo
  const tail = r * r * expTail(r)
  const e = r + (tail + c * (1 + r + tail))
  // 2^k (1 + e) - 1, in the order that loses least.
  if (k < 0) return powerOfTwo(k) - 1 + powerOfTwo(k) * e
  if (k > 56) return scale(1 + e, k)
  return scale(1 - powerOfTwo(-k) + e, k)
}

/** 2 atanh(s)/s - 2 - 2/3 z as a series in z = s^2, for z <= 0.0295. */
function atanhRest(z: number): number {
  const w = z * z
  const even = 2 / 5 + w * (2 / 9 + w * (2 / 13 + w * (2 / 17 + w * (2 / 21))))
  const odd = 2 / 7 + w * (2 / 11 + w * (2 / 15 + w * (2 / 19 + w * (2 / 23))))
  return w * (even + z * odd)
}

const atanhTail = (z: number): number => (2 / 3) * z + atanhRest(z)

let exponent = 0

/** Splits a positive finite x into m * 2^exponent with sqrt(1/2) <= m < sqrt(2); leaves the exponent in `exponent`. */
function mantissa(x: number): number {
  bits[0] = x
  let high = words[HIGH]!
  if (high < 0x00100000) {
    bits[0] = x * TWO_54
    high = words[HIGH]!
    exponent = (high >> 20) - 1077 + ((high & 0xfffff) > 0x6a09e ? 1 : 0)
    return x * TWO_54 * powerOfTwo(-54 - exponent)
  }
  exponent = (high >> 20) - 1023 + ((high & 0xfffff) > 0x6a09e ? 1 : 0)
  if (exponent > 1022) return x * powerOfTwo(-1022) * powerOfTwo(1022 - exponent)
  return x * powerOfTwo(-exponent)
}

/** Natural logarithm: -Infinity at 0, NaN below. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN
  if (x === Infinity) return Infinity
  return logOf(x, 0)
}

/** ln x + correction, for a positive finite x and a correction far below 1. */
function logOf(x: number, correction: number): number {
  const f = mantissa(x) - 1
  const k = exponent
  const s = f / (2 + f)
  const half = 0.5 * f * f
  return k * LN2_HI - (half - (s * (half + atanhTail(s * s)) + (k * LN2_LO + correction)) - f)
}

/** ln(1 + x), exact near 0: -Infinity at -1, NaN below. */
export function log1p(x: number): number {
  if (!(x > -1)) return x === -1 ? -Infinity : NaN
  if (x === Infinity) return Infinity
  if (x > -1e-17 && x < 1e-17) return x
  const u = 1 + x
  if (u > 0.71 && u < 1.41) {
    const s = x / (2 + x)
    const half = 0.5 * x * x
    return x - (half - s * (half + atanhTail(s * s)))
  }
  // ln(1 + x) = ln u + (1 + x - u)/u, where 1 + x - u is what rounding u lost.
  const lost = u > 2 ? 1 - (u - x) : x - (u - 1)
  return logOf(u, lost / u)
}

/** Hyperbolic tangent. */
export function tanh(x: number): number {
  const a = x < 0 ? -x : x
  if (a > 22) return x < 0 ? -1 : 1
  if (a < 1e-9) return x
  let t: number
  if (a >= 1) {
    t = 1 - 2 / (expm1(2 * a) + 2)
  } else {
    const e = expm1(-2 * a)
    t = -e / (e + 2)
  }
  return x < 0 ? -t : t
}

/** pi/2 in three parts of 33, 33 and 53 bits (Cody and Waite, 1980). */
const HALF_PI_1 = 1.5707963267341256
const HALF_PI_2 = 6.077100506303966e-11
const HALF_PI_3 = 2.0222662487959506e-21
const INVERSE_HALF_PI = 0.6366197723675814
const ANGLE_MAX = 1e6

/** sin(x + y) for |x| <= pi/4, y the tail of x. */
function sinKernel(x: number, y: number): number {
  const z = x * x
  const r =
    1 / 120 +
    z *
      (-1 / 5040 +
        z *
          (1 / 362880 +
            z *
              (-1 / 39916800 + z * (1 / 6227020800 + z * (-1 / 1307674368000 + z * (1 / 355687428096000))))))
  return x + (y * (1 - 0.5 * z) + z * x * (-1 / 6 + z * r))
}

/** cos(x + y) for |x| <= pi/4, y the tail of x. */
function cosKernel(x: number, y: number): number {
  const z = x * x
  const r =
    1 / 24 +
    z *
      (-1 / 720 +
        z *
          (1 / 40320 +
            z * (-1 / 3628800 + z * (1 / 479001600 + z * (-1 / 87178291200 + z * (1 / 20922789888000))))))
  const half = 0.5 * z
  const w = 1 - half
  return w + (1 - w - half + (z * z * r - x * y))
}

/** sin(x + quarter * pi/2). */
function sinShifted(x: number, quarter: number): number {
  if (!Number.isFinite(x)) return Number.NaN
  if (x > ANGLE_MAX || x < -ANGLE_MAX) throw new RangeError(`angle beyond +-${ANGLE_MAX} rad: ${x}`)
  const n = Math.floor(x * INVERSE_HALF_PI + 0.5)
  const t = x - n * HALF_PI_1
  const w = n * HALF_PI_2
  const y0 = t - w
  const tail = t - y0 - w - n * HALF_PI_3
  const r = y0 + tail
  const y = y0 - r + tail
  switch ((n + quarter) & 3) {
    case 0:
      return sinKernel(r, y)
    case 1:
      return cosKernel(r, y)
    case 2:
      return -sinKernel(r, y)
    default:
      return -cosKernel(r, y)
  }
}

/** Sine of an angle within +-1e6 rad; larger ones are refused, since no caller has a use for them. */
export const sin = (x: number): number => (x === 0 ? x : sinShifted(x, 0))

export const cos = (x: number): number => sinShifted(x, 1)

const SPLIT = 134217729 // 2^27 + 1, Veltkamp

/** The rounding error of the product p = a * b (Dekker, 1971). */
function productError(a: number, b: number, p: number): number {
  const ca = SPLIT * a
  const ah = ca - (ca - a)
  const al = a - ah
  const cb = SPLIT * b
  const bh = cb - (cb - b)
  const bl = b - bh
  return al * bl - (p - ah * bh - al * bh - ah * bl)
}

const TWO_THIRDS = 0.6666666666666666
const TWO_THIRDS_LO = 3.700743415417188e-17

/** x^y with the special cases of ECMAScript's `Math.pow`; the logarithm is carried in about 66 bits. */
export function pow(x: number, y: number): number {
  if (y === 0) return 1
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN
  if (y === 1) return x
  if (y === 2) return x * x
  const a = x < 0 ? -x : x
  if (y === Infinity || y === -Infinity) {
    if (a === 1) return NaN
    return a > 1 === y > 0 ? Infinity : 0
  }
  const whole = Math.floor(y) === y
  // Whole numbers from 2^53 on are even; 1/x tells -0 from +0.
  const odd = whole && Math.abs(y) < 9007199254740992 && Math.abs(y % 2) === 1
  const negative = odd && (x < 0 || (x === 0 && 1 / x < 0))
  if (a === 0 || a === Infinity) {
    const size = (a === 0) === y > 0 ? 0 : Infinity
    return negative ? -size : size
  }
  if (x < 0 && !whole) return NaN
  const size = a === 1 ? 1 : powOf(a, y)
  return negative ? -size : size
}

/** a^y for finite a > 0, a != 1, finite y != 0. */
function powOf(a: number, y: number): number {
  // |ln a| > 2^-54, so such a power is 0 or infinite whatever a is.
  if (y > 1e20 || y < -1e20) return a > 1 === y > 0 ? Infinity : 0
  const m = mantissa(a)
  const k = exponent
  // s = (m - 1)/(m + 1) in two parts.
  const f = m - 1
  const d = m + 1
  const dLo = m - (d - 1)
  const s = f / d
  const p = s * d
  const sLo = (f - p - productError(s, d, p) - s * dLo) / d
  const z = s * s
  const zLo = productError(s, s, z) + 2 * s * sLo
  // ln m = s (2 + 2/3 z + z^2 (2/5 + 2/7 z + ...)); the first two terms in two parts.
  const t = TWO_THIRDS * z
  const tLo = productError(TWO_THIRDS, z, t) + TWO_THIRDS * zLo + TWO_THIRDS_LO * z + atanhRest(z)
  const u = 2 + t
  const uLo = t - (u - 2) + tLo
  const l = s * u
  const lLo = productError(s, u, l) + s * uLo + sLo * u
  // ln a = k ln 2 + ln m.
  const kHi = k * LN2_HI
  const sum = kHi + l
  const sumLo = (k === 0 ? 0 : l - (sum - kHi)) + lLo + k * LN2_LO
  const hi = sum + sumLo
  const lo = sum - hi + sumLo
  const e = y * hi
  const eLo = productError(y, hi, e) + y * lo
  if (e > EXP_MAX) return Infinity
  if (e < EXP_MIN) return 0
  return expOf(e, eLo)
}
