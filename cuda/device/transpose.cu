// Transposition by squares of 32 in shared memory, 256 threads, four rows of a square each; rows there are 33 words long, so that
// reading a column touches every bank once. Bound by memory: each element is read and written once. By single elements: of bytes
// a warp moves 32 at a time, a sector, so about a quarter of the bandwidth that four-byte elements get. It has NOT been timed on
// a GPU yet.
#include <algorithm>

#include "core/aligned_buffer.h"
#include "cuda/device/intrinsics.cuh"
#include "cuda/device/launch.h"
#include "cuda/device/transpose.h"

namespace lowp {
namespace {

constexpr uint32_t kSide = 32, kRowsAtOnce = 8;
constexpr size_t kMostBlocks = 32768;  // of a dimension of the grid: the rest is a loop

template <class T>
LOWP_KERNEL TransposeKernel(TransposeArgs a) {
  T* square = reinterpret_cast<T*>(DynamicShared());
  const uint32_t x = threadIdx.x, y = threadIdx.y;
  const size_t row_squares = (a.rows_padded + kSide - 1) / kSide, col_squares = (a.cols + kSide - 1) / kSide;
  for (size_t batch = blockIdx.z; batch < a.batch; batch += gridDim.z) {
    const T* from = static_cast<const T*>(a.from) + batch * a.batch_stride_from;
    T* to = static_cast<T*>(a.to) + batch * a.batch_stride_to;
    for (size_t i = blockIdx.y; i < row_squares; i += gridDim.y) {
      for (size_t j = blockIdx.x; j < col_squares; j += gridDim.x) {
        LOWP_UNROLL
        for (uint32_t r = 0; r < kSide; r += kRowsAtOnce) {
          const size_t row = i * kSide + y + r, col = j * kSide + x;
          square[(y + r) * (kSide + 1) + x] = row < a.rows && col < a.cols ? from[row * a.ld_from + col] : T{};
        }
        __syncthreads();
        LOWP_UNROLL
        for (uint32_t r = 0; r < kSide; r += kRowsAtOnce) {
          const size_t row = i * kSide + x, col = j * kSide + y + r;
          if (row < a.rows_padded && col < a.cols) to[col * a.ld_to + row] = square[x * (kSide + 1) + y + r];
        }
        __syncthreads();
      }
    }
  }
}

template <class T>
LOWP_KERNEL PadKernel(PadArgs a) {
  const T* from = static_cast<const T*>(a.from);
  T* to = static_cast<T*>(a.to);
  for (size_t row = blockIdx.y; row < a.rows; row += gridDim.y) {
    for (size_t col = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x; col < a.cols_padded;
         col += static_cast<size_t>(gridDim.x) * blockDim.x)
      to[row * a.cols_padded + col] = col < a.cols ? from[row * a.ld_from + col] : T{};
  }
}

uint32_t Blocks(size_t count) { return static_cast<uint32_t>(std::min(count, kMostBlocks)); }

}  // namespace

Status TransposeMatrices(CudaContext& context, const TransposeArgs& given) {
  TransposeArgs args = given;
  args.rows_padded = std::max(args.rows_padded, args.rows);
  if (args.batch == 0 || args.rows_padded == 0 || args.cols == 0) return {};
  const dim3 grid(Blocks(DivUp(args.cols, kSide)), Blocks(DivUp(args.rows_padded, kSide)), Blocks(args.batch));
  const dim3 block(kSide, kRowsAtOnce);
  const size_t shared = kSide * (kSide + 1) * args.size;
  return args.size == 1 ? Launch(context, TransposeKernel<uint8_t>, grid, block, shared, args)
                        : Launch(context, TransposeKernel<uint32_t>, grid, block, shared, args);
}

Status PadRows(CudaContext& context, const PadArgs& args) {
  if (args.rows == 0 || args.cols_padded == 0) return {};
  constexpr uint32_t kThreads = 128;
  const dim3 grid(Blocks(DivUp(args.cols_padded, kThreads)), Blocks(args.rows)), block(kThreads);
  return args.size == 1 ? Launch(context, PadKernel<uint8_t>, grid, block, 0, args)
                        : Launch(context, PadKernel<uint32_t>, grid, block, 0, args);
}

}  // namespace lowp
