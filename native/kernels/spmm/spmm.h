// float32 sparse times dense, with S sparse [rows, cols]:
//
//   left   C[rows,N] = activation(S[rows,cols] * D[cols,N] + bias[rows])            row-major, ld in elements
//   right  C[M,rows] = activation(D[M,cols] * transpose(S) + bias[rows])            a linear layer with pruned weights
//
// Only stored entries are multiplied: a NaN of D meets an absent one nowhere. The sum of an element runs over the entries of its
// row in blocks of columns, upwards, and is never cut between threads, so the result is the same for any number of them:
//   |C - exact| <= eps * (entries of the row + 1) * max|s| * max|d| * 2
#ifndef LOWP_KERNELS_SPMM_SPMM_H_
#define LOWP_KERNELS_SPMM_SPMM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/isa.h"
#include "core/status.h"
#include "kernels/epilogue/epilogue.h"
#include "kernels/sparse/sparse.h"
#include "kernels/sparse/sparse_call.h"
#include "kernels/spmm/spmm_kernel.h"

namespace lowp {

using SpmmEntry = KernelEntry<SpmmKernel>;
const SpmmEntry& SelectSpmm(IsaSet active);
std::vector<SpmmEntry> SpmmKernels();

// Immutable once packed.
struct SpmmPacked {
  const SpmmEntry* entry = nullptr;
  size_t k = 0, n = 0;  // columns and rows
  SparseLayout layout;

  const SpmmForm& form() const { return layout.width == 1 ? entry->kernel->singles : entry->kernel->quads; }
  const char* kernel_name() const { return form().name; }
};

// Values are float32. Refuses what CheckSparse refuses.
Status PackSpmm(const SparseMatrix& matrix, const SpmmEntry& entry, SpmmPacked* packed);

struct SpmmArgs : SpmmCall {
  const SpmmPacked* sparse = nullptr;
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;  // polled between blocks
};
Status Spmm(const SpmmArgs& args);

}  // namespace lowp

#endif  // LOWP_KERNELS_SPMM_SPMM_H_
