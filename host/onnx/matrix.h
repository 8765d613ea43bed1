/* Products of matrices, by BLAS. */
#ifndef ADAFIRE_MATRIX_H
#define ADAFIRE_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

/* C = A[m][k] B[k][n] (+ C), row-major, float. */
void matrix_multiply(int64_t m, int64_t n, int64_t k, const float *a, const float *b, bool add,
                     float *c);

#endif
