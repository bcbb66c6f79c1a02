// Checks a call, brings the image into the order that the kernels want, and chooses the kernel.
#include <algorithm>
#include <string>

#include "core/aligned_buffer.h"
#include "cuda/conv/conv_layout.h"
#include "cuda/conv/conv_pack.h"
#include "cuda/conv/conv_task.h"
#include "cuda/device/transpose.h"
#include "kernels/conv/conv_check.h"
#include "kernels/qgemm/qgemm.h"

namespace lowp {
namespace {

constexpr size_t kMostPixels = (size_t{1} << 31) - 1;  // of a launch, and results of a depthwise one

bool IsAligned(const void* p, size_t bytes) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; }
bool IsEmpty(const ConvShape& s) { return s.batch == 0 || s.out_channels == 0 || s.out_pixels() == 0; }

// One of the two kinds of call.
struct Call {
  const CudaConvWeights& weights;
  ConvShape shape;
  bool nhwc;
  const void* x;
  size_t x_size, y_size, residual_size;
  void* y;
  uint32_t pad, flip;
  bool x_signed;
  ConvStore store;
};

template <class T>
const T* At(const CudaConvWeights& w, uint64_t offset) {
  return reinterpret_cast<const T*>(static_cast<const uint8_t*>(w.storage) + offset);
}

// Coordinates are of 31 bits.
Status CheckReach(const ConvShape& s) {
  constexpr size_t kMaxSize = size_t{1} << 30;
  const auto small = [](std::initializer_list<size_t> sizes) { return std::max(sizes) < kMaxSize; };
  const bool fits = small({s.height, s.width, s.out_h, s.out_w, s.kernel_h, s.kernel_w, s.stride_h, s.stride_w, s.dilation_h,
                           s.dilation_w, s.pad_top, s.pad_left, s.channels, s.out_channels}) &&
                    small({s.out_h * s.stride_h, s.out_w * s.stride_w, s.kernel_h * s.dilation_h, s.kernel_w * s.dilation_w});
  const size_t results = s.out_pixels() * (s.is_depthwise() ? s.channels : 1);
  if (fits && results <= kMostPixels) return {};
  return {Code::kUnsupported, "Expected an image, strides and dilations that reach less than 2^30 pixels on the device"};
}

ConvWindow WindowOf(const ConvShape& s) {
  const auto of = [](size_t size) { return static_cast<int32_t>(size); };
  const auto divisor = [](size_t by) { return Divisor(static_cast<uint32_t>(by)); };
  return {of(s.height),
          of(s.width),
          of(s.stride_h),
          of(s.stride_w),
          of(s.dilation_h),
          of(s.dilation_w),
          of(s.pad_top),
          of(s.pad_left),
          static_cast<uint32_t>(s.kernel_w),
          static_cast<uint32_t>(s.taps()),
          divisor(s.out_w),
          divisor(s.out_h),
          divisor(s.kernel_w)};
}

// Calls run(first image, how many) as often as one launch can't take them all.
template <class Run>
Status EachLaunch(const ConvShape& s, size_t per_image, Run&& run) {
  const size_t at_once = std::max<size_t>(kMostPixels / per_image, 1);
  for (size_t first = 0; first < s.batch; first += at_once) {
    if (Status status = run(first, std::min(at_once, s.batch - first)); !status.ok()) return status;
  }
  return {};
}

ConvStore StoreFrom(const Call& call, size_t first_image) {
  ConvStore store = call.store;
  const size_t at = first_image * call.shape.out_pixels() * call.shape.out_channels;
  store.output.c = static_cast<uint8_t*>(call.y) + at * call.y_size;
  Residual& residual = store.output.residual;
  if (residual.kind != ResidualKind::kNone) residual.data = static_cast<const uint8_t*>(residual.data) + at * call.residual_size;
  return store;
}

Status Depthwise(CudaContext& context, const Call& call) {
  const ConvShape& s = call.shape;
  DepthwiseTask task{};
  task.window = WindowOf(s);
  const size_t lanes = 4;
  task.vectors = call.nhwc && s.channels % lanes == 0 && IsAligned(call.x, lanes * call.x_size);
  task.image = s.pixels() * s.channels;
  task.channel = call.nhwc ? 1 : s.pixels();
  task.pixel = call.nhwc ? s.channels : 1;
  task.w = call.weights.storage;
  task.channels = static_cast<uint32_t>(s.channels);
  task.by_channels = Divisor(static_cast<uint32_t>(task.vectors ? s.channels / lanes : s.channels));
  task.pad = call.pad;
  task.flip = call.flip;
  task.has_zero = call.weights.has_zero;
  return EachLaunch(s, s.out_pixels() * s.channels, [&](size_t first, size_t images) {
    task.x = static_cast<const uint8_t*>(call.x) + first * task.image * call.x_size;
    task.outputs = static_cast<uint32_t>(images * s.out_pixels() * s.channels / (task.vectors ? lanes : 1));
    task.store = StoreFrom(call, first);
    return call.weights.is_int8 ? LaunchDepthwiseInt8(context, task) : LaunchDepthwiseFloat(context, task);
  });
}

// Sets where the image is: as the caller has it, or in scratch.
Status Prepare(CudaContext& context, const Call& call, CudaScratch* scratch, ConvTask* task) {
  const ConvShape& s = call.shape;
  const size_t given = s.group_channels(), wanted = ConvPaddedChannels(given, call.weights.is_int8);
  const bool pixels_first = call.nhwc || s.channels == 1 || s.pixels() == 1;
  const size_t group_bytes = wanted * call.x_size;
  task->channel_bytes = static_cast<uint32_t>(group_bytes);
  task->by_channel_bytes = Divisor(task->channel_bytes);
  task->x = static_cast<const uint8_t*>(call.x);
  task->wide = group_bytes % kConvChunkBytes == 0;
  task->group_bytes = group_bytes;
  task->pixel_bytes = s.groups * group_bytes;
  const bool aligned = IsAligned(call.x, task->wide ? kConvChunkBytes : sizeof(uint32_t));
  if (pixels_first && given == wanted && (aligned || !call.weights.is_int8)) {
    task->wide = task->wide && aligned;
  } else {
    if (Status status = scratch->Take(context, s.batch * s.pixels() * s.groups * group_bytes); !status.ok()) return status;
    task->x = scratch->As<uint8_t>();
    Status status;
    if (pixels_first) {
      status =
          PadRows(context, {s.batch * s.pixels() * s.groups, given, call.x_size, call.x, given, scratch->As<void>(), wanted});
    } else {
      TransposeArgs turn;
      turn.batch = s.batch * s.groups;
      turn.rows = given;
      turn.cols = s.pixels();
      turn.size = call.x_size;
      turn.from = call.x;
      turn.ld_from = s.pixels();
      turn.batch_stride_from = given * s.pixels();
      turn.to = scratch->As<void>();
      turn.ld_to = wanted;
      turn.batch_stride_to = wanted * s.pixels();
      turn.rows_padded = wanted;
      status = TransposeMatrices(context, turn);
      task->group_bytes = s.pixels() * group_bytes;
      task->pixel_bytes = group_bytes;
    }
    if (!status.ok()) return status;
  }
  task->image_bytes = s.pixels() * s.groups * group_bytes;
  return {};
}

Status Dense(CudaContext& context, const Call& call) {
  const ConvShape& s = call.shape;
  ConvTask task{};
  CudaScratch image;
  if (Status status = Prepare(context, call, &image, &task); !status.ok()) return status;
  const size_t size = call.weights.is_int8 ? 1 : sizeof(float);
  task.window = WindowOf(s);
  task.pad = call.pad;
  task.flip = call.flip;
  task.w = At<uint8_t>(call.weights, 0);
  task.w_row_bytes = call.weights.depth_padded * size;
  task.steps = static_cast<uint32_t>(task.w_row_bytes / kConvStepBytes);
  task.groups = static_cast<uint32_t>(s.groups);
  task.group_outputs = static_cast<uint32_t>(s.group_outputs());
  const uint8_t* x = task.x;
  return EachLaunch(s, s.out_pixels(), [&](size_t first, size_t images) -> Status {
    task.x = x + first * task.image_bytes;
    task.pixels = static_cast<uint32_t>(images * s.out_pixels());
    task.store = StoreFrom(call, first);
    if (!call.weights.is_int8) return LaunchConvFloat(context, task);
    CudaScratch sums;
    if (call.weights.has_zero) {
      if (Status status = sums.Take(context, s.groups * task.pixels * sizeof(int32_t)); !status.ok()) return status;
      const uint32_t channels = static_cast<uint32_t>(s.group_channels());
      if (Status status = LaunchConvRowSums(context, task, channels, call.x_signed, sums.As<int32_t>()); !status.ok())
        return status;
      task.store.output.row_sum = sums.As<int32_t>();
    }
    return context.device().capability >= 80 ? LaunchConvMma(context, task) : LaunchConvDot(context, task);
  });
}

Status Run(CudaContext& context, Call& call) {
  const ConvShape& s = call.shape;
  call.store.nhwc = call.nhwc;
  call.store.out_channels = static_cast<uint32_t>(s.out_channels);
  call.store.out_pixels = static_cast<uint32_t>(s.out_pixels());
  call.store.by_pixels = Divisor(call.store.out_pixels);
  return call.weights.shape.is_depthwise() ? Depthwise(context, call) : Dense(context, call);
}

Status Conv(CudaContext& context, const CudaConvArgs& args) {
  const CudaConvWeights& w = *args.weights;
  if (w.is_int8) return {Code::kHandle, "Expected packed float32 weights of a convolution"};
  if (Status status = CheckConvShape(args.shape, w.shape); !status.ok()) return status;
  if (Status status = CheckEpilogue(args.activation, {}); !status.ok()) return status;
  if (IsEmpty(args.shape)) return {};
  if (Status status = CheckReach(args.shape); !status.ok()) return status;
  constexpr size_t kSize = sizeof(float);
  Call call{w, args.shape, args.nhwc, args.x, kSize, kSize, kSize, args.y, 0, 0, false, {}};
  call.store.output.activation = args.activation;
  if (args.residual != nullptr) call.store.output.residual = {ResidualKind::kFloat32, args.residual, 0, 1, 0};
  call.store.output.bias = args.bias;
  return Run(context, call);
}

Status CheckDepth(const CudaQConvArgs& args) {
  const CudaConvWeights& w = *args.weights;
  const int64_t magnitude = ConvMagnitude(args.x_signed, args.x_zero);
  const int64_t bias = args.output.bias_s32 != nullptr ? int64_t{args.bias_magnitude} : 0;
  if (w.shape.is_depthwise()) return CheckConvTaps(args.shape, magnitude, w.max_magnitude, bias);
  return CheckQGemmDepth(w.shape.depth(), magnitude, w.max_magnitude, bias);
}

Status QConv(CudaContext& context, const CudaQConvArgs& args) {
  const CudaConvWeights& w = *args.weights;
  if (!w.is_int8) return {Code::kHandle, "Expected packed int8 weights of a convolution"};
  if (Status status = CheckConvShape(args.shape, w.shape); !status.ok()) return status;
  if (Status status = CheckIntOutput(args.output, /*dynamic=*/false); !status.ok()) return status;
  if (Status status = CheckConvInput(args.x_signed, args.x_scale, args.x_zero); !status.ok()) return status;
  if (Status status = CheckDepth(args); !status.ok()) return status;
  if (IsEmpty(args.shape)) return {};
  if (Status status = CheckReach(args.shape); !status.ok()) return status;
  const IntOutput& o = args.output;
  // Multiplications are of s8: u8 has its sign bits turned, which takes 128 away.
  const uint32_t flip = args.x_signed ? 0 : 0x80808080u, pad = static_cast<uint8_t>(args.x_zero) * 0x01010101u;
  Call call{w, args.shape, args.nhwc, args.x, 1, SizeOf(o.kind), SizeOf(o.residual.kind), args.y, pad, flip, args.x_signed, {}};
  ConvStore& store = call.store;
  SetOutput(o, &store.output);
  store.output.residual.ld = 0;
  store.output.bias = o.bias_f32;
  store.bias_s32 = o.bias_s32;
  store.scales = At<float>(w, w.scales_at);
  store.zeros = At<int32_t>(w, w.zeros_at);
  store.sums = At<int32_t>(w, w.sums_at);
  store.x_scale = args.x_scale;
  store.x_zero = args.x_signed ? args.x_zero : args.x_zero - 128;
  return Run(context, call);
}

int32_t PackFloatEntryPoint(CudaContext* context, const ConvWeightShape* shape, const float* w, CudaConvWeights* weights,
                            CudaError* error) {
  return Guarded(error, [&] { return PackConvFloat(*context, *shape, w, weights); });
}

int32_t PackInt8EntryPoint(CudaContext* context, const CudaConvPackQArgs* args, CudaConvWeights* weights, CudaError* error) {
  return Guarded(error, [&] { return PackConvInt8(*context, *args, weights); });
}

int32_t ConvEntryPoint(CudaContext* context, const CudaConvArgs* args, CudaError* error) {
  return Guarded(error, [&] { return Conv(*context, *args); });
}

int32_t QConvEntryPoint(CudaContext* context, const CudaQConvArgs* args, CudaError* error) {
  return Guarded(error, [&] { return QConv(*context, *args); });
}

}  // namespace

CudaConvApi CudaConvFunctions() { return {PackFloatEntryPoint, PackInt8EntryPoint, ConvEntryPoint, QConvEntryPoint}; }

}  // namespace lowp
