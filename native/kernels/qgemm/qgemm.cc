// Macro-kernel: validate, quantize activations, block, pack A, call the microkernel, store.
//
// Loops, outermost first:   ic  MC rows of A, packed into scratch for all K
//                           jc  NC columns, whose MC x NC sums wait in scratch between pc blocks
//                           pc  KC depths: a slab of MC x KC of A stays in L2 ...
//                           jr  ... while the micropanels of B pass, each KC x NR of which stays in L1 ...
//                           ir  ... while the micropanels of A pass
// After the last pc block each tile goes through the epilogue to C. B is read from memory once for each ic, so a block of
// rows should be tall. Where K is one block, sums need not wait and NC is one micropanel; where rows are few, NC is one
// micropanel too, so that B is read in the order in which it lies in memory (one row of 4096x4096: 28 -> 70 GOPS).
#include "kernels/qgemm/qgemm.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "core/cpu.h"
#include "core/partition.h"
#include "core/prefetch.h"
#include "core/scratch.h"
#include "core/thread_pool.h"
#include "kernels/quantize/quantize.h"

namespace lowp {
namespace {

constexpr size_t kMaxRowsPerBlock = 384;
// Of the sums that wait between pc blocks; with the slab of A, half of a 512 KB L2.
constexpr size_t kWaitingBytes = size_t{128} << 10;

bool IsSet(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(std::memory_order_relaxed); }
bool IsFloat(QGemmA kind) { return kind == QGemmA::kFloat32PerTensor || kind == QGemmA::kFloat32PerRow; }
bool IsPerRow(const QGemmArgs& args) { return args.a_kind == QGemmA::kFloat32PerRow || args.a_scales != nullptr; }
bool Is8Bit(QGemmC kind) { return kind == QGemmC::kU8 || kind == QGemmC::kS8; }
bool HasResidual(const QGemmArgs& args) { return args.residual.kind != ResidualKind::kNone; }
bool IsClamp(const QGemmArgs& args) { return args.activation.kind == ActivationKind::kClamp; }
// Nothing in real units lies between the sum and the rounding.
bool Requantizes(const QGemmArgs& args) {
  return Is8Bit(args.c_kind) && args.bias_f32 == nullptr && !HasResidual(args) && IsClamp(args);
}

// |sum| <= K * max|a - za| * max|b - zb| + max|bias| must fit int32.
Status CheckDepth(const QGemmArgs& args) {
  const int32_t low = args.a_kind == QGemmA::kS8 ? -128 : 0, high = low + 255;
  int64_t a_magnitude = 0;
  if (IsFloat(args.a_kind)) {
    a_magnitude = 255;
  } else {
    const size_t count = args.a_zeros != nullptr ? args.batch * args.m : 1;
    for (size_t i = 0; i < count; ++i) {
      const int32_t zero = args.a_zeros != nullptr ? args.a_zeros[i] : args.a_zero;
      if (zero < low || zero > high) {
        return {Code::kValue, "Expected zero points from " + std::to_string(low) + " to " + std::to_string(high) +
                                  " for a but received " + std::to_string(zero)};
      }
      a_magnitude = std::max<int64_t>({a_magnitude, high - zero, zero - low});
    }
  }
  int64_t bias_magnitude = 0;
  if (args.bias_s32 != nullptr) {
    for (size_t n = 0; n < args.b->n; ++n) bias_magnitude = std::max(bias_magnitude, std::abs(int64_t{args.bias_s32[n]}));
  }
  const int64_t product = a_magnitude * args.b->max_magnitude;
  const int64_t bound =
      product == 0 ? INT64_MAX : (INT64_C(0x7fffffff) - std::min(bias_magnitude, INT64_C(0x7fffffff))) / product;
  if (static_cast<int64_t>(args.b->k) > bound) {
    const std::string beside = bias_magnitude == 0 ? "" : " beside a bias of " + std::to_string(bias_magnitude);
    return {Code::kValue, "Expected a depth K of at most " + std::to_string(bound) + ", at which the sum" + beside +
                              " fits int32, but received " + std::to_string(args.b->k)};
  }
  return {};
}

bool ValidScale(float scale) { return std::isfinite(scale) && scale > 0; }

Status Validate(const QGemmArgs& args) {
  if (!IsFloat(args.a_kind)) {
    const size_t count = args.a_scales != nullptr ? args.batch * args.m : 1;
    for (size_t i = 0; i < count; ++i) {
      const float scale = args.a_scales != nullptr ? args.a_scales[i] : args.a_scale;
      if (!ValidScale(scale)) return {Code::kValue, "Expected finite scales above 0 for a but received " + std::to_string(scale)};
    }
  }
  if (Is8Bit(args.c_kind)) {
    const int32_t low = args.c_kind == QGemmC::kS8 ? -128 : 0;
    if (!ValidScale(args.c_scale))
      return {Code::kValue, "Expected a finite output scale above 0 but received " + std::to_string(args.c_scale)};
    if (args.c_zero < low || args.c_zero > low + 255) {
      return {Code::kValue, "Expected an output zero point from " + std::to_string(low) + " to " + std::to_string(low + 255) +
                                " but received " + std::to_string(args.c_zero)};
    }
  }
  if (Status status = CheckEpilogue(args.activation, args.residual); !status.ok()) return status;
  if (args.c_kind == QGemmC::kInt32 && (HasResidual(args) || !IsClamp(args)))
    return {Code::kValue, "Expected no residual and no activation with int32 output, which has no real values"};
  const bool float_bias_misplaced = args.bias_f32 != nullptr && args.c_kind == QGemmC::kInt32;
  const bool int_bias_misplaced = args.bias_s32 != nullptr && (args.c_kind == QGemmC::kFloat32 || IsFloat(args.a_kind));
  const bool raw_sum_of_dynamic = args.c_kind == QGemmC::kInt32 && IsFloat(args.a_kind);
  if (float_bias_misplaced || int_bias_misplaced || raw_sum_of_dynamic) {
    return {Code::kValue,
            "Expected int32 output and bias only with quantized activations, float32 bias with float32 or 8-bit output"};
  }
  return CheckDepth(args);
}

// 8-bit A with its parameters, as the blocks below see it.
struct Activations {
  const uint8_t* data;
  bool is_signed;
  size_t lda, batch_stride;
  float scale;           // unless per row
  int32_t zero;          // of the packed values, unless per row
  const float* scales;   // [batch * m], or null
  const int32_t* zeros;  // [batch * m], of the packed values, or null
};

// What one call computes once and keeps in scratch.
struct CallScratch {
  size_t col_add, scale, bias, a_data, a_scales, a_zeros, bytes;

