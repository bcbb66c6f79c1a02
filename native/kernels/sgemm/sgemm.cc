// Macro-kernel of the float32 GEMM. The loops are those of qgemm.cc: ic, jc, pc, jr, ir; jr takes several micropanels at once
// where there are one or two rows.
//
// What the levels cost, AVX2 on Zen 3, in shares of the peak: a tile in L1 99 %, A from L2 98.4, B a panel at a time 97.1, with
// prefetching 96.0 (without it, B that lies in L3 costs more), storing each tile 93.7 where K is one block and less where it is
// several; packing A leaves 90 to 93 %. Tried without gain: storing 48 rows at once, as qgemm does, with C prefetched (0.985x at
// 256x256x256), scratch in 2 MiB pages (1.00x).
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

// Whether a slab of a 16-bit micropanel is widened once, in scratch memory, for all tiles of a block. Up to the skinny ones tiles
// widen in registers, which is 15% faster at 8 to 12 rows; beyond, the slab is 5% faster for bfloat16 (1024x1024x1024, AVX2).
bool WidensSlabs(SGemmStorage stored_as, size_t rows, size_t mr) {
  return stored_as != SGemmStorage::kFloat32 && !IsSkinny(rows, mr);
}

struct Blocking {
  size_t mc, nc, k_blocks, packed_bytes, acc_bytes, widened_bytes;

  Blocking(const SGemmKernel& kernel, SGemmStorage stored_as, size_t m, size_t k) {
    constexpr size_t kRowBytes = kSGemmRowStride * sizeof(float);
    k_blocks = std::max<size_t>(DivUp(k, kSGemmKc), 1);
    mc = BlockRows(m, kernel.mr, kRowBytes);
    nc = BlockColumns(mc, kernel.mr, kernel.nr, k_blocks);
    if (m <= kSGemmWideRows) nc = kernel.nr * kSGemmWidePanels[m - 1];
    packed_bytes = k_blocks * mc * kRowBytes;
    acc_bytes = mc * nc * sizeof(float);
    widened_bytes = WidensSlabs(stored_as, mc, kernel.mr) ? kSGemmKc * kernel.nr * sizeof(float) : 0;
  }
  size_t bytes() const { return packed_bytes + acc_bytes + widened_bytes; }
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
                    float* widened, size_t m0, size_t rows, size_t n_begin, size_t n_end) {
  const SGemmPackedB& b = *args.b;
  const SGemmKernel& kernel = *b.entry->kernel;
  const size_t nr = kernel.nr, element = SizeOf(b.stored_as);
  const SGemmUkernels& stored = kernel.of[static_cast<size_t>(b.stored_as)];
  const bool widens = WidensSlabs(b.stored_as, rows, kernel.mr);
  const SGemmUkernels& tiles = widens ? kernel.of[static_cast<size_t>(SGemmStorage::kFloat32)] : stored;
  // What is read in order the processor fetches by itself, and better.
  const bool prefetching = !IsSkinny(rows, kernel.mr);
  const auto panel_at = [&](size_t n, size_t k) -> const void* { return b.storage.data() + (n * b.k + k * nr) * element; };
  for (size_t pc = 0; pc < blocking.k_blocks; ++pc) {
    const size_t k0 = pc * kSGemmKc, depth = std::min(kSGemmKc, b.k - k0);
    const float* slab = packed + pc * blocking.mc * kSGemmRowStride;
    const bool last = pc + 1 == blocking.k_blocks;
    for (size_t jr = n_begin, panels; jr < n_end; jr += panels * nr) {
      panels = rows <= kSGemmWideRows && DivUp(n_end - jr, nr) >= kSGemmWidePanels[rows - 1] ? kSGemmWidePanels[rows - 1] : 1;
      const void* panel = panel_at(jr, k0);
      float* column = acc + (jr - n_begin) * blocking.mc;
      if (panels > 1) {
        stored.wide[rows - 1](depth, slab, panel, b.k * nr, column, blocking.mc * nr, pc > 0);
        for (size_t n = jr, end = std::min(jr + panels * nr, n_end); last && n < end; n += nr)
          kernel.store(store, acc + (n - n_begin) * blocking.mc, m0, n, rows, std::min(nr, b.n - n));
        continue;
      }
      const void* next = jr + nr < n_end ? panel_at(jr + nr, k0) : last ? panel_at(n_end, 0) : panel_at(n_begin, k0 + depth);
      Prefetch prefetch(next, prefetching ? depth * nr * element : 0, DivUp(rows, kernel.mr));
      if (widens) {
        stored.widen(static_cast<const uint16_t*>(panel), depth * nr, widened);
        panel = widened;
      }
      for (size_t ir = 0, tile_rows; ir < rows; ir += tile_rows) {
        tile_rows = TileRows(rows - ir, kernel.mr);
        float* tile = column + ir * nr;
        prefetch.Advance();
        tiles.tile[tile_rows - 1](depth, slab + ir * kSGemmRowStride, panel, 0, tile, 0, pc > 0);
        if (last) kernel.store(store, tile, m0 + ir, jr, tile_rows, std::min(nr, b.n - jr));
      }
    }
  }
}

