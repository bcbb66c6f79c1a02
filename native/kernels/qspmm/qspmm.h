// int8 sparse times dense, with S sparse [rows, cols] of int8 values without a zero point:
//
//   left   C[rows,N] = Output(sum over the entries of row m of S[m,k] * (D[k,n] - zd))           row-major, ld in elements
//   right  C[M,rows] = Output(sum over the entries of row n of (D[m,k] - zd[m]) * S[n,k])        a linear layer with pruned
//   weights
//
// S has one scale or one for each row, as the bias has one value for each row of S. D is u8 or s8 (one scale and zero point) or
// float32, which is quantized to u8 inside the call, on the right row by row if wanted. Sums and outputs are those of qgemm.h,
// bit for bit, an absent entry being 0. Rows with so many entries that a sum could leave int32 are refused.
#ifndef LOWP_KERNELS_QSPMM_QSPMM_H_
#define LOWP_KERNELS_QSPMM_QSPMM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/isa.h"
#include "core/status.h"
#include "kernels/epilogue/epilogue.h"
#include "kernels/qspmm/qspmm_kernel.h"
#include "kernels/sparse/sparse.h"
#include "kernels/sparse/sparse_call.h"

namespace lowp {

using QSpmmEntry = KernelEntry<QSpmmKernel>;
const QSpmmEntry& SelectQSpmm(IsaSet active);
std::vector<QSpmmEntry> QSpmmKernels();

// Immutable once packed.
struct QSpmmPacked {
  const QSpmmEntry* entry = nullptr;
  size_t k = 0, n = 0;  // columns and rows
  SparseLayout layout;
  size_t longest_row = 0;  // entries
  AlignedBuffer constants;
  const float* scale = nullptr;  // [rows]
  const int32_t* sum = nullptr;  // [rows]: of the row's values

  const QSpmmForm& form() const { return layout.width == 1 ? entry->kernel->singles : entry->kernel->quads; }
  const char* kernel_name() const { return form().name; }
};

// Values are int8; scales: one, or with per_row one for each row. Refuses what CheckSparse refuses.
struct QSpmmPackArgs {
  SparseMatrix matrix;
  const float* scales;
  bool per_row;
};
Status PackQSpmm(const QSpmmPackArgs& args, const QSpmmEntry& entry, QSpmmPacked* packed);

struct QSpmmArgs : QSpmmCall {
  const QSpmmPacked* sparse = nullptr;
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;  // polled between blocks
};
Status QSpmm(const QSpmmArgs& args);

}  // namespace lowp

#endif  // LOWP_KERNELS_QSPMM_QSPMM_H_