  explicit CallScratch(const QGemmArgs& args) {
    const size_t rows = args.batch * args.m, columns = args.b->n_padded;
    BufferLayout layout;
    col_add = layout.Add(columns * sizeof(int32_t));
    scale = layout.Add(columns * sizeof(float));
    bias = layout.Add(columns * sizeof(float));
    a_data = layout.Add(IsFloat(args.a_kind) ? rows * args.b->k : 0);
    a_scales = layout.Add(args.a_kind == QGemmA::kFloat32PerRow ? rows * sizeof(float) : 0);
    a_zeros = layout.Add(IsPerRow(args) ? rows * sizeof(int32_t) : 0);
    bytes = layout.size();
  }
};

// Quantizes float32 A to u8 (ONNX DynamicQuantizeLinear, for the tensor or row by row).
void QuantizeActivations(const QGemmArgs& args, uint8_t* to, float* scales, int32_t* zeros, Activations* a) {
  const float* from = static_cast<const float*>(args.a);
  const size_t k = args.b->k, rows = args.batch * args.m;
  const auto row_of = [&](size_t row) { return from + (row / args.m) * args.batch_stride_a + (row % args.m) * args.lda; };
  const bool per_row = args.a_kind == QGemmA::kFloat32PerRow;
  QuantParams shared{};
  if (!per_row) {
    Range range;
    for (size_t row = 0; row < rows; ++row) range = Union(range, FiniteRange(row_of(row), k));
    shared = ParamsFromRange(range, /*symmetric=*/false, /*is_signed=*/false);
    a->scale = shared.scale;
    a->zero = shared.zero;
  }
  constexpr size_t kRowsPerTask = 16;
  const size_t threads = rows * k < kParallelWork / 16 ? 1 : args.threads;
  ParallelFor(DivUp(rows, kRowsPerTask), threads, [&](size_t task) {
    for (size_t row = task * kRowsPerTask; row < std::min(rows, (task + 1) * kRowsPerTask); ++row) {
      const QuantParams params = per_row ? ParamsFromRange(FiniteRange(row_of(row), k), false, false) : shared;
      if (per_row) {
        scales[row] = params.scale;
        zeros[row] = params.zero;
      }
      QuantizeRun(row_of(row), k, params, /*is_signed=*/false, to + row * k);
    }
  });
  a->data = to;
  a->is_signed = false;
  a->lda = k;
  a->batch_stride = args.m * k;
  a->scales = per_row ? scales : nullptr;
}

// The rounded value of bound x in the output's units, before the zero point: where clamping x lands.
float QuantizedBound(float x, float scale, float low, float high) {
  const float q = std::nearbyintf(x / scale);
  return std::min(std::max(q, low), high);
}

IntStore MakeStore(const QGemmArgs& args, const Activations& a, const CallScratch& at, uint8_t* scratch) {
  const QGemmPackedB& b = *args.b;
  IntStore e{};
  int32_t* col_add = reinterpret_cast<int32_t*>(scratch + at.col_add);
  float* scale = reinterpret_cast<float*>(scratch + at.scale);
  float* bias = reinterpret_cast<float*>(scratch + at.bias);
  const bool per_row = a.scales != nullptr;
  const bool requantize = Requantizes(args);
  for (size_t n = 0; n < b.n_padded; ++n) {
    uint32_t add = per_row ? 0u : 0u - static_cast<uint32_t>(a.zero) * static_cast<uint32_t>(b.corr[n]);
    if (args.bias_s32 != nullptr && n < b.n) add += static_cast<uint32_t>(args.bias_s32[n]);
    col_add[n] = static_cast<int32_t>(add);
    scale[n] = per_row ? b.scale[n] : a.scale * b.scale[n];
    if (!per_row && requantize) scale[n] /= args.c_scale;
    if (args.bias_f32 != nullptr) bias[n] = n < b.n ? args.bias_f32[n] : 0.0f;
  }
  e.col_add = col_add;
  e.scale = scale;
  e.bias = args.bias_f32 != nullptr ? bias : nullptr;
  e.b_zero = b.zero;
  e.b_corr = b.corr;
  e.a_zero = a.zeros;
  e.a_scale = a.scales;
  e.activation = args.activation;
  e.residual = args.residual;
  e.ldc = args.ldc;
  e.c_signed = args.c_kind == QGemmC::kS8;
  if (args.c_kind == QGemmC::kInt32) {
    e.mode = IntStoreMode::kInt32;
  } else if (args.c_kind == QGemmC::kFloat32) {
    e.mode = IntStoreMode::kFloat32;
  } else {
    e.mode = requantize ? IntStoreMode::kRequantize : IntStoreMode::kQuantize;
    const float low = (e.c_signed ? -128.0f : 0.0f) - static_cast<float>(args.c_zero);
    e.c_low = requantize ? QuantizedBound(args.activation.min, args.c_scale, low, low + 255.0f) : low;
    e.c_high = requantize ? QuantizedBound(args.activation.max, args.c_scale, low, low + 255.0f) : low + 255.0f;
    e.c_scale = args.c_scale;
    e.c_zero = args.c_zero;
  }
  return e;
}

size_t ElementSize(QGemmC kind) { return Is8Bit(kind) ? 1 : 4; }

struct Blocking {
  size_t mc, nc, k_blocks, packed_row_bytes;
  size_t packed_bytes, acc_bytes, sums_bytes;

