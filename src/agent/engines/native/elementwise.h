/** Everything but the products. Compiled without contraction: only what says madd is fused, as in ../kernels/index.ts. */
#include <stdint.h>
#include <string.h>

#include "gemm.h"

typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

static inline float bits_to_float(int32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

static inline int32_t float_to_bits(float x) {
  int32_t bits;
  memcpy(&bits, &x, 4);
  return bits;
}

#define madd __builtin_fmaf

/** e^x, as `exp4`. */
static inline float exp1(float x) {
  x = 88.0f < x ? 88.0f : x;
  x = x < -87.0f ? -87.0f : x;
  const float magic = 12582912.0f;
  const float t = madd(x, 1.44269504088896341f, magic);
  const float n = t - magic;
  float r = madd(n, -0.693359375f, x);
  r = madd(n, 2.12194440e-4f, r);
  float p = 1.9875691500e-4f;
  p = madd(p, r, 1.3981999507e-3f);
  p = madd(p, r, 8.3334519073e-3f);
  p = madd(p, r, 4.1665795894e-2f);
  p = madd(p, r, 1.6666665459e-1f);
  p = madd(p, r, 5.0000001201e-1f);
  p = madd(p * r, r, r + 1.0f);
  return p * bits_to_float((int32_t)((uint32_t)float_to_bits(t) << 23) + 0x3f800000);
}

static inline float sigmoid1(float x) { return 1.0f / (1.0f + exp1(-x)); }

/** As `tanh4`. */
static inline float tanh1(float x) {
  x = 7.90531110763549805f < x ? 7.90531110763549805f : x;
  x = x < -7.90531110763549805f ? -7.90531110763549805f : x;
  const float z = x * x;
  float p = -2.76076847742355e-16f;
  p = madd(p, z, 2.00018790482477e-13f);
  p = madd(p, z, -8.60467152213735e-11f);
  p = madd(p, z, 5.12229709037114e-8f);
  p = madd(p, z, 1.48572235717979e-5f);
  p = madd(p, z, 6.37261928875436e-4f);
  p = madd(p, z, 4.89352455891786e-3f);
  float q = 1.19825839466702e-6f;
  q = madd(q, z, 1.18534705686654e-4f);
  q = madd(q, z, 2.268434632439e-3f);
  q = madd(q, z, 4.89352518554385e-3f);
  return x * p / q;
}

static void tanh_forward(float *x, int count) {
  for (int i = 0; i < count; i++) x[i] = tanh1(x[i]);
}

static void tanh_backward(const float *restrict y, float *restrict d, int count) {
  for (int i = 0; i < count; i++) d[i] *= 1.0f - y[i] * y[i];
}

static void relu_forward(float *x, int count) {
  for (int i = 0; i < count; i++) x[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static void relu_backward(const float *restrict y, float *restrict d, int count) {
  for (int i = 0; i < count; i++) d[i] = y[i] > 0.0f ? d[i] : 0.0f;
}

static void sigmoids(float *x, int count) {
  for (int i = 0; i < count; i++) x[i] = sigmoid1(x[i]);
}

static void cells(const float *restrict gates, const float *restrict cin, float *restrict cout, float *restrict tanhc,
                  float *restrict h, int width) {
  const float *gi = gates, *gf = gi + width, *gg = gf + width, *go = gg + width;
  for (int n = 0; n < width; n++) {
    const float c = madd(gf[n], cin[n], gi[n] * gg[n]);
    const float t = tanh1(c);
    cout[n] = c;
    tanhc[n] = t;
    h[n] = go[n] * t;
  }
}

static void lstm_forward(float *gates, const float *cin, float *cout, float *tanhc, float *h, int rows, int width) {
  for (int r = 0; r < rows; r++) {
    float *row = gates + (size_t)r * 4 * width;
    const size_t at = (size_t)r * width;
    sigmoids(row, 2 * width);
    tanh_forward(row + 2 * width, width);
    sigmoids(row + 3 * width, width);
    cells(row, cin + at, cout + at, tanhc + at, h + at, width);
  }
}

static void cells_backward(float *restrict gates, const float *restrict cin, const float *restrict tanhc,
                           const float *restrict dh, float *restrict dc, int width, float keep) {
  float *restrict gi = gates, *restrict gf = gi + width, *restrict gg = gf + width, *restrict go = gg + width;
  for (int n = 0; n < width; n++) {
    const float i = gi[n], f = gf[n], g = gg[n], o = go[n], t = tanhc[n], d = dh[n];
    const float cell = madd(d * o, 1.0f - t * t, dc[n]);
    gi[n] = cell * g * (i * (1.0f - i));
    gf[n] = cell * cin[n] * (f * (1.0f - f));
    gg[n] = cell * i * (1.0f - g * g);
    go[n] = d * t * (o * (1.0f - o));
    dc[n] = cell * f * keep;
  }
}

static void lstm_backward(float *gates, const float *cin, const float *tanhc, const float *dh, float *dc, int rows, int width,
                   const uint8_t *starts) {
  for (int r = 0; r < rows; r++) {
    const size_t at = (size_t)r * width;
    cells_backward(gates + 4 * at, cin + at, tanhc + at, dh + at, dc + at, width, starts[r] ? 0.0f : 1.0f);
  }
}

static void sum_rows(const float *a, int m, int n, float *out) {
  for (int j = 0; j < n; j += 4) {
    const float *from = a + j;
    Four total = {0};
    for (int i = 0; i < m;) {
      Four sum = {0};
      for (const int end = m - i < DEPTH ? m : i + DEPTH; i < end; i++, from += n) sum += *(const Four *)from;
      total += sum;
    }
    *(Four *)(out + j) = total;
  }
}

static void pack_transposed(const char *w, int rows, int cols, size_t ld, char *out, size_t panel) {
  int n = 0;
  for (; n + 4 <= rows; n += 4) {
    const char *from = w + n * ld;
    char *to = out + (n >> 3) * panel + 4 * (n & 7);
    int k = 0;
    for (; k + 4 <= cols; k += 4, from += 16, to += 128) {
      const Four x0 = *(const Four *)from, x1 = *(const Four *)(from + ld), x2 = *(const Four *)(from + 2 * ld),
                 x3 = *(const Four *)(from + 3 * ld);
      const Four low01 = __builtin_shufflevector(x0, x1, 0, 4, 1, 5), low23 = __builtin_shufflevector(x2, x3, 0, 4, 1, 5);
      const Four high01 = __builtin_shufflevector(x0, x1, 2, 6, 3, 7), high23 = __builtin_shufflevector(x2, x3, 2, 6, 3, 7);
      *(Four *)to = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
      *(Four *)(to + 32) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
      *(Four *)(to + 64) = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
      *(Four *)(to + 96) = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    }
    for (; k < cols; k++, from += 4, to += 32)
      for (int r = 0; r < 4; r++) memcpy(to + 4 * r, from + r * ld, 4);
  }
  for (; n < rows; n++) {
    const char *from = w + n * ld;
    char *to = out + (n >> 3) * panel + 4 * (n & 7);
    for (int k = 0; k < cols; k++) memcpy(to + 32 * k, from + 4 * k, 4);
  }
}

static void pack(const char *w, int rows, int cols, size_t ld, char *out, size_t panel) {
  for (int k = 0; k < rows; k++)
    for (int n = 0; n < cols; n += 8) memcpy(out + (n >> 3) * panel + 32 * k, w + k * ld + 4 * n, 32);
}

static double sum_squares(const float *a, int count) {
  double sums[4] = {0, 0, 0, 0};
  for (int i = 0; i < count; i += 4)
    for (int n = 0; n < 4; n++) {
      const double x = a[i + n];
      sums[n] += x * x;
    }
  return sums[0] + sums[2] + (sums[1] + sums[3]);
}

typedef struct {
  float scale, beta1, beta2, rate, root2, epsilon;
} Adam;

static void adam(float *restrict p, const float *restrict g, float *restrict m, float *restrict v, int count, Adam s) {
  const float new1 = 1.0f - s.beta1, new2 = 1.0f - s.beta2, over = 1.0f / s.root2;
  for (int i = 0; i < count; i++) {
    const float gradient = g[i] * s.scale;
    const float first = madd(s.beta1, m[i], new1 * gradient);
    const float second = madd(s.beta2, v[i], new2 * gradient * gradient);
    m[i] = first;
    v[i] = second;
    p[i] -= s.rate * first / madd(__builtin_sqrtf(second), over, s.epsilon);
  }
}
