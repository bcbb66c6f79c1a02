// Macro-kernel: quantize A, block, unpack micropanels, call the microkernel, store.
//
// Loops, outermost first:   ic  MC rows of A, which stay in L2
//                           jr  a micropanel of NR columns, whose MC x NR sums stay in L1
//                           pc  KC depths of it, unpacked to bytes in L1 where several tiles of rows will read them ...
//                           ir  ... while the tiles pass
// B is read from memory once for each ic, at half a byte a weight, so a block of rows need not be tall.
#include "kernels/nbits/nbits.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/cpu.h"
#include "core/partition.h"
#include "core/prefetch.h"
#include "core/scratch.h"
#include "core/thread_pool.h"

namespace lowp {
namespace {

constexpr size_t kMaxRowsPerBlock = 384;

bool IsSet(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(std::memory_order_relaxed); }

struct Blocking {
  size_t rows, k_blocks, row_stride, mc;
  size_t a_bytes;                 // of the call's scratch
  size_t panel_bytes, acc_bytes;  // of a task's

  explicit Blocking(const NBitsArgs& args) {
    const NBitsPackedB& b = *args.b;
    const NBitsKernel& kernel = *b.entry->kernel;
    rows = args.batch * args.m;
    k_blocks = DivUp(b.k, kNBitsKc);
    row_stride = NBitsRowStride(b.format().a_bytes);
    const size_t l2 = Cpu().l2 != 0 ? Cpu().l2 : size_t{256} << 10;
    mc = std::clamp<size_t>(l2 / 2 / (row_stride * std::max<size_t>(k_blocks, 1)), 8 * kernel.mr, kMaxRowsPerBlock);
    mc = EvenBlock(rows, RoundUp(mc, kernel.mr), kernel.mr);
    a_bytes = k_blocks * rows * row_stride;
    panel_bytes = RoundUp(kNBitsKc * kernel.nr, kCacheLine);
    acc_bytes = mc * kernel.nr * sizeof(float);
  }
};

// [block of KC][row], so that the rows of a tile are a constant stride apart.
void QuantizeRows(const NBitsArgs& args, const Blocking& blocking, uint8_t* packed) {
  const NBitsPackedB& b = *args.b;
  const NBitsFormat& format = b.format();
  const int32_t factor = b.zeros != nullptr ? 1 : -b.zero;
  constexpr size_t kRowsPerTask = 16;
  const size_t threads = blocking.rows * b.k < kParallelWork / 16 ? 1 : args.threads;
  ParallelFor(DivUp(blocking.rows, kRowsPerTask), threads, [&](size_t task) {
    for (size_t row = task * kRowsPerTask; row < std::min(blocking.rows, (task + 1) * kRowsPerTask); ++row) {
      const float* from = args.a + (row / args.m) * args.batch_stride_a + (row % args.m) * args.lda;
      for (size_t pc = 0; pc < blocking.k_blocks; ++pc) {
        const size_t k0 = pc * kNBitsKc;
        format.quantize_a(std::min(kNBitsKc, b.k - k0), b.group, from + k0, factor,
                          packed + (pc * blocking.rows + row) * blocking.row_stride);
      }
    }
  });
}

// One micropanel times `rows` rows.
void ComputePanel(const NBitsArgs& args, const Blocking& blocking, const uint8_t* packed, uint8_t* unpacked, float* acc,
                  size_t m0, size_t rows, size_t panel) {
  const NBitsPackedB& b = *args.b;
  const NBitsKernel& kernel = *b.entry->kernel;
  const NBitsFormat& format = b.format();
  const size_t nr = kernel.nr, weight_bytes = nr * b.group * b.bits / 8;
  const bool unpack = format.unpack != nullptr && rows > format.direct_rows;
  const NBitsUkernelFn* ukernels = unpack ? format.panel_ukernels : format.ukernels;
  // What is read in order, as few rows read it, the processor fetches by itself.
  const bool prefetching = !IsSkinny(rows, kernel.mr) && panel + 1 < DivUp(b.n, nr);
  Prefetch prefetch(b.panels + (prefetching ? panel + 1 : panel) * b.panel_bytes, b.panel_bytes,
                    std::max<size_t>(blocking.k_blocks * DivUp(rows, kernel.mr), 1));

  std::memset(acc, 0, rows * nr * sizeof(float));
  NBitsTile tile{};
  tile.group = b.group;
  tile.scale_stride = b.block_bytes;
  for (size_t pc = 0; pc < blocking.k_blocks; ++pc) {
    const size_t g0 = pc * kNBitsKc / b.group;
    tile.groups = std::min(kNBitsKc / b.group, b.groups - g0);
    tile.b = b.panels + panel * b.panel_bytes + g0 * b.block_bytes;
    tile.b_stride = b.block_bytes;
    tile.scale = tile.b + weight_bytes;
    if (b.zeros != nullptr) tile.zero = b.zeros + (panel * b.groups + g0) * nr;
    if (unpack) {
      format.unpack(tile.groups, weight_bytes, tile.b, tile.b_stride, unpacked);
      tile.b = unpacked;
      tile.b_stride = nr * b.group;
    }
    const uint8_t* slab = packed + (pc * blocking.rows + m0) * blocking.row_stride;
    for (size_t ir = 0, tile_rows; ir < rows; ir += tile_rows) {
      tile_rows = TileRows(rows - ir, kernel.mr);
      tile.a = slab + ir * blocking.row_stride;
      tile.acc = acc + ir * nr;
      if (prefetching) prefetch.Advance();
      ukernels[tile_rows - 1](tile);
    }
  }
}

// False where there is no memory.
bool ComputePiece(const NBitsArgs& args, const Blocking& blocking, const uint8_t* packed, const Piece& piece) {
  const size_t nr = args.b->entry->kernel->nr;
  uint8_t* scratch = Scratch(ScratchSlot::kTask, blocking.panel_bytes + blocking.acc_bytes);
  if (scratch == nullptr) return false;
  float* acc = reinterpret_cast<float*>(scratch + blocking.panel_bytes);
  const FloatStore store{args.bias, args.activation, args.residual, args.c, args.ldc};
  const size_t rows = piece.m_end - piece.m_begin;
  for (size_t jr = piece.n_begin; jr < piece.n_end; jr += nr) {
    if (IsSet(args.stop)) return true;
    ComputePanel(args, blocking, packed, scratch, acc, piece.m_begin, rows, jr / nr);
    args.b->entry->kernel->store(store, acc, piece.m_begin, jr, rows, std::min(nr, piece.n_end - jr));
  }
  return true;
}

Status NoScratch(size_t bytes) {
  return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes of scratch memory but the system gave none"};
}

}  // namespace

Status NBits(const NBitsArgs& args) {
  if (Status status = CheckEpilogue(args.activation, args.residual); !status.ok()) return status;
  const NBitsPackedB& b = *args.b;
  if (args.batch == 0 || args.m == 0 || b.n == 0) return {};
  const NBitsKernel& kernel = *b.entry->kernel;
  const Blocking blocking(args);
  uint8_t* packed = Scratch(ScratchSlot::kCall, std::max<size_t>(blocking.a_bytes, 1));
  if (packed == nullptr) return NoScratch(blocking.a_bytes);
  QuantizeRows(args, blocking, packed);

  const size_t threads = blocking.rows * b.n * std::max<size_t>(b.k, 1) < kParallelWork ? 1 : args.threads;
  const Partition partition(blocking.rows, b.n, kernel.mr, kernel.nr, blocking.mc, threads);
  std::atomic<bool> out_of_memory{false};
  ParallelFor(partition.pieces(), threads, [&](size_t task) {
    if (!ComputePiece(args, blocking, packed, partition[task])) out_of_memory = true;
  });
  TrimScratch(ScratchSlot::kCall);
  TrimScratch(ScratchSlot::kTask);
  if (out_of_memory) return NoScratch(blocking.panel_bytes + blocking.acc_bytes);
  if (IsSet(args.stop)) return {Code::kAborted, "The call was cancelled"};
  return {};
}

}  // namespace lowp
