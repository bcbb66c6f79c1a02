// Macro-kernel of the float32 GEMM. The loops are those of qgemm.cc: ic, jc, pc, jr, ir.
#include "kernels/sgemm/sgemm.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/partition.h"
#include "core/prefetch.h"
#include "core/scratch.h"
#include "core/thread_pool.h"

namespace lowp {
namespace {

bool IsSet(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(std::memory_order_relaxed); }

struct Blocking {
  size_t mc, nc, k_blocks, packed_bytes, acc_bytes;

  Blocking(const SGemmKernel& kernel, size_t m, size_t k) {
    constexpr size_t kRowBytes = kSGemmRowStride * sizeof(float);
    k_blocks = std::max<size_t>(DivUp(k, kSGemmKc), 1);
    mc = BlockRows(m, kernel.mr, kRowBytes);
    nc = BlockColumns(mc, kernel.mr, kernel.nr, k_blocks);
    packed_bytes = k_blocks * mc * kRowBytes;
    acc_bytes = mc * nc * sizeof(float);
  }
  size_t bytes() const { return packed_bytes + acc_bytes; }
};

// packed[row][0..depth) = A[m0 + row][k0 ..]
void PackA(const SGemmArgs& args, const float* a, size_t m0, size_t rows, size_t k0, size_t depth, float* packed) {
  if (!args.transpose_a) {
    for (size_t row = 0; row < rows; ++row)
      std::memcpy(packed + row * kSGemmRowStride, a + (m0 + row) * args.lda + k0, depth * sizeof(float));
    return;
  }
  for (size_t k = 0; k < depth; ++k) {
    const float* from = a + (k0 + k) * args.lda + m0;
    for (size_t row = 0; row < rows; ++row) packed[row * kSGemmRowStride + k] = from[row];
  }
}

// Loops pc, jr and ir for columns n_begin .. n_end: at most NC.
void ComputeColumns(const SGemmArgs& args, const FloatStore& store, const Blocking& blocking, const float* packed, float* acc,
                    size_t m0, size_t rows, size_t n_begin, size_t n_end) {
  const SGemmPackedB& b = *args.b;
  const SGemmKernel& kernel = *b.entry->kernel;
  // What is read in order the processor fetches by itself, and better.
  const bool prefetching = !IsSkinny(rows, kernel.mr);
  const auto panel_at = [&](size_t n, size_t k) { return b.storage.As<float>() + n * b.k + k * kernel.nr; };
  for (size_t pc = 0; pc < blocking.k_blocks; ++pc) {
    const size_t k0 = pc * kSGemmKc, depth = std::min(kSGemmKc, b.k - k0);
    const float* slab = packed + pc * blocking.mc * kSGemmRowStride;
    const bool last = pc + 1 == blocking.k_blocks;
    for (size_t jr = n_begin; jr < n_end; jr += kernel.nr) {
      const float* next = jr + kernel.nr < n_end ? panel_at(jr + kernel.nr, k0)
                          : last                 ? panel_at(n_end, 0)
                                                 : panel_at(n_begin, k0 + depth);
      Prefetch prefetch(next, prefetching ? depth * kernel.nr * sizeof(float) : 0, DivUp(rows, kernel.mr));
      float* column = acc + (jr - n_begin) * blocking.mc;
      for (size_t ir = 0, tile_rows; ir < rows; ir += tile_rows) {
        tile_rows = TileRows(rows - ir, kernel.mr);
        float* tile = column + ir * kernel.nr;
        prefetch.Advance();
        kernel.ukernels[tile_rows - 1](depth, slab + ir * kSGemmRowStride, panel_at(jr, k0), tile, pc > 0);
        if (last) kernel.store(store, tile, m0 + ir, jr, tile_rows, std::min<size_t>(kernel.nr, b.n - jr));
      }
    }
  }
}

// False where there is no memory.
bool ComputePiece(const SGemmArgs& args, const Blocking& blocking, size_t batch, const Piece& piece) {
  uint8_t* scratch = Scratch(ScratchSlot::kTask, blocking.bytes());
  if (scratch == nullptr) return false;
  float* packed = reinterpret_cast<float*>(scratch);
  float* acc = reinterpret_cast<float*>(scratch + blocking.packed_bytes);
  const float* a = args.a + batch * args.batch_stride_a;
  const FloatStore store{args.bias, args.activation, SkipRows(args.residual, batch * args.m),
                         args.c + batch * args.batch_stride_c, args.ldc};
  const size_t k = args.b->k;

  for (size_t ic = piece.m_begin; ic < piece.m_end; ic += blocking.mc) {
    const size_t rows = std::min(blocking.mc, piece.m_end - ic);
    for (size_t pc = 0; pc < blocking.k_blocks; ++pc) {
      PackA(args, a, ic, rows, pc * kSGemmKc, std::min(kSGemmKc, k - pc * kSGemmKc), packed + pc * blocking.mc * kSGemmRowStride);
    }
    for (size_t jc = piece.n_begin; jc < piece.n_end; jc += blocking.nc) {
      if (IsSet(args.stop)) return true;
      ComputeColumns(args, store, blocking, packed, acc, ic, rows, jc, std::min(piece.n_end, jc + blocking.nc));
    }
  }
  return true;
}

}  // namespace

Status PackSGemmB(const SGemmPackArgs& args, const SGemmEntry& entry, SGemmPackedB* packed) {
  const size_t nr = entry.kernel->nr;
  SGemmPackedB p;
  p.entry = &entry;
  p.k = args.k;
  p.n = args.n;
  p.n_padded = RoundUp(args.n, nr);
  const size_t bytes = p.n_padded * p.k * sizeof(float);
  if (!p.storage.Reserve(std::max<size_t>(bytes, 1))) {
    return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes for packed weights but the system gave none"};
  }
  for (size_t n0 = 0; n0 < args.n; n0 += nr) {
    float* panel = p.storage.As<float>() + n0 * args.k;
    const size_t cols = std::min(nr, args.n - n0);
    if (cols < nr) std::memset(panel, 0, args.k * nr * sizeof(float));
    if (args.transpose) {
      for (size_t col = 0; col < cols; ++col) {
        const float* from = args.b + (n0 + col) * args.ldb;
        for (size_t k = 0; k < args.k; ++k) panel[k * nr + col] = from[k];
      }
    } else {
      for (size_t k = 0; k < args.k; ++k) std::memcpy(panel + k * nr, args.b + k * args.ldb + n0, cols * sizeof(float));
    }
  }
  *packed = std::move(p);
  return {};
}

Status SGemm(const SGemmArgs& args) {
  if (Status status = CheckEpilogue(args.activation, args.residual); !status.ok()) return status;
  const SGemmPackedB& b = *args.b;
  if (args.batch == 0 || args.m == 0 || b.n == 0) return {};
  const SGemmKernel& kernel = *b.entry->kernel;
  const size_t threads = args.batch * args.m * b.n * std::max<size_t>(b.k, 1) < kParallelWork ? 1 : args.threads;
  const Blocking blocking(kernel, args.m, b.k);
  const Partition partition(args.m, b.n, kernel.mr, kernel.nr, blocking.mc, threads);
  std::atomic<bool> out_of_memory{false};
  ParallelFor(args.batch * partition.pieces(), threads, [&](size_t task) {
    if (!ComputePiece(args, blocking, task / partition.pieces(), partition[task % partition.pieces()])) out_of_memory = true;
  });
  if (out_of_memory)
    return {Code::kNoMemory,
            "Expected " + std::to_string(blocking.bytes()) + " bytes of scratch memory but the system gave none"};
  if (IsSet(args.stop)) return {Code::kAborted, "The call was cancelled"};
  return {};
}

}  // namespace lowp
