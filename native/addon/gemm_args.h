// What the matrix products read alike.
#ifndef LOWP_ADDON_GEMM_ARGS_H_
#define LOWP_ADDON_GEMM_ARGS_H_

#include <cstddef>
#include <memory>

#include "addon/addon_data.h"
#include "addon/args.h"
#include "addon/async_call.h"
#include "addon/ctl.h"
#include "kernels/epilogue/epilogue.h"
#include "kernels/sgemm/sgemm.h"

namespace lowp {

struct GemmSizes {
  size_t batch, m, n, k, lda, batch_stride_a, ldc;
  size_t rows;  // batch * m, rows of C at a uniform stride
  size_t extent_c;
  size_t threads;
};

// Reads the sizes and checks them against the weights' and out.
GemmSizes ReadGemmSizes(const Control& ctl, size_t weights_k, size_t weights_n, const ArrayView& out);

// Refuses an a of `rows` x `cols` as stored that does not fit its array; returns the elements it spans.
size_t CheckA(const GemmSizes& sizes, size_t rows, size_t cols, const ArrayView& a);

Activation ReadActivation(const Control& ctl);

SGemmStorage ReadStorage(const Control& ctl, size_t slot, const char* name);
// Float32Array, or Uint16Array for the 16-bit ones.
void CheckHolds(const ArrayView& view, SGemmStorage storage, const char* name);

// Reads where the residual is and checks that it has a row for each of the result; it may lie exactly over out, element for
// element. `bytes` is what it spans, for a snapshot.
Residual ReadResidual(const Control& ctl, const GemmSizes& sizes, const ArrayView& view, const ArrayView& out, size_t* bytes);

// How the result is rounded, what is added to each of its `features`, and the activation; not the residual. `real`: float32 only.
IntOutput ReadOutput(const Control& ctl, const ArrayView& out, const ArrayView& bias, size_t features, bool real);

// Rows of a matrix product's result.
inline ResultRows RowsOf(const GemmSizes& sizes) { return {sizes.rows, sizes.n, sizes.ldc}; }

}  // namespace lowp

#endif  // LOWP_ADDON_GEMM_ARGS_H_
