#include "onnx/matrix.h"

#include <cblas.h>
#include <pthread.h>
#include <string.h>

static void single_threaded_blas(void)
{
    openblas_set_num_threads(1);
}

void matrix_multiply(int64_t m, int64_t n, int64_t k, const float *a, const float *b, bool add,
                     float *c)
{
    /* The callers spread samples over threads; one BLAS thread each keeps sums reproducible. */
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, single_threaded_blas);
    if (m == 0 || n == 0)
        return;
    if (k == 0) {
        if (!add)
            memset(c, 0, (size_t)(m * n) * sizeof *c);
        return;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1.0f, a, (int)k,
                b, (int)n, add ? 1.0f : 0.0f, c, (int)n);
}
