// Sparse times many columns. A group of up to 32 threads has a row (or a share of rows, or a slice of a row's entries) and each
// thread four of its columns: for four entries one load of their columns, one of their values, four of the dense operand, 16
// bytes (float32) or 4 (int8) each, and 16 fused multiply-adds, or of int8 eight byte permutations and four dot products. Blocks
// go down the rows first, so that those that run together read the same columns of the dense operand and find each other's rows
// in L1.
//
// 256 threads; registers (ptxas, sm_90a): 55 (float32), 64 (int8); no spills; shared memory only for slices, 4 KB. Each
// entry moves 512 (128) bytes from L1 or L2 for 128 columns: L1's 128 bytes a cycle and multiprocessor allow 17 (29) TB/s of an
// H200, which is 8.4 TFLOPS of float32 and 58 TOPS of int8 over the entries; from L2, about 5.5 TB/s, a third of float32's. It
// has NOT been timed on a GPU yet.
#include "core/aligned_buffer.h"
#include "cuda/device/launch.h"
#include "cuda/spmm/spmm_store.cuh"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 256;

struct FloatDense {
  using Sum = float;
  static constexpr uint32_t kBytes = 4 * sizeof(float);  // of four columns
  // Entries beyond `count` of a quad are not read.
  LOWP_DEVICE static void AddQuad(const SparseTask& t, uint32_t quad, const uint8_t* dense, uint32_t row_bytes, uint32_t count,
                                  Pack<float, 4>& acc) {
    const int4 col = reinterpret_cast<const int4*>(t.cols)[quad];
    const float4 value = static_cast<const float4*>(t.values)[quad];
    AddEntry(dense, row_bytes, col.x, value.x, acc);
    if (count > 1) AddEntry(dense, row_bytes, col.y, value.y, acc);
    if (count > 2) AddEntry(dense, row_bytes, col.z, value.z, acc);
    if (count > 3) AddEntry(dense, row_bytes, col.w, value.w, acc);
  }

 private:
  LOWP_DEVICE static void AddEntry(const uint8_t* dense, uint32_t row_bytes, int32_t col, float value, Pack<float, 4>& acc) {
    const float4 x = *reinterpret_cast<const float4*>(dense + static_cast<uint64_t>(static_cast<uint32_t>(col)) * row_bytes);
    acc.lane[0] = __fmaf_rn(value, x.x, acc.lane[0]);
    acc.lane[1] = __fmaf_rn(value, x.y, acc.lane[1]);
    acc.lane[2] = __fmaf_rn(value, x.z, acc.lane[2]);
    acc.lane[3] = __fmaf_rn(value, x.w, acc.lane[3]);
  }
};

template <bool kSigned>
struct ByteDense {
  using Sum = int32_t;
  static constexpr uint32_t kBytes = 4;
  // All four, whatever `count` is: those beyond it have value 0.
  LOWP_DEVICE static void AddQuad(const SparseTask& t, uint32_t quad, const uint8_t* dense, uint32_t row_bytes, uint32_t,
                                  Pack<int32_t, 4>& acc) {
    const int4 col = reinterpret_cast<const int4*>(t.cols)[quad];
    const uint32_t values = static_cast<const uint32_t*>(t.values)[quad];
    const uint32_t x0 = FourOf(dense, row_bytes, col.x), x1 = FourOf(dense, row_bytes, col.y);
    const uint32_t x2 = FourOf(dense, row_bytes, col.z), x3 = FourOf(dense, row_bytes, col.w);
    // From four columns of each entry to four entries of each column.
    const uint32_t low01 = __byte_perm(x0, x1, 0x5140), low23 = __byte_perm(x2, x3, 0x5140);
    const uint32_t high01 = __byte_perm(x0, x1, 0x7362), high23 = __byte_perm(x2, x3, 0x7362);
    acc.lane[0] = Dot(__byte_perm(low01, low23, 0x5410), values, acc.lane[0]);
    acc.lane[1] = Dot(__byte_perm(low01, low23, 0x7632), values, acc.lane[1]);
    acc.lane[2] = Dot(__byte_perm(high01, high23, 0x5410), values, acc.lane[2]);
    acc.lane[3] = Dot(__byte_perm(high01, high23, 0x7632), values, acc.lane[3]);
  }

 private:
  LOWP_DEVICE static uint32_t FourOf(const uint8_t* dense, uint32_t row_bytes, int32_t col) {
    return *reinterpret_cast<const uint32_t*>(dense + static_cast<uint64_t>(static_cast<uint32_t>(col)) * row_bytes);
  }
  LOWP_DEVICE static int32_t Dot(uint32_t x, uint32_t values, int32_t acc) {
    return kSigned ? Dp4aS8S8(x, values, acc) : Dp4aU8S8(x, values, acc);
  }
};

