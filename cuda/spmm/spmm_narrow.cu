// Sparse times one to four columns, in any order in memory: a row's quads across 2 to 32 lanes of a warp, which then add up their
// sums, always in the same order. Of shares a warp has one: a piece of a row with all its lanes, or whole rows by groups of
// lanes.
//
// Bound by reading the matrix, 8 bytes an entry of float32 and 5 of int8, in loads of 16 bytes (and 4); the vector is gathered
// from L1 and L2. 256 threads, no shared memory; registers (ptxas, sm_90a): 32 (one column), 34 and 42; no spills. Expected on an
// H200: 70 % of the copy bandwidth where a row has 100 entries and more. It has NOT been timed on a GPU yet.
#include "core/aligned_buffer.h"
#include "cuda/device/launch.h"
#include "cuda/spmm/spmm_store.cuh"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 256, kWarp = 32;

template <bool kFloat, int kColumns>
struct Narrow {
  using Sum = std::conditional_t<kFloat, float, int32_t>;

  // The `count` first entries of a quad, of float32; of int8 all of them, because those beyond it have value 0.
  LOWP_DEVICE static void AddQuad(const SparseTask& t, uint32_t quad, uint32_t count, Sum (&acc)[kColumns]) {
    const int4 col = reinterpret_cast<const int4*>(t.cols)[quad];
    if constexpr (kFloat) {
      const float4 value = static_cast<const float4*>(t.values)[quad];
      AddEntry(t, col.x, value.x, acc);
      if (count > 1) AddEntry(t, col.y, value.y, acc);
      if (count > 2) AddEntry(t, col.z, value.z, acc);
      if (count > 3) AddEntry(t, col.w, value.w, acc);
    } else {
      const uint32_t values = static_cast<const uint32_t*>(t.values)[quad];
      AddEntry(t, col.x, static_cast<int8_t>(values & 0xff), acc);
      AddEntry(t, col.y, static_cast<int8_t>(values >> 8 & 0xff), acc);
      AddEntry(t, col.z, static_cast<int8_t>(values >> 16 & 0xff), acc);
      AddEntry(t, col.w, static_cast<int8_t>(values >> 24), acc);
    }
  }

 private:
  LOWP_DEVICE static void AddEntry(const SparseTask& t, int32_t col, float value, float (&acc)[kColumns]) {
    const float* x = static_cast<const float*>(t.dense) + static_cast<uint32_t>(col) * t.k_stride;
    LOWP_UNROLL
    for (int j = 0; j < kColumns; ++j) {
      if (kColumns == 1 || static_cast<uint32_t>(j) < t.n) acc[j] = __fmaf_rn(value, x[j * t.d_stride], acc[j]);
    }
  }
  LOWP_DEVICE static void AddEntry(const SparseTask& t, int32_t col, int8_t value, int32_t (&acc)[kColumns]) {
    const uint8_t* x = static_cast<const uint8_t*>(t.dense) + static_cast<uint32_t>(col) * t.k_stride;
    // Sign extension where the operand is signed: (byte ^ 128) - 128.
    const int32_t flip = t.kind == SparseKind::kS8 ? 128 : 0;
    LOWP_UNROLL
    for (int j = 0; j < kColumns; ++j) {
      if (kColumns == 1 || static_cast<uint32_t>(j) < t.n)
        acc[j] = AddSums(acc[j], int32_t{value} * ((int32_t{x[j * t.d_stride]} ^ flip) - flip));
    }
  }
};

template <bool kFloat, int kColumns>
LOWP_KERNEL SparseNarrowKernel(SparseTask t) {
  using N = Narrow<kFloat, kColumns>;
  using Sum = typename N::Sum;
  const uint32_t warp = blockIdx.x * (kThreads / kWarp) + threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const bool in_shares = t.shares != nullptr;
  SparseShare share{0, 0, 0, 0, kNoSlot};
  if (in_shares && warp < t.units) share = t.shares[warp];
  const bool piece = share.slot != kNoSlot;
  const uint32_t width = piece ? kWarp : t.lanes, groups = kWarp / width, lane_of_row = lane % width;
  const uint32_t first = in_shares ? share.row : warp * groups;
  const uint32_t end_row = in_shares ? share.row_end : (t.rows - first < groups || t.rows < first ? t.rows : first + groups);
  // As often for all of a warp.
  for (uint32_t base = first; base < end_row; base += groups) {
    const uint32_t row = base + lane / width;
    Sum acc[kColumns] = {};
    if (row < end_row) {
      const uint32_t begin = t.starts[row], end = piece ? share.quad_end : t.starts[row + 1], count = t.counts[row];
      for (uint32_t quad = (piece ? share.quad : begin) + lane_of_row; quad < end; quad += width) {
        const uint32_t left = count - (quad - begin) * kQuad;
        N::AddQuad(t, quad, left, acc);
      }
    }
    for (uint32_t step = width / 2; step > 0; step /= 2) {
      LOWP_UNROLL
      for (int j = 0; j < kColumns; ++j) acc[j] = AddSums(acc[j], __shfl_xor_sync(~0u, acc[j], static_cast<int>(step)));
    }
    LOWP_UNROLL
    for (int j = 1; j < kColumns; ++j) {
      if (lane_of_row == static_cast<uint32_t>(j)) acc[0] = acc[j];
    }
    if (row >= end_row || lane_of_row >= kColumns || lane_of_row >= t.n) continue;
    if (piece) {
      static_cast<Sum*>(t.partial)[share.slot * t.n_padded + lane_of_row] = acc[0];
    } else {
      StoreSparse<1>(t.store, Pack<Sum, 1>{{acc[0]}}, {row, lane_of_row, 1});
    }
  }
}

template <bool kFloat, int kColumns>
Status Run(CudaContext& context, const SparseTask& task) {
  const size_t warps = task.shares != nullptr ? task.units : DivUp(task.rows, kWarp / task.lanes);
  return Launch(context, SparseNarrowKernel<kFloat, kColumns>, dim3(static_cast<uint32_t>(DivUp(warps, kThreads / kWarp))),
                dim3(kThreads), 0, task);
}

}  // namespace

Status LaunchSparseNarrow(CudaContext& context, const SparseTask& task) {
  constexpr int kMost = kNarrowMost;
  if (task.kind == SparseKind::kFloat32) return task.n == 1 ? Run<true, 1>(context, task) : Run<true, kMost>(context, task);
  return task.n == 1 ? Run<false, 1>(context, task) : Run<false, kMost>(context, task);
}

}  // namespace lowp
