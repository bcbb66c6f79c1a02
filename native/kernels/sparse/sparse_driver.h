// The loops of both sparse products. A task is one band of the sparse matrix and kSparseNb columns of the dense one (rows of it,
// on the right). For each block of the band the product
//
//   copies the dense operand's part into a tile that stays in L1         [depth][kSparseNb], on the right by transposing it
//   lets its microkernel add the block's entries to the sums in L2       [rows of the band][kSparseNb]
//
// and at the end stores the sums, which on the right are transposed back first. Summing in C itself, where that would do, is
// slower: 512x512x128 at 95 % zeros takes 81 us instead of 75, 512x512x1024 at 80 % 1980 instead of 1900.
#ifndef LOWP_KERNELS_SPARSE_SPARSE_DRIVER_H_
#define LOWP_KERNELS_SPARSE_SPARSE_DRIVER_H_

#include <algorithm>
#include <atomic>
#include <string>

#include "core/partition.h"
#include "core/scratch.h"
#include "core/thread_pool.h"
#include "kernels/sparse/sparse.h"

namespace lowp {

struct SparseTask {
  const SparseBand& band;
  size_t n0, cols;  // cols: at most kSparseNb
  uint8_t* tile;
  uint8_t* acc;  // [rows of the band][kSparseNb], four bytes each
  uint8_t* out;  // [kSparseNb][kSparseNb], four bytes each
};

// Stores the sums of a task on the right, where rows of the sparse matrix are columns of the result. Those of a vector lie in
// order.
template <class T, class Kernel, class Store>
void StoreTransposed(const Kernel& kernel, const SparseTask& task, const Store& store, bool vector) {
  const T* acc = reinterpret_cast<const T*>(task.acc);
  T* out = reinterpret_cast<T*>(task.out);
  for (size_t row = 0; row < task.band.rows; row += kSparseNb) {
    const size_t rows = std::min(kSparseNb, task.band.rows - row);
    if (!vector) kernel.transpose(rows, task.cols, acc + row * kSparseNb, kSparseNb, out, kSparseNb);
    kernel.store(store, vector ? acc + row : out, task.n0, task.band.m0 + row, task.cols, rows);
  }
}

// Product: void Multiply(const SparseTask&, const SparseBlock&, bool accumulate) const; void Store(const SparseTask&) const
template <class Product>
Status RunSparse(const SparseLayout& layout, size_t n, size_t tile_row_bytes, size_t threads, const std::atomic<bool>* stop,
                 const Product& product) {
  if (n == 0 || layout.rows == 0) return {};
  BufferLayout buffer;
  const size_t tile_at = buffer.Add(layout.depth * tile_row_bytes);
  const size_t acc_at = buffer.Add(layout.band_rows * kSparseNb * sizeof(int32_t));
  const size_t out_at = buffer.Add(kSparseNb * kSparseNb * sizeof(int32_t));
  const size_t tiles = DivUp(n, kSparseNb);
  const auto stopped = [stop] { return stop != nullptr && stop->load(std::memory_order_relaxed); };
  std::atomic<bool> out_of_memory{false};
  ParallelFor(layout.bands.size() * tiles, layout.nnz * n < kParallelWork ? 1 : threads, [&](size_t i) {
    uint8_t* scratch = Scratch(ScratchSlot::kTask, buffer.size());
    if (scratch == nullptr) {
      out_of_memory = true;
      return;
    }
    const SparseBand& band = layout.bands[i / tiles];
    const size_t n0 = i % tiles * kSparseNb;
    const SparseTask task{band, n0, std::min(kSparseNb, n - n0), scratch + tile_at, scratch + acc_at, scratch + out_at};
    for (size_t b = band.blocks_begin; b < band.blocks_end; ++b) {
      if (stopped()) return;
      product.Multiply(task, layout.blocks[b], b != band.blocks_begin);
    }
    product.Store(task);
  });
  TrimScratch(ScratchSlot::kTask);
  if (out_of_memory)
    return {Code::kNoMemory, "Expected " + std::to_string(buffer.size()) + " bytes of scratch memory but the system gave none"};
  if (stopped()) return {Code::kAborted, "The call was cancelled"};
  return {};
}

}  // namespace lowp

#endif  // LOWP_KERNELS_SPARSE_SPARSE_DRIVER_H_