  Blocking(const QGemmKernel& kernel, size_t m, size_t k) {
    k_blocks = std::max<size_t>(DivUp(k, kernel.kc), 1);
    packed_row_bytes = QGemmRowStride(kernel.kc, kernel.a_bytes);
    const size_t l2 = Cpu().l2 != 0 ? Cpu().l2 : size_t{256} << 10;
    mc = RoundUp(std::clamp<size_t>(l2 / 4 / packed_row_bytes, 4 * kernel.mr, kMaxRowsPerBlock), kernel.mr);
    mc = EvenBlock(m, mc, kernel.mr);
    nc = kernel.nr;
    if (k_blocks > 1 && !IsSkinny(mc, kernel.mr)) nc *= std::max<size_t>(kWaitingBytes / (mc * sizeof(int32_t)) / kernel.nr, 1);
    packed_bytes = RoundUp(k_blocks * mc * packed_row_bytes, kCacheLine);
    acc_bytes = mc * nc * sizeof(int32_t);
    sums_bytes = RoundUp(mc * sizeof(int32_t), kCacheLine);
  }
  size_t bytes() const { return packed_bytes + acc_bytes + sums_bytes; }
};

struct Problem {
  const QGemmArgs& args;
  const QGemmKernel& kernel;
  const Activations& a;
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
      Prefetch prefetch(next, depth * kernel.nr, DivUp(rows, kernel.mr));
      int32_t* column = acc + (jr - n_begin) * p.blocking.mc;
      for (size_t ir = 0, tile_rows; ir < rows; ir += tile_rows) {
        tile_rows = TileRows(rows - ir, kernel.mr);
        int32_t* tile = column + ir * kernel.nr;
        if (prefetching) prefetch.Advance();
        kernel.ukernels[tile_rows - 1](depth / kernel.kr, slab + ir * p.blocking.packed_row_bytes, panel_at(jr, k0), tile,
                                       pc > 0);
        if (last) kernel.store(store, tile, m0 + ir, jr, tile_rows, std::min<size_t>(kernel.nr, b.n - jr));
      }
    }
  }
}