// One thread's scratch, and which block of A lies packed in it.
struct Block {
  float *packed, *acc, *widened;
  size_t batch = 0, m_begin = 0, rows = 0;

  Block(const Blocking& blocking, uint8_t* scratch)
      : packed(reinterpret_cast<float*>(scratch)),
        acc(reinterpret_cast<float*>(scratch + blocking.packed_bytes)),
        widened(reinterpret_cast<float*>(scratch + blocking.packed_bytes + blocking.acc_bytes)) {}
};

void Pack(const SGemmArgs& args, const Blocking& blocking, size_t batch, const Piece& piece, Block* block) {
  const size_t rows = piece.m_end - piece.m_begin, k = args.b->k;
  if (block->batch == batch && block->m_begin == piece.m_begin && block->rows == rows) return;
  block->batch = batch;
  block->m_begin = piece.m_begin;
  block->rows = rows;
  for (size_t pc = 0; pc < blocking.k_blocks; ++pc) {
    const size_t k0 = pc * kSGemmKc, depth = std::min(kSGemmKc, k - k0);
    float* slab = block->packed + pc * blocking.mc * kSGemmRowStride;
    if (args.rows != nullptr)
      args.rows->Read(batch, piece.m_begin, rows, k0, depth, slab, kSGemmRowStride);
    else
      PackA(args, args.a + batch * args.batch_stride_a, piece.m_begin, rows, k0, depth, slab);
  }
}

void ComputePiece(const SGemmArgs& args, const Blocking& blocking, size_t batch, const Piece& piece, Block* block) {
  Pack(args, blocking, batch, piece, block);
  const FloatStore store{args.bias, args.activation, SkipRows(args.residual, batch * args.m),
                         args.c + batch * args.batch_stride_c, args.ldc};
  for (size_t jc = piece.n_begin; jc < piece.n_end; jc += blocking.nc) {
    if (IsSet(args.stop)) return;
    ComputeColumns(args, store, blocking, block->packed, block->acc, block->widened, piece.m_begin, block->rows, jc,
                   std::min(piece.n_end, jc + blocking.nc));
  }
}

}  // namespace

Status SGemm(const SGemmArgs& args) {
  if (Status status = CheckEpilogue(args.activation, args.residual); !status.ok()) return status;
  const SGemmPackedB& b = *args.b;
  if (args.batch == 0 || args.m == 0 || b.n == 0) return {};
  const SGemmKernel& kernel = *b.entry->kernel;
  const size_t threads = args.batch * args.m * b.n * std::max<size_t>(b.k, 1) < kParallelWork ? 1 : args.threads;
  const Blocking blocking(kernel, b.stored_as, args.m, b.k);
  const Partition partition(args.m, b.n, kernel.mr, kernel.nr, blocking.mc, threads);
  std::atomic<bool> out_of_memory{false};
  ParallelEach(args.batch * partition.pieces(), threads, [&](Tasks& tasks) {
    uint8_t* scratch = Scratch(ScratchSlot::kTask, blocking.bytes());
    if (scratch == nullptr) {
      out_of_memory = true;
      return;
    }
    Block block(blocking, scratch);
    for (size_t task; tasks.Next(&task);)
      ComputePiece(args, blocking, task / partition.pieces(), partition[task % partition.pieces()], &block);
  });
  if (out_of_memory)
    return {Code::kNoMemory,
            "Expected " + std::to_string(blocking.bytes()) + " bytes of scratch memory but the system gave none"};
  if (IsSet(args.stop)) return {Code::kAborted, "The call was cancelled"};
  return {};
}

}  // namespace lowp
