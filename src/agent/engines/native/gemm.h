/**
 * The kernels of ../kernels/index.ts that take the time, in C for wider vectors. Each gives the same bits as its namesake there,
 * where its arguments are explained: a number is the same sum in the same order, and more of them are summed side by side.
 * Strides are in bytes. Compiled once for each set of instructions, with -Dgemm=... and -Dbind=... to tell them apart.
 */
#ifndef GEMM_H
#define GEMM_H

#include <stddef.h>

/** Rows of A and depth of k that are packed at a time, as in ../kernels/index.ts: DEPTH is part of the order of the sums. */
#define ROWS 32
#define DEPTH 160

/** A matrix to multiply: element (i, k) of A is at data + i row + k depth. */
typedef struct {
  const char *data;
  size_t row;
  size_t depth;
} Left;

/** B in panels of 8 columns: element (k, j) is number j % 8 at data + j / 8 panel + k depth. */
typedef struct {
  const char *data;
  size_t panel;
  size_t depth;
} Right;

/** C[m, n] = A B, or += unless `fresh`; `scratch` as `gemmScratch` says. */
void gemm(int m, int n, int k, Left a, Right b, char *c, size_t ldc, int fresh, char *scratch);

#endif
