// What one int8 product takes, in the order in which it is queued:
//
//   float32 A        quantized to u8, into scratch
//   8-bit A          copied into scratch where its rows do not begin on boundaries of 16 bytes or K is no multiple of 16
//   row sums         where weights have zero points
//   the product      on the kernel that ChooseQGemm names
//   the epilogue     of its own only where K is split over blocks
#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "cuda/qgemm/qgemm.h"
#include "cuda/qgemm/qgemm_kernels.h"
#include "cuda/qgemm/qgemm_layout.h"
#include "cuda/quantize/quantize.h"
#include "cuda/runtime/context.h"

namespace lowp {
namespace {

bool IsFloatA(QGemmA kind) { return kind == QGemmA::kFloat32PerTensor || kind == QGemmA::kFloat32PerRow; }

Status Check(const CudaQGemmArgs& args) {
  const bool dynamic = IsFloatA(args.a_kind);
  if (!dynamic && (args.a_scales == nullptr) != (args.a_zeros == nullptr))
    return {Code::kValue, "Expected scales and zero points of rows of a together but received one of them"};
  const bool seen = !dynamic && args.a_scales == nullptr;
  int64_t a_magnitude = seen ? 0 : 255;
  Status status;
  if (seen) {
    status = CheckQGemmScales(&args.a_scale, 1);
    if (status.ok()) status = CheckQGemmZeros(&args.a_zero, 1, args.a_kind == QGemmA::kS8, &a_magnitude);
  }
  if (status.ok()) status = CheckIntOutput(args.output, dynamic);
  if (status.ok()) {
    const int64_t bias_magnitude = args.output.bias_s32 != nullptr ? args.bias_magnitude : 0;
    status = CheckQGemmDepth(args.weights->k, a_magnitude, args.weights->max_magnitude, bias_magnitude);
  }
  if (!status.ok()) return status;
  if (args.m > INT32_MAX || args.batch > INT32_MAX || args.batch * args.m > INT32_MAX) {
    return {Code::kUnsupported, "Expected fewer than 2^31 rows on a CUDA device but received " + std::to_string(args.batch) +
                                    " times " + std::to_string(args.m)};
  }
  return {};
}

// 8-bit A as the kernels want it, and what belongs to its rows.
struct Activations {
  const uint8_t* data = nullptr;
  MatrixRows rows;
  bool is_signed = false;
  const float* scales = nullptr;   // of each row, or of all of them where one_scale
  const int32_t* zeros = nullptr;  // likewise
  bool one_scale = false;
  const int32_t* sums = nullptr;
  CudaScratch bytes, parameters, row_sums;
};

Status ReadActivations(CudaContext& context, const CudaQGemmArgs& args, uint32_t rows, Activations* a) {
  const uint64_t k = args.weights->k, pitch = CeilTo<uint64_t>(k, kQGemmChunk);
  a->is_signed = args.a_kind == QGemmA::kS8;
  a->scales = args.a_scales;
  a->zeros = args.a_zeros;
  Status status;
  if (IsFloatA(args.a_kind)) {
    const bool per_row = args.a_kind == QGemmA::kFloat32PerRow;
    const size_t count = per_row ? rows : 1;
    status = a->bytes.Take(context, std::max<uint64_t>(rows * pitch, 1));
    if (status.ok()) status = a->parameters.Take(context, count * (sizeof(float) + sizeof(int32_t)));
    if (!status.ok()) return status;
    float* scales = a->parameters.As<float>();
    int32_t* zeros = reinterpret_cast<int32_t*>(scales + count);
    status = QuantizeDynamically(context,
                                 {static_cast<const float*>(args.a), args.batch, args.m, k, args.lda, args.batch_stride_a,
                                  per_row, a->bytes.As<uint8_t>(), scales, zeros},
                                 pitch);
    a->data = a->bytes.As<uint8_t>();
    a->rows = MatrixRows(pitch);
    a->scales = scales;
    a->zeros = zeros;
    a->one_scale = !per_row;
  } else {
    a->data = static_cast<const uint8_t*>(args.a);
    a->rows = MatrixRows(args.batch, args.m, args.lda, args.batch_stride_a);
  }
  const bool strides_fit =
      rows == 1 || (a->rows.ld % kQGemmChunk == 0 && (a->rows.even || a->rows.batch_stride % kQGemmChunk == 0));
  const bool fits = IsFloatA(args.a_kind) || k == 0 ||
                    (k % kQGemmChunk == 0 && strides_fit && reinterpret_cast<uintptr_t>(a->data) % kQGemmChunk == 0);
  if (!status.ok() || (fits && !args.weights->has_zero)) return status;
  QGemmRowsArgs prepare{a->data, a->rows, rows, static_cast<uint32_t>(k), a->is_signed, nullptr, pitch, nullptr};
  if (!fits) {
    status = a->bytes.Take(context, rows * pitch);
    prepare.copy = a->bytes.As<uint8_t>();
    a->data = prepare.copy;
    a->rows = MatrixRows(pitch);
  }
  if (args.weights->has_zero && status.ok()) {
    status = a->row_sums.Take(context, rows * sizeof(int32_t));
    prepare.sums = a->row_sums.As<int32_t>();
    a->sums = prepare.sums;
  }
  return status.ok() ? PrepareQGemmRows(context, prepare) : status;
}

QGemmStore MakeStore(const CudaQGemmArgs& args, const QGemmLayout& layout, const Activations& a) {
  const uint8_t* storage = static_cast<const uint8_t*>(args.weights->storage);
  QGemmStore store{};
  SetOutput(args.output, &store.e);
  store.e.bias = args.output.bias_f32;
  store.e.row_sum = a.sums;
  store.e.c = args.c;
  store.rows = MatrixRows(args.batch, args.m, args.ldc, args.batch_stride_c);
  store.b_scale = reinterpret_cast<const float*>(storage + layout.scale_at);
  store.b_zero = reinterpret_cast<const int32_t*>(storage + layout.zero_at);
  store.b_corr = reinterpret_cast<const int32_t*>(storage + layout.corr_at);
  store.bias = args.output.bias_s32;
  store.a_scale = args.a_scale;
  store.a_zero = args.a_zero;
  if (a.one_scale) {
    store.a_scale_at = a.scales;
    store.a_zero_at = a.zeros;
  } else {
    store.e.a_scale = a.scales;
    store.e.a_zero = a.zeros;
  }
  store.plain = IsPlain(store);
  return store;
}

// The sums alone, int32 [rows][ld].
QGemmStore SumsOf(const QGemmStore& store, int32_t* sums, size_t ld) {
  QGemmStore part{};
  part.e.mode = IntStoreMode::kInt32;
  part.e.c = sums;
  part.rows = MatrixRows(ld);
  part.b_scale = store.b_scale;
  part.b_zero = store.b_zero;
  part.b_corr = store.b_corr;
  part.plain = IsPlain(part);
  return part;
}

}  // namespace

QGemmPlan ChooseQGemm(const CudaDevice& device, uint32_t rows, uint32_t n, uint32_t k) {
  const auto plan = [&](const char* name, auto run, const QGemmShape& shape) {
    return QGemmPlan{name, run, CeilDiv(rows, shape.rows), CeilDiv(n, shape.columns), 1, CeilDiv(k, shape.step)};
  };
  const auto tiles = [](const QGemmPlan& p) { return uint64_t{p.tiles_m} * p.tiles_n; };
  const uint32_t multiprocessors = static_cast<uint32_t>(device.multiprocessors);
  if (device.capability < 80) return plan("qgemm_dp4a", RunQGemmDp4a, kQGemmDp4a);
  // Bound by memory, where a tile of 64 rows would be mostly empty.
  if (rows <= kQGemmSkinny.rows) return plan("qgemm_skinny", RunQGemmSkinny, kQGemmSkinny);
  // wgmma is an instruction of 9.0 alone, and a block has a multiprocessor to itself: tiles in fewer rounds of all of them win,
  // the larger one at 1.6 times the time of the smaller (see qgemm_wgmma.cu). Where even the smaller leaves half of them idle,
  // the tiles of mma.sync are enough.
  if (device.capability == 90) {
    const QGemmPlan large = plan("qgemm_wgmma_128x256", RunQGemmWgmma256, kQGemmWgmma256);
    const QGemmPlan small = plan("qgemm_wgmma_128x128", RunQGemmWgmma128, kQGemmWgmma128);
    const auto rounds = [&](const QGemmPlan& p) { return CeilDiv<uint64_t>(tiles(p), multiprocessors); };
    if (2 * tiles(small) >= multiprocessors) return 8 * rounds(large) <= 5 * rounds(small) ? large : small;
  }
  const QGemmPlan large = plan("qgemm_mma_128x128", RunQGemmMma128, kQGemmMma128);
  if (tiles(large) >= multiprocessors) return large;
  QGemmPlan small = plan("qgemm_mma_64x64", RunQGemmMma64, kQGemmMma64);
  // K over several blocks up to two for each multiprocessor, if 2048 of it remain for each: the sums' way through memory and
  // another launch take some 3 us, as long as that.
  constexpr uint32_t kLeastSteps = 2048 / kQGemmMma64.step;
  const uint32_t steps = small.steps_of_split;
  const uint64_t wanted = std::min<uint64_t>(2 * multiprocessors / tiles(small), steps / kLeastSteps);
  if (wanted > 1) {
    small.steps_of_split = CeilDiv(steps, static_cast<uint32_t>(wanted));
    small.splits = CeilDiv(steps, small.steps_of_split);
  }
  return small;
}

Status RunQGemm(CudaContext& context, const CudaQGemmArgs& args) {
  Status status = Check(args);
  const uint32_t rows = static_cast<uint32_t>(args.batch * args.m), n = static_cast<uint32_t>(args.weights->n);
  if (!status.ok() || rows == 0 || n == 0) return status;
  const uint32_t k = static_cast<uint32_t>(args.weights->k);
  const QGemmLayout layout(k, n);
  Activations a;
  if (status = ReadActivations(context, args, rows, &a); !status.ok()) return status;

  const QGemmPlan plan = ChooseQGemm(context.device(), rows, n, k);
  if (uint64_t{plan.tiles_m} * plan.tiles_n > INT32_MAX) {
    return {Code::kUnsupported, "Expected at most 2^31 tiles of a product on a CUDA device but received " +
                                    std::to_string(plan.tiles_m) + " times " + std::to_string(plan.tiles_n)};
  }
  QGemmTask task{a.data,
                 a.rows,
                 static_cast<const uint8_t*>(args.weights->storage),
                 rows,
                 n,
                 CeilDiv(k, kQGemmChunk),
                 static_cast<uint32_t>(layout.k_tiles),
                 plan.tiles_m,
                 plan.tiles_n,
                 plan.splits,
                 plan.steps_of_split,
                 0,
                 MakeStore(args, layout, a)};
  if (plan.splits == 1) return plan.run(context, task, a.is_signed);

  CudaScratch sums;
  task.split_stride = rows * layout.n_padded;
  status = sums.Take(context, plan.splits * task.split_stride * sizeof(int32_t));
  if (!status.ok()) return status;
  QGemmTask parts = task;
  parts.store = SumsOf(task.store, sums.As<int32_t>(), layout.n_padded);
  status = plan.run(context, parts, a.is_signed);
  return status.ok() ? FinishQGemmSplits(context, task, sums.As<int32_t>(), layout.n_padded) : status;
}

namespace {

int32_t Pack(CudaContext* context, const CudaQGemmPackArgs* args, CudaQGemmWeights* weights, CudaError* error) {
  return Guarded(error, [&] { return PackQGemmWeights(*context, *args, weights); });
}

int32_t Run(CudaContext* context, const CudaQGemmArgs* args, CudaError* error) {
  return Guarded(error, [&] { return RunQGemm(*context, *args); });
}

const char* Kernel(CudaContext* context, const CudaQGemmArgs* args) {
  const uint64_t rows = args->batch * args->m;
  if (rows == 0 || args->weights->n == 0) return nullptr;
  return ChooseQGemm(context->device(), static_cast<uint32_t>(rows), static_cast<uint32_t>(args->weights->n),
                     static_cast<uint32_t>(args->weights->k))
      .name;
}

}  // namespace

CudaQGemmApi CudaQGemmFunctions() { return {Pack, Run, Kernel}; }

}  // namespace lowp
