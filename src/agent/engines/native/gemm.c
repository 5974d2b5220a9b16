/**
 * The products. This file alone is compiled with contraction, which makes one fused instruction of `x += s * y`, as in
 * WebAssembly's relaxed_madd; no other sum here has a product in it.
 */
#include <string.h>

#include "gemm.h"

typedef float Wide __attribute__((vector_size(32), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

/**
 * `rows` by `panels` sums that stay in registers over the depth; both are constants where it is inlined. 4 by 3 are 12 sums,
 * and with 3 numbers of B and one of A they fill the 16 registers of AVX2.
 */
INLINE void tile(int rows, int panels, int depth, Left a, Right b, char *c, size_t ldc, int fresh) {
  Wide x[4][6];
  const char *from[6];
#pragma GCC unroll 6
  for (int p = 0; p < panels; p++) {
    from[p] = b.data + p * b.panel;
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) x[i][p] = (Wide){0};
  }
  const char *left = a.data;
  for (int k = 0; k < depth; k++) {
    Wide y[6];
#pragma GCC unroll 6
    for (int p = 0; p < panels; p++) {
      y[p] = *(const Wide *)from[p];
      from[p] += b.depth;
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
      const float s = *(const float *)(left + i * a.row);
#pragma GCC unroll 6
      for (int p = 0; p < panels; p++) x[i][p] += s * y[p];
    }
    left += a.depth;
  }
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 6
    for (int p = 0; p < panels; p++) {
      Wide *to = (Wide *)(c + i * ldc) + p;
      if (!fresh) x[i][p] += *to;
      *to = x[i][p];
    }
  }
}

/** All columns of `rows` rows beside all of B, `most` panels at a time. */
INLINE void strip(int rows, int most, int n, int depth, Left a, Right b, char *c, size_t ldc, int fresh) {
  for (; n >= 8 * most; n -= 8 * most) {
    tile(rows, most, depth, a, b, c, ldc, fresh);
    b.data += most * b.panel;
    c += 32 * most;
  }
  for (; n > 0; n -= 8) {
    tile(rows, 1, depth, a, b, c, ldc, fresh);
    b.data += b.panel;
    c += 32;
  }
}

/** `rows` rows of A by fours, each `step` bytes after the one before, beside the same panels. */
INLINE void fours(int panels, int rows, size_t step, int depth, Left a, Right b, char *c, size_t ldc, int fresh) {
  for (int i = 0; i < rows; i += 4) {
    tile(4, panels, depth, a, b, c, ldc, fresh);
    a.data += step;
    c += 4 * ldc;
  }
}

/** A block of A by all of B; a panel of B stays in the first-level cache over the rows. */
INLINE void block(int rows, size_t step, int n, int depth, Left a, Right b, char *c, size_t ldc, int fresh) {
  for (; n >= 24; n -= 24) {
    fours(3, rows, step, depth, a, b, c, ldc, fresh);
    b.data += 3 * b.panel;
    c += 96;
  }
  if (n == 16) fours(2, rows, step, depth, a, b, c, ldc, fresh);
  else if (n == 8) fours(1, rows, step, depth, a, b, c, ldc, fresh);
}

/** Rows of A by fours: out[i / 4][k][4]. */
static void pack_rows(int rows, int depth, Left a, char *out) {
  for (int i = 0; i < rows; i += 4) {
    const char *from = a.data + i * a.row;
    for (int k = 0; k < depth; k++, from += a.depth, out += 16)
      if (a.row == 4) memcpy(out, from, 16);
      else
        for (int r = 0; r < 4; r++) memcpy(out + 4 * r, from + r * a.row, 4);
  }
}

static void pack_panels(int depth, int n, Right b, char *out) {
  for (int j = 0; j < n; j += 8) {
    const char *from = b.data + (j >> 3) * b.panel;
    for (int k = 0; k < depth; k++, from += b.depth, out += 32) memcpy(out, from, 32);
  }
}

void gemm(int m, int n, int k, Left a, Right b, char *c, size_t ldc, int fresh, char *scratch) {
  char *packed = scratch + 4 * ROWS * DEPTH;
  const int blocks = (k + DEPTH - 1) / DEPTH;
  const int most = (k + blocks - 1) / blocks;
  const int whole = m & ~3;
  for (int k0 = 0; k0 < k; k0 += most, fresh = 0) {
    const int depth = k - k0 < most ? k - k0 : most;
    Left left = {a.data + k0 * a.depth, a.row, a.depth};
    Right right = {b.data + k0 * b.depth, b.panel, b.depth};
    if (b.depth != 32 && m >= 8) {
      pack_panels(depth, n, right, packed);
      right = (Right){packed, (size_t)depth * 32, 32};
    }
    for (int i = 0; i < whole; i += ROWS) {
      const int rows = whole - i < ROWS ? whole - i : ROWS;
      char *to = c + i * ldc;
      const char *from = left.data + i * a.row;
      if (a.depth == 4) block(rows, 4 * a.row, n, depth, (Left){from, a.row, 4}, right, to, ldc, fresh);
      else {
        pack_rows(rows, depth, (Left){from, a.row, a.depth}, scratch);
        block(rows, (size_t)depth * 16, n, depth, (Left){scratch, 4, 16}, right, to, ldc, fresh);
      }
    }
    left.data += whole * a.row;
    char *to = c + whole * ldc;
    switch (m & 3) {
      case 1: strip(1, 6, n, depth, left, right, to, ldc, fresh); break;
      case 2: strip(2, 3, n, depth, left, right, to, ldc, fresh); break;
      case 3: strip(3, 3, n, depth, left, right, to, ldc, fresh); break;
    }
  }
}
