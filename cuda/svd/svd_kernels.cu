// Gram matrices: tiles of 16 x 32 sums, 64 depths at a time through shared memory, where each number is widened once. A float64
// multiply-add of two float32 numbers is exact but for the sum. Many rows of blocks share out the depth; their parts are added in
// order. 16 vectors against 200 of length 4096 are 13 million multiply-adds: 5 us of an H200's float64 units (34 TFLOP/s), and as
// long as the launches themselves. The other kernels are as fast as memory. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cuda/device/intrinsics.cuh"
#include "cuda/device/launch.h"
#include "cuda/svd/svd_kernels.h"

namespace lowp {

Status SvdBuffer::Reserve(CudaContext& context, size_t bytes, size_t kept) {
  if (bytes <= bytes_) return {};
  void* larger;
  if (Status status = context.Allocate(bytes, &larger); !status.ok()) return status;
  Status status = kept > 0 ? context.Copy(larger, memory_, kept) : Status();
  Free();
  context_ = &context;
  memory_ = larger;
  bytes_ = bytes;
  return status;
}

namespace {

constexpr uint32_t kThreads = 256;

LOWP_DEVICE uint64_t FirstIndex() { return static_cast<uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
LOWP_DEVICE uint64_t IndexStep() { return static_cast<uint64_t>(gridDim.x) * blockDim.x; }

dim3 GridFor(const CudaContext& context, uint64_t count) {
  const uint64_t most = 32 * static_cast<uint64_t>(context.device().multiprocessors);
  return dim3(static_cast<uint32_t>(std::max<uint64_t>(std::min((count + kThreads - 1) / kThreads, most), 1)));
}

LOWP_KERNEL Fill(uint64_t seed, uint64_t drawn, SvdRows rows) {
  const uint64_t count = rows.count * rows.length;
  LOWP_NO_UNROLL
  for (uint64_t i = FirstIndex(); i < count; i += IndexStep()) {
    uint64_t z = seed + (drawn + i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    rows.data[i / rows.length * rows.ld + i % rows.length] = static_cast<float>(static_cast<double>(z >> 40) / 8388608.0 - 1.0);
  }
}

constexpr uint32_t kGramRows = 16, kGramCols = 32, kGramDepth = 64, kGramThreads = 128, kGramStride = kGramDepth + 1;

struct GramTask {
  SvdRows a, b;
  uint32_t a_tiles, b_tiles, splits;
  uint64_t split_depth;
  double* parts;  // [splits][a.count][b.count]
};

LOWP_DEVICE void BringRows(const SvdRows& rows, uint64_t first, uint32_t count, uint64_t k0, uint64_t end, double* shared) {
  LOWP_NO_UNROLL
  for (uint32_t i = threadIdx.x; i < count * kGramDepth; i += kGramThreads) {
    const uint64_t row = first + i / kGramDepth, k = k0 + i % kGramDepth;
    const bool there = row < rows.count && k < end;
    shared[i / kGramDepth * kGramStride + i % kGramDepth] = there ? static_cast<double>(rows.data[row * rows.ld + k]) : 0.0;
  }
}

// A thread has rows i and i + 8, columns j and j + 16: a warp reads two rows' and 16 columns' numbers, which meet all banks.
LOWP_KERNEL __launch_bounds__(kGramThreads) GramParts(GramTask task) {
  double* a = reinterpret_cast<double*>(DynamicShared());
  double* b = a + kGramRows * kGramStride;
  const uint32_t tile = blockIdx.x % (task.a_tiles * task.b_tiles), split = blockIdx.x / (task.a_tiles * task.b_tiles);
  const uint64_t i0 = static_cast<uint64_t>(tile % task.a_tiles) * kGramRows,
                 j0 = static_cast<uint64_t>(tile / task.a_tiles) * kGramCols;
  const uint64_t begin = split * task.split_depth, end = min(task.a.length, begin + task.split_depth);
  const uint32_t i = threadIdx.x / 16, j = threadIdx.x % 16;
  double sums[2][2] = {};
  LOWP_NO_UNROLL
  for (uint64_t k0 = begin; k0 < end; k0 += kGramDepth) {
    __syncthreads();
    BringRows(task.a, i0, kGramRows, k0, end, a);
    BringRows(task.b, j0, kGramCols, k0, end, b);
    __syncthreads();
    LOWP_NO_UNROLL
    for (uint32_t k = 0; k < kGramDepth; ++k) {
      const double rows[2] = {a[i * kGramStride + k], a[(i + 8) * kGramStride + k]};
      const double cols[2] = {b[j * kGramStride + k], b[(j + 16) * kGramStride + k]};
      LOWP_UNROLL
      for (int r = 0; r < 2; ++r) {
        LOWP_UNROLL
        for (int c = 0; c < 2; ++c) sums[r][c] = __fma_rn(rows[r], cols[c], sums[r][c]);
      }
    }
  }
  LOWP_UNROLL
  for (int r = 0; r < 2; ++r) {
    LOWP_UNROLL
    for (int c = 0; c < 2; ++c) {
      const uint64_t row = i0 + i + r * 8, col = j0 + j + c * 16;
      if (row < task.a.count && col < task.b.count) task.parts[(split * task.a.count + row) * task.b.count + col] = sums[r][c];
    }
  }
}

LOWP_KERNEL AddParts(const double* parts, uint32_t splits, uint64_t count, double* out, float* negated) {
  LOWP_NO_UNROLL
  for (uint64_t i = FirstIndex(); i < count; i += IndexStep()) {
    double sum = 0;
    LOWP_NO_UNROLL
    for (uint32_t split = 0; split < splits; ++split) sum = __dadd_rn(sum, parts[split * count + i]);
    if (out != nullptr) out[i] = sum;
    if (negated != nullptr) negated[i] = static_cast<float>(-sum);
  }
}

Status Gram(CudaContext& context, const SvdRows& a, const SvdRows& b, double* out, float* negated) {
  const uint64_t a_tiles = (a.count + kGramRows - 1) / kGramRows, b_tiles = (b.count + kGramCols - 1) / kGramCols;
  if (a_tiles * b_tiles == 0) return {};
  // Some 500 blocks of no less than 256 depths.
  constexpr uint64_t kBlocks = 512, kLeastDepth = 4 * kGramDepth;
  const uint64_t wanted = std::max<uint64_t>(std::min(kBlocks / (a_tiles * b_tiles), a.length / kLeastDepth), 1);
  const uint64_t steps = (a.length + kGramDepth - 1) / kGramDepth, split_depth = (steps + wanted - 1) / wanted * kGramDepth;
  const uint64_t splits = (a.length + split_depth - 1) / split_depth, count = a.count * b.count;
  if (a_tiles * b_tiles * splits > INT32_MAX)
    return {Code::kShape, "Expected at most 2147483647 tiles of a Gram matrix but its sizes give more"};
  CudaScratch parts;
  if (Status status = parts.Take(context, splits * count * sizeof(double)); !status.ok()) return status;
  const GramTask task{a,
                      b,
                      static_cast<uint32_t>(a_tiles),
                      static_cast<uint32_t>(b_tiles),
                      static_cast<uint32_t>(splits),
                      split_depth,
                      parts.As<double>()};
  Status status = Launch(context, GramParts, dim3(static_cast<uint32_t>(a_tiles * b_tiles * splits)), dim3(kGramThreads),
                         (kGramRows + kGramCols) * kGramStride * sizeof(double), task);
  if (!status.ok()) return status;
  return Launch(context, AddParts, GridFor(context, count), dim3(kThreads), 0, parts.As<double>(), task.splits, count, out,
                negated);
}

// A block has a share of the rows, and of each row a share of the columns.
constexpr uint32_t kSquareCols = 8192, kSquareBlocks = 1024;

LOWP_KERNEL __launch_bounds__(kThreads) Squares(SvdRows a, SvdRows b, uint32_t col_blocks, uint32_t row_blocks, double* out) {
  double* shared = reinterpret_cast<double*>(DynamicShared());
  const uint64_t col0 = static_cast<uint64_t>(blockIdx.x % col_blocks) * kSquareCols, end = min(a.length, col0 + kSquareCols);
  double sum = 0;
  LOWP_NO_UNROLL
  for (uint64_t row = blockIdx.x / col_blocks; row < a.count; row += row_blocks) {
    LOWP_NO_UNROLL
    for (uint64_t col = col0 + threadIdx.x; col < end; col += kThreads) {
      double x = a.data[row * a.ld + col];
      if (b.data != nullptr) x = __dadd_rn(x, -static_cast<double>(b.data[row * b.ld + col]));
      sum = __fma_rn(x, x, sum);
    }
  }
  shared[threadIdx.x] = sum;
  LOWP_NO_UNROLL
  for (uint32_t half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) shared[threadIdx.x] = __dadd_rn(shared[threadIdx.x], shared[threadIdx.x + half]);
  }
  if (threadIdx.x == 0) out[blockIdx.x] = shared[0];
}

LOWP_KERNEL Scale(SvdRows from, double factor, SvdRows to) {
  const uint64_t count = from.count * from.length;
  LOWP_NO_UNROLL
  for (uint64_t i = FirstIndex(); i < count; i += IndexStep()) {
    const uint64_t row = i / from.length, col = i % from.length;
    to.data[row * to.ld + col] = static_cast<float>(__dmul_rn(from.data[row * from.ld + col], factor));
  }
}

LOWP_KERNEL TimesValues(const float* u, const float* s, uint64_t rows, uint64_t count, float* to) {
  LOWP_NO_UNROLL
  for (uint64_t i = FirstIndex(); i < rows * count; i += IndexStep()) to[i] = __fmul_rn(u[i], s[i % count]);
}

// A block has a pair.
LOWP_KERNEL __launch_bounds__(kThreads) SetSigns(SvdRows u, SvdRows v) {
  float* largest = reinterpret_cast<float*>(DynamicShared());
  uint64_t* where = reinterpret_cast<uint64_t*>(largest + kThreads);
  float* u_row = u.data + blockIdx.x * u.ld;
  float mine = 0;
  uint64_t at = 0;
  LOWP_NO_UNROLL
  for (uint64_t i = threadIdx.x; i < u.length; i += kThreads) {
    if (fabsf(u_row[i]) > fabsf(mine)) {
      mine = u_row[i];
      at = i;
    }
  }
  largest[threadIdx.x] = mine;
  where[threadIdx.x] = at;
  LOWP_NO_UNROLL
  for (uint32_t half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x >= half) continue;
    const float here = fabsf(largest[threadIdx.x]), there = fabsf(largest[threadIdx.x + half]);
    if (there > here || (there == here && where[threadIdx.x + half] < where[threadIdx.x])) {
      largest[threadIdx.x] = largest[threadIdx.x + half];
      where[threadIdx.x] = where[threadIdx.x + half];
    }
  }
  __syncthreads();
  if (!(largest[0] < 0)) return;
  LOWP_NO_UNROLL
  for (uint64_t i = threadIdx.x; i < u.length; i += kThreads) u_row[i] = -u_row[i];
  LOWP_NO_UNROLL
  for (uint64_t j = threadIdx.x; j < v.length; j += kThreads) v.data[blockIdx.x * v.ld + j] = -v.data[blockIdx.x * v.ld + j];
}

}  // namespace

Status SvdFill(CudaContext& context, uint64_t seed, uint64_t drawn, const SvdRows& rows) {
  return Launch(context, Fill, GridFor(context, rows.count * rows.length), dim3(kThreads), 0, seed, drawn, rows);
}

Status SvdGramMatrix(CudaContext& context, const SvdRows& a, const SvdRows& b, double* out) {
  return Gram(context, a, b, out, nullptr);
}

Status SvdCoefficients(CudaContext& context, const SvdRows& a, const SvdRows& b, float* negated) {
  return Gram(context, a, b, nullptr, negated);
}

Status SvdSumOfSquares(CudaContext& context, const SvdRows& a, const SvdRows& b, double* sum) {
  const uint64_t col_blocks = (a.length + kSquareCols - 1) / kSquareCols;
  const uint64_t row_blocks = std::max<uint64_t>(std::min(kSquareBlocks / col_blocks, a.count), 1);
  std::vector<double> parts(col_blocks * row_blocks);
  CudaScratch scratch;
  if (Status status = scratch.Take(context, parts.size() * sizeof(double)); !status.ok()) return status;
  Status status = Launch(context, Squares, dim3(static_cast<uint32_t>(parts.size())), dim3(kThreads), kThreads * sizeof(double),
                         a, b, static_cast<uint32_t>(col_blocks), static_cast<uint32_t>(row_blocks), scratch.As<double>());
  if (!status.ok()) return status;
  if (status = context.Download(parts.data(), scratch.As<double>(), parts.size() * sizeof(double)); !status.ok()) return status;
  *sum = 0;
  for (double part : parts) *sum += part;
  return {};
}

Status SvdScale(CudaContext& context, const SvdRows& from, int exponent, const SvdRows& to) {
  return Launch(context, Scale, GridFor(context, from.count * from.length), dim3(kThreads), 0, from, std::ldexp(1.0, exponent),
                to);
}

Status SvdTimesValues(CudaContext& context, const float* u, const float* s, uint64_t rows, uint64_t count, float* to) {
  return Launch(context, TimesValues, GridFor(context, rows * count), dim3(kThreads), 0, u, s, rows, count, to);
}

Status SvdSetSigns(CudaContext& context, const SvdRows& u, const SvdRows& v) {
  return Launch(context, SetSigns, dim3(static_cast<uint32_t>(u.count)), dim3(kThreads),
                kThreads * (sizeof(float) + sizeof(uint64_t)), u, v);
}

}  // namespace lowp