// False where there is no memory.
bool ComputePiece(const Problem& p, size_t batch, const Piece& piece) {
  const QGemmKernel& kernel = p.kernel;
  const QGemmPackedB& b = *p.args.b;
  uint8_t* scratch = Scratch(ScratchSlot::kTask, p.blocking.bytes());
  if (scratch == nullptr) return false;
  int32_t* acc = reinterpret_cast<int32_t*>(scratch + p.blocking.packed_bytes);
  int32_t* sums = reinterpret_cast<int32_t*>(scratch + p.blocking.packed_bytes + p.blocking.acc_bytes);
  const uint8_t* a = p.a.data + batch * p.a.batch_stride;
  const QGemmPackAFn pack = p.a.is_signed ? kernel.pack_a_s8 : kernel.pack_a_u8;

  for (size_t ic = piece.m_begin; ic < piece.m_end; ic += p.blocking.mc) {
    const size_t rows = std::min(p.blocking.mc, piece.m_end - ic);
    std::fill_n(sums, rows, 0);
    for (size_t pc = 0; pc < p.blocking.k_blocks; ++pc) {
      const size_t k0 = pc * kernel.kc;
      pack(rows, std::min<size_t>(kernel.kc, b.k - k0), a + ic * p.a.lda + k0, p.a.lda,
           scratch + pc * p.blocking.mc * p.blocking.packed_row_bytes, sums);
    }
    IntStore store = p.store;
    // Row arrays are indexed by the row of C; sums start at ic.
    store.row_sum = b.has_zero ? sums - ic : nullptr;
    if (store.a_zero != nullptr) store.a_zero += batch * p.args.m;
    if (store.a_scale != nullptr) store.a_scale += batch * p.args.m;
    store.residual = SkipRows(store.residual, batch * p.args.m);
    store.c = static_cast<uint8_t*>(p.args.c) + batch * p.args.batch_stride_c * ElementSize(p.args.c_kind);
    for (size_t jc = piece.n_begin; jc < piece.n_end; jc += p.blocking.nc) {
      if (IsSet(p.args.stop)) return true;
      ComputeColumns(p, store, scratch, acc, ic, rows, jc, std::min(piece.n_end, jc + p.blocking.nc));
    }
  }
  return true;
}

}  // namespace

Status QGemm(const QGemmArgs& args) {
  if (Status status = Validate(args); !status.ok()) return status;
  const QGemmPackedB& b = *args.b;
  if (args.batch == 0 || args.m == 0 || b.n == 0) return {};
  const QGemmKernel& kernel = *b.entry->kernel;

  const CallScratch at(args);
  uint8_t* scratch = Scratch(ScratchSlot::kCall, at.bytes);
  if (scratch == nullptr)
    return {Code::kNoMemory, "Expected " + std::to_string(at.bytes) + " bytes of scratch memory but the system gave none"};

  Activations a{};
  int32_t* a_zeros = reinterpret_cast<int32_t*>(scratch + at.a_zeros);
  if (IsFloat(args.a_kind)) {
    QuantizeActivations(args, scratch + at.a_data, reinterpret_cast<float*>(scratch + at.a_scales), a_zeros, &a);
  } else {
    a = {static_cast<const uint8_t*>(args.a),
         args.a_kind == QGemmA::kS8,
         args.lda,
         args.batch_stride_a,
         args.a_scale,
         args.a_zero,
         args.a_scales,
         nullptr};
    if (args.a_zeros != nullptr) std::copy_n(args.a_zeros, args.batch * args.m, a_zeros);
  }
  const int32_t offset = a.is_signed ? kernel.a_offset_s8 : kernel.a_offset_u8;
  a.zero += offset;
  if (IsPerRow(args)) {
    for (size_t row = 0; row < args.batch * args.m; ++row) a_zeros[row] += offset;
    a.zeros = a_zeros;
  }

  const IntStore store = MakeStore(args, a, at, scratch);
  const size_t work = args.batch * args.m * b.n * std::max<size_t>(b.k, 1);
  const size_t threads = work < kParallelWork ? 1 : args.threads;
  const Blocking blocking(kernel, args.m, b.k);
  const Partition partition(args.m, b.n, kernel.mr, kernel.nr, blocking.mc, threads);
  const Problem problem{args, kernel, a, store, blocking};
  std::atomic<bool> out_of_memory{false};
  ParallelFor(args.batch * partition.pieces(), threads, [&](size_t task) {
    if (!ComputePiece(problem, task / partition.pieces(), partition[task % partition.pieces()])) out_of_memory = true;
  });
  TrimScratch();
  if (out_of_memory)
    return {Code::kNoMemory,
            "Expected " + std::to_string(blocking.bytes()) + " bytes of scratch memory but the system gave none"};
  if (IsSet(args.stop)) return {Code::kAborted, "The call was cancelled"};
  return {};
}

}  // namespace lowp
