/**
 * exp and log whose bits are the same on every machine and every Node: V8 changes its own between versions. Only + - * /
 * and sqrt are used, which IEEE 754 fixes. Argument reduction and minimax coefficients are those of fdlibm (Sun
 * Microsystems, 1993; e_exp.c, e_log.c); the error is below 1 ulp.
 */

const LN2_HIGH = 6.9314718036912381649e-1
const LN2_LOW = 1.90821492927058770002e-10
const INVERSE_LN2 = Math.LOG2E

const bits = new DataView(new ArrayBuffer(8))

/** 2^k for -1074 <= k <= 1023. */
function powerOfTwo(k: number): number {
  if (k >= -1022) {
    bits.setUint32(0, (k + 1023) << 20)
    bits.setUint32(4, 0)
    return bits.getFloat64(0)
  }
  return powerOfTwo(k + 54) * 5.551115123125783e-17
}

/** e^x. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY
  if (x < -745.1332191019411) return 0
  if (Math.abs(x) < 2.220446049250313e-16) return 1 + x
  const k = Math.abs(x) < 0.34657359027997264 ? 0 : Math.floor(x * INVERSE_LN2 + 0.5)
  const high = x - k * LN2_HIGH
  const low = k * LN2_LOW
  const r = high - low
  const t = r * r
  const c =
    r -
    t *
      (1.66666666666666019037e-1 +
        t *
          (-2.77777777770155933842e-3 +
            t *
              (6.61375632143793436117e-5 + t * (-1.6533902205465251539e-6 + t * 4.13813679705723846039e-8))))
  const y = 1 - (low - (r * c) / (2 - c) - high)
  if (k === 0) return y
  // 2^1024 is no double: the largest results take two steps.
  return k === 1024 ? y * 2 * powerOfTwo(1023) : y * powerOfTwo(k)
}

/** The natural logarithm. */
export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN
  if (x === 0) return Number.NEGATIVE_INFINITY
  if (x === Number.POSITIVE_INFINITY) return x
  let value = x
  let k = 0
  if (value < 2.2250738585072014e-308) {
    value *= 18014398509481984
    k = -54
  }
  bits.setFloat64(0, value)
  let top = bits.getUint32(0)
  k += (top >>> 20) - 1023
  top &= 0xfffff
  // Bring the mantissa into [sqrt(1/2), sqrt(2)].
  const half = (top + 0x95f64) & 0x100000
  bits.setUint32(0, top | (half ^ 0x3ff00000))
  k += half >>> 20
  const f = bits.getFloat64(0) - 1
  if (f === 0) return k * LN2_HIGH + k * LN2_LOW
  const s = f / (2 + f)
  const z = s * s
  const w = z * z
  const even = w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1))
  const odd =
    z *
    (6.66666666666673513e-1 +
      w * (2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1)))
  const square = 0.5 * f * f
  return k * LN2_HIGH - (square - (s * (square + even + odd) + k * LN2_LOW) - f)
}
