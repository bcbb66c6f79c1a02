// Macro-kernel: block, pack A, call the microkernel, store. What comes before the blocks is in qgemm_check.cc and qgemm_call.cc.
//
// Loops, outermost first:   ic  MC rows of A, packed into scratch for all K
//                           jc  NC columns, whose MC x NC sums wait in scratch between pc blocks
//                           pc  KC depths: a slab of MC x KC of A stays in L2 ...
//                           jr  ... while the micropanels of B pass, each KC x NR of which stays in L1 ...
//                           ir  ... while the micropanels of A pass
// After the last pc block each tile goes through the epilogue to C. B is read from memory once for each ic, so a block of
// rows should be tall. Where K is one block, sums need not wait and NC is one micropanel; where rows are few, NC is one
// micropanel too, so that B is read in the order in which it lies in memory (one row of 4096x4096: 28 -> 70 GOPS).
//
// What the levels cost, AVX2 on Zen 3, in shares of the peak: a tile in L1 96 %, A from L2 and B a panel at a time 95.3, with
// prefetching 94.9; packing and storing leave 88 to 91 % at 512x512x512, 1024x1024x1024, 2048x2048x2048 and 128x4096x4096 alike.
// So the size of the product costs nothing; 68 to 74 % at the large ones was a neighbour on the same core, which a call of
// 20 ms seldom escapes and one of 2 ms does. Scratch in 2 MiB pages changed nothing.
#include "kernels/qgemm/qgemm.h"

#include <algorithm>
#include <string>

#include "core/partition.h"
#include "core/prefetch.h"
#include "core/scratch.h"
#include "core/thread_pool.h"
#include "kernels/qgemm/qgemm_call.h"

namespace lowp {
namespace {

bool IsSet(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(std::memory_order_relaxed); }

struct Blocking {
  size_t mc, nc, k_blocks, packed_row_bytes;
  size_t packed_bytes, acc_bytes, sums_bytes, gathered_bytes;

  Blocking(const QGemmKernel& kernel, size_t m, size_t k, bool gathers) {
    k_blocks = std::max<size_t>(DivUp(k, kernel.kc), 1);
    packed_row_bytes = QGemmRowStride(kernel.kc, kernel.a_bytes);
    mc = BlockRows(m, kernel.mr, packed_row_bytes);
    nc = BlockColumns(mc, kernel.mr, kernel.nr, k_blocks);
    packed_bytes = RoundUp(k_blocks * mc * packed_row_bytes, kCacheLine);
    acc_bytes = mc * nc * sizeof(int32_t);
    sums_bytes = RoundUp(mc * sizeof(int32_t), kCacheLine);
    gathered_bytes = gathers ? mc * kernel.kc : 0;
  }
  size_t bytes() const { return packed_bytes + acc_bytes + sums_bytes + gathered_bytes; }
};

struct Problem {
  const QGemmArgs& args;
  const QGemmKernel& kernel;
  const QGemmActivations& a;
  const IntStore& store;
  const Blocking& blocking;
};

// Loops pc, jr and ir for columns n_begin .. n_end: at most NC.
void ComputeColumns(const Problem& p, const IntStore& store, const uint8_t* packed, int32_t* acc, size_t m0, size_t rows,
                    size_t n_begin, size_t n_end) {
  const QGemmKernel& kernel = p.kernel;
  const QGemmPackedB& b = *p.args.b;
  // What is read in order the processor fetches by itself, and better.
  const bool prefetching = !IsSkinny(rows, kernel.mr);
  const auto panel_at = [&](size_t n, size_t k) { return b.panels + n * b.k_padded + k * kernel.nr; };
  for (size_t pc = 0; pc < p.blocking.k_blocks; ++pc) {
    const size_t k0 = pc * kernel.kc, depth = std::min<size_t>(kernel.kc, b.k_padded - k0);
    const uint8_t* slab = packed + pc * p.blocking.mc * p.blocking.packed_row_bytes;
    const bool last = pc + 1 == p.blocking.k_blocks;
    for (size_t jr = n_begin; jr < n_end; jr += kernel.nr) {
      const int8_t* next = jr + kernel.nr < n_end ? panel_at(jr + kernel.nr, k0)
                           : last                 ? panel_at(n_end, 0)
                                                  : panel_at(n_begin, k0 + depth);
      Prefetch prefetch(next, prefetching ? depth * kernel.nr : 0, DivUp(rows, kernel.mr));
      int32_t* column = acc + (jr - n_begin) * p.blocking.mc;
      size_t stored = 0;
      for (size_t ir = 0, tile_rows; ir < rows; ir += tile_rows) {
        tile_rows = TileRows(rows - ir, kernel.mr);
        int32_t* tile = column + ir * kernel.nr;
        prefetch.Advance();
        kernel.ukernels[tile_rows - 1](depth / kernel.kr, slab + ir * p.blocking.packed_row_bytes, panel_at(jr, k0), tile,
                                       pc > 0);
        const size_t done = ir + tile_rows;
        if (!last || (done - stored < kStoreRows && done < rows)) continue;
        kernel.store(store, column + stored * kernel.nr, m0 + stored, jr, done - stored, std::min<size_t>(kernel.nr, b.n - jr));
        stored = done;
      }
    }
  }
}

// One thread's scratch, and which block of A lies packed in it.
struct Block {
  uint8_t* packed;
  int32_t *acc, *sums;
  uint8_t* gathered;
  size_t batch = 0, m_begin = 0, rows = 0;