template <class Dense>
LOWP_DEVICE Pack<typename Dense::Sum, 4> SumQuads(const SparseTask& t, const uint8_t* dense, uint32_t quad, uint32_t end,
                                                  uint32_t row_begin, uint32_t row_count) {
  Pack<typename Dense::Sum, 4> acc = {};
  const uint32_t row_bytes = static_cast<uint32_t>(t.k_stride) * (Dense::kBytes / 4);
  const uint32_t whole_end = row_begin + row_count / kQuad, whole = whole_end < end ? whole_end : end;
  for (; quad < whole; ++quad) Dense::AddQuad(t, quad, dense, row_bytes, kQuad, acc);
  if (quad < end) Dense::AddQuad(t, quad, dense, row_bytes, row_count % kQuad, acc);
  return acc;
}

template <class Dense>
LOWP_KERNEL SparseWideKernel(SparseTask t, uint32_t blocks_down) {
  using Sums = Pack<typename Dense::Sum, 4>;
  const uint32_t lane = threadIdx.x % t.lanes, group = threadIdx.x / t.lanes;
  const uint32_t slice = group % t.slices, unit_of_block = group / t.slices, per_block = kThreads / (t.lanes * t.slices);
  const uint64_t unit = static_cast<uint64_t>(blockIdx.x % blocks_down) * per_block + unit_of_block;
  const uint64_t first = (static_cast<uint64_t>(blockIdx.x / blocks_down) * t.lanes + lane) * 4;
  const bool exists = unit < t.units && first < t.n;
  const uint32_t column = static_cast<uint32_t>(first), count = exists ? (t.n - column < 4 ? t.n - column : 4) : 0;
  const uint8_t* dense = static_cast<const uint8_t*>(t.dense) + first * (Dense::kBytes / 4);
  if (t.shares != nullptr) {
    if (!exists) return;
    const SparseShare share = t.shares[unit];
    for (uint32_t row = share.row; row < share.row_end; ++row) {
      const bool piece = share.slot != kNoSlot;
      const uint32_t begin = t.starts[row], quad = piece ? share.quad : begin, end = piece ? share.quad_end : t.starts[row + 1];
      const Sums acc = SumQuads<Dense>(t, dense, quad, end, begin, t.counts[row]);
      if (piece) {
        static_cast<Sums*>(t.partial)[(share.slot * t.n_padded + column) / 4] = acc;
      } else {
        StoreSparse<4>(t.store, acc, {row, column, count});
      }
    }
    return;
  }
  const uint32_t row = static_cast<uint32_t>(unit);
  Sums acc = {};
  if (exists) {
    const uint32_t begin = t.starts[row], quads = t.starts[row + 1] - begin, own = (quads + t.slices - 1) / t.slices;
    const uint32_t from = slice * own < quads ? slice * own : quads, to = quads - from < own ? quads : from + own;
    acc = SumQuads<Dense>(t, dense, begin + from, begin + to, begin, t.counts[row]);
  }
  if (t.slices > 1) {
    Sums* shared = reinterpret_cast<Sums*>(DynamicShared());
    shared[threadIdx.x] = acc;
    __syncthreads();
    for (uint32_t other = 1; slice == 0 && other < t.slices; ++other) {
      const Sums more = shared[threadIdx.x + other * t.lanes];
      LOWP_UNROLL
      for (int i = 0; i < 4; ++i) acc.lane[i] = AddSums(acc.lane[i], more.lane[i]);
    }
  }
  if (exists && slice == 0) StoreSparse<4>(t.store, acc, {row, column, count});
}

template <class Dense>
Status Run(CudaContext& context, const SparseTask& task) {
  const size_t down = DivUp(task.units, kThreads / (task.lanes * task.slices)), across = DivUp(task.n, 4 * task.lanes);
  if (down > INT32_MAX / across)
    return {Code::kUnsupported, "Expected a sparse product of at most 2^31 blocks of rows and columns"};
  const size_t shared = task.slices > 1 ? kThreads * sizeof(Pack<typename Dense::Sum, 4>) : 0;
  return Launch(context, SparseWideKernel<Dense>, dim3(static_cast<uint32_t>(down * across)), dim3(kThreads), shared, task,
                static_cast<uint32_t>(down));
}

}  // namespace

Status LaunchSparseWide(CudaContext& context, const SparseTask& task) {
  switch (task.kind) {
    case SparseKind::kFloat32: return Run<FloatDense>(context, task);
    case SparseKind::kU8: return Run<ByteDense<false>>(context, task);
    case SparseKind::kS8: return Run<ByteDense<true>>(context, task);
  }
  return {};
}

}  // namespace lowp