  Block(const Blocking& blocking, uint8_t* scratch)
      : packed(scratch),
        acc(reinterpret_cast<int32_t*>(packed + blocking.packed_bytes)),
        sums(reinterpret_cast<int32_t*>(packed + blocking.packed_bytes + blocking.acc_bytes)),
        gathered(packed + blocking.packed_bytes + blocking.acc_bytes + blocking.sums_bytes) {}
};

void Pack(const Problem& p, size_t batch, const Piece& piece, Block* block) {
  const size_t rows = piece.m_end - piece.m_begin;
  if (block->batch == batch && block->m_begin == piece.m_begin && block->rows == rows) return;
  block->batch = batch;
  block->m_begin = piece.m_begin;
  block->rows = rows;
  const QGemmKernel& kernel = p.kernel;
  const uint8_t* a = p.a.data + batch * p.a.batch_stride + piece.m_begin * p.a.lda;
  const QGemmPackAFn pack = p.a.is_signed ? kernel.pack_a_s8 : kernel.pack_a_u8;
  std::fill_n(block->sums, rows, 0);
  for (size_t pc = 0; pc < p.blocking.k_blocks; ++pc) {
    const size_t k0 = pc * kernel.kc;
    const size_t depth = std::min<size_t>(kernel.kc, p.args.b->k - k0);
    const uint8_t* from = a + k0;
    size_t ld = p.a.lda;
    if (p.args.rows != nullptr) {
      p.args.rows->Read(batch, piece.m_begin, rows, k0, depth, block->gathered, kernel.kc);
      from = block->gathered;
      ld = kernel.kc;
    }
    pack(rows, depth, from, ld, block->packed + pc * p.blocking.mc * p.blocking.packed_row_bytes, block->sums);
  }
}

void ComputePiece(const Problem& p, size_t batch, const Piece& piece, Block* block) {
  Pack(p, batch, piece, block);
  IntStore store = p.store;
  // Row arrays are indexed by the row of C; sums start at the block.
  store.row_sum = p.args.b->has_zero ? block->sums - piece.m_begin : nullptr;
  if (store.a_zero != nullptr) store.a_zero += batch * p.args.m;
  if (store.a_scale != nullptr) store.a_scale += batch * p.args.m;
  store.residual = SkipRows(store.residual, batch * p.args.m);
  store.c = static_cast<uint8_t*>(p.args.c) + batch * p.args.batch_stride_c * SizeOf(p.args.output.kind);
  for (size_t jc = piece.n_begin; jc < piece.n_end; jc += p.blocking.nc) {
    if (IsSet(p.args.stop)) return;
    ComputeColumns(p, store, block->packed, block->acc, piece.m_begin, block->rows, jc,
                   std::min(piece.n_end, jc + p.blocking.nc));
  }
}

}  // namespace

Status QGemm(const QGemmArgs& args) {
  if (Status status = CheckQGemm(args); !status.ok()) return status;
  const QGemmPackedB& b = *args.b;
  if (args.batch == 0 || args.m == 0 || b.n == 0) return {};
  const QGemmKernel& kernel = *b.kernel;

  const QGemmScratch at(args);
  uint8_t* scratch = Scratch(ScratchSlot::kCall, at.bytes);
  if (scratch == nullptr)
    return {Code::kNoMemory, "Expected " + std::to_string(at.bytes) + " bytes of scratch memory but the system gave none"};

  const QGemmActivations a = ReadActivations(args, at, scratch);
  const IntStore store = MakeStore(args, a, at, scratch);
  const size_t work = args.batch * args.m * b.n * std::max<size_t>(b.k, 1);
  const size_t threads = work < kParallelWork ? 1 : args.threads;
  const Blocking blocking(kernel, args.m, b.k, args.rows != nullptr);
  const Partition partition(args.m, b.n, kernel.mr, kernel.nr, blocking.mc, threads);
  const Problem problem{args, kernel, a, store, blocking};
  std::atomic<bool> out_of_memory{false};
  ParallelEach(args.batch * partition.pieces(), threads, [&](Tasks& tasks) {
    uint8_t* task_scratch = Scratch(ScratchSlot::kTask, blocking.bytes());
    if (task_scratch == nullptr) {
      out_of_memory = true;
      return;
    }
    Block block(blocking, task_scratch);
    for (size_t task; tasks.Next(&task);)
      ComputePiece(problem, task / partition.pieces(), partition[task % partition.pieces()], &block);
  });
  TrimScratch(ScratchSlot::kCall);
  TrimScratch(ScratchSlot::kTask);
  if (out_of_memory)
    return {Code::kNoMemory,
            "Expected " + std::to_string(blocking.bytes()) + " bytes of scratch memory but the system gave none"};
  if (IsSet(args.stop)) return {Code::kAborted, "The call was cancelled"};
  return {};
}

}  // namespace lowp
