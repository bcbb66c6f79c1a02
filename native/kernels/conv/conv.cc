// Checks a call and sends it on: depthwise to kernels of its own, anything else to the matrix products, image by image where the
// layout has to be changed.
#include "kernels/conv/conv.h"

#include <algorithm>
#include <string>

#include "core/scratch.h"
#include "kernels/conv/conv_check.h"
#include "kernels/conv/conv_depthwise.h"
#include "kernels/conv/conv_layout.h"
#include "kernels/conv/conv_rows.h"

namespace lowp {
namespace {

bool IsEmpty(const ConvShape& s) { return s.batch == 0 || s.out_channels == 0 || s.out_pixels() == 0; }

// What one image needs to be turned round, in scratch.
struct Turned {
  size_t x, y, residual, bytes;

  Turned(const ConvShape& s, size_t x_size, size_t y_size, size_t residual_size) {
    BufferLayout layout;
    x = layout.Add(s.pixels() * s.channels * x_size);
    y = layout.Add(s.out_pixels() * s.out_channels * y_size);
    residual = layout.Add(s.out_pixels() * s.out_channels * residual_size);
    bytes = layout.size();
  }
};

// Both layouts are the same where there is one pixel, or one channel.
bool NeedsTurning(const ConvShape& s, bool nhwc) {
  const bool x = s.channels > 1 && s.pixels() > 1, y = s.out_channels > 1 && s.out_pixels() > 1;
  return !nhwc && (x || y);
}

Status NoScratch(size_t bytes) {
  return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes of scratch memory but the system gave none"};
}

// Images whose channels are innermost.
Status ConvPixels(const ConvArgs& args, const ConvShape& s, const float* x, const float* residual, float* y) {
  for (size_t g = 0; g < s.groups; ++g) {
    const ConvRows<float> rows(s, x, g, 0.0f);
    SGemmArgs product;
    product.batch = s.batch;
    product.m = s.out_pixels();
    product.a = x;
    product.lda = s.channels;
    product.batch_stride_a = s.pixels() * s.channels;
    if (!(s.is_pointwise() && s.groups == 1)) product.rows = &rows;
    product.b = &args.weights->groups[g];
    const size_t first = g * s.group_outputs();
    product.c = y + first;
    product.ldc = s.out_channels;
    product.batch_stride_c = s.out_pixels() * s.out_channels;
    product.bias = args.bias != nullptr ? args.bias + first : nullptr;
    product.activation = args.activation;
    if (residual != nullptr) product.residual = {ResidualKind::kFloat32, residual + first, s.out_channels, 1, 0};
    product.threads = args.threads;
    product.stop = args.stop;
    if (Status status = SGemm(product); !status.ok()) return status;
  }
  return {};
}

Status WinogradPixels(const ConvArgs& args, const ConvShape& s, const float* x, const float* residual, float* y) {
  WinogradArgs tiles;
  tiles.weights = &args.weights->winograd;
  tiles.batch = s.batch;
  tiles.height = s.height;
  tiles.width = s.width;
  tiles.out_h = s.out_h;
  tiles.out_w = s.out_w;
  tiles.pad_top = s.pad_top;
  tiles.pad_left = s.pad_left;
  tiles.x = x;
  tiles.y = y;
  tiles.bias = args.bias;
  tiles.activation = args.activation;
  tiles.residual = residual;
  tiles.threads = args.threads;
  tiles.stop = args.stop;
  return Winograd(tiles);
}

Status QConvPixels(const QConvArgs& args, const ConvShape& s, const uint8_t* x, const void* residual, uint8_t* y) {
  const IntOutput& o = args.output;
  for (size_t g = 0; g < s.groups; ++g) {
    // Pixels outside of the image are the zero point.
    const ConvRows<uint8_t> rows(s, x, g, static_cast<uint8_t>(args.x_zero));
    QGemmArgs product;
    product.batch = s.batch;
    product.m = s.out_pixels();
    product.a_kind = args.x_signed ? QGemmA::kS8 : QGemmA::kU8;
    product.a = x;
    product.lda = s.channels;
    product.batch_stride_a = s.pixels() * s.channels;
    if (!(s.is_pointwise() && s.groups == 1)) product.rows = &rows;
    product.a_scale = args.x_scale;
    product.a_zero = args.x_zero;
    product.b = &args.weights->groups[g];
    const size_t first = g * s.group_outputs();
    product.output = o;
    product.output.bias_s32 = o.bias_s32 != nullptr ? o.bias_s32 + first : nullptr;
    product.output.bias_f32 = o.bias_f32 != nullptr ? o.bias_f32 + first : nullptr;
    if (o.residual.kind != ResidualKind::kNone) {
      product.output.residual.data = static_cast<const uint8_t*>(residual) + first * SizeOf(o.residual.kind);
      product.output.residual.ld = s.out_channels;
    }
    product.c = y + first * SizeOf(o.kind);
    product.ldc = s.out_channels;
    product.batch_stride_c = s.out_pixels() * s.out_channels;
    product.threads = args.threads;
    product.stop = args.stop;
    if (Status status = QGemm(product); !status.ok()) return status;
  }
  return {};
}

// [channels][pixels] of `size` bytes an element to [pixels][channels], or with rows and columns exchanged back.
void Turn(const ConvKernel& kernel, size_t rows, size_t cols, size_t size, const void* from, void* to, size_t threads) {
  if (size == 1)
    TransposeImage(kernel, rows, cols, static_cast<const uint8_t*>(from), static_cast<uint8_t*>(to), threads);
  else
    TransposeImage(kernel, rows, cols, static_cast<const float*>(from), static_cast<float*>(to), threads);
}

// Calls run(x, residual, y) for each image, its channels turned innermost and its result back.
template <class RunImage>
Status TurnImages(const ConvShape& s, const ConvKernel& kernel, size_t threads, const void* x, size_t x_size,
                  const void* residual, size_t residual_size, void* y, size_t y_size, RunImage&& run) {
  const Turned at(s, x_size, y_size, residual_size);
  uint8_t* scratch = Scratch(ScratchSlot::kImage, at.bytes);
  if (scratch == nullptr) return NoScratch(at.bytes);
  const size_t x_count = s.pixels() * s.channels, y_count = s.out_pixels() * s.out_channels;
  for (size_t image = 0; image < s.batch; ++image) {
    const uint8_t* from = static_cast<const uint8_t*>(x) + image * x_count * x_size;
    uint8_t* to = static_cast<uint8_t*>(y) + image * y_count * y_size;
    Turn(kernel, s.channels, s.pixels(), x_size, from, scratch + at.x, threads);
    if (residual_size != 0) {
      const uint8_t* added = static_cast<const uint8_t*>(residual) + image * y_count * residual_size;
      Turn(kernel, s.out_channels, s.out_pixels(), residual_size, added, scratch + at.residual, threads);
    }
    if (Status status = run(scratch + at.x, scratch + at.residual, scratch + at.y); !status.ok()) return status;
    Turn(kernel, s.out_pixels(), s.out_channels, y_size, scratch + at.y, to, threads);
  }
  TrimScratch(ScratchSlot::kImage);
  return {};
}

int64_t BiasMagnitude(const QConvArgs& args) {
  int64_t bias = 0;
  if (args.output.bias_s32 != nullptr) {
    for (size_t c = 0; c < args.shape.out_channels; ++c) bias = std::max(bias, std::abs(int64_t{args.output.bias_s32[c]}));
  }
  return bias;
}

}  // namespace

Status Conv(const ConvArgs& args) {
  const ConvShape& s = args.shape;
  if (Status status = CheckConvShape(s, args.weights->shape); !status.ok()) return status;
  if (Status status = CheckEpilogue(args.activation, {}); !status.ok()) return status;
  if (IsEmpty(s)) return {};
  const bool winograd = args.weights->winograd.tile != 0;
  if (winograd && s.stride_h * s.stride_w * s.dilation_h * s.dilation_w != 1)
    return {Code::kValue, "Expected strides and dilations of 1 of weights packed for Winograd"};
  if (!winograd && args.weights->shape.is_depthwise()) return DepthwiseConv(args);
  const auto run = winograd ? WinogradPixels : ConvPixels;
  if (!NeedsTurning(s, args.nhwc)) return run(args, s, args.x, args.residual, args.y);
  ConvShape one = s;
  one.batch = 1;
  return TurnImages(s, *args.weights->entry->kernel, args.threads, args.x, sizeof(float), args.residual,
                    args.residual != nullptr ? sizeof(float) : 0, args.y, sizeof(float),
                    [&](const uint8_t* x, const uint8_t* residual, uint8_t* y) {
                      const float* added = args.residual != nullptr ? reinterpret_cast<const float*>(residual) : nullptr;
                      return run(args, one, reinterpret_cast<const float*>(x), added, reinterpret_cast<float*>(y));
                    });
}

Status QConv(const QConvArgs& args) {
  const ConvShape& s = args.shape;
  if (Status status = CheckConvShape(s, args.weights->shape); !status.ok()) return status;
  if (Status status = CheckIntOutput(args.output, /*dynamic=*/false); !status.ok()) return status;
  if (Status status = CheckConvInput(args.x_signed, args.x_scale, args.x_zero); !status.ok()) return status;
  // The matrix product asks the same of dense ones.
  if (s.is_depthwise()) {
    const int64_t magnitude = ConvMagnitude(args.x_signed, args.x_zero);
    if (Status status = CheckConvTaps(s, magnitude, args.weights->max_magnitude, BiasMagnitude(args)); !status.ok())
      return status;
  }
  if (IsEmpty(s)) return {};
  if (args.weights->shape.is_depthwise()) return DepthwiseQConv(args);
  const uint8_t* x = static_cast<const uint8_t*>(args.x);
  if (!NeedsTurning(s, args.nhwc)) return QConvPixels(args, s, x, args.output.residual.data, static_cast<uint8_t*>(args.y));
  ConvShape one = s;
  one.batch = 1;
  const Residual& residual = args.output.residual;
  return TurnImages(
      s, *args.weights->entry->kernel, args.threads, x, 1, residual.data, SizeOf(residual.kind), args.y, SizeOf(args.output.kind),
      [&](const uint8_t* image, const uint8_t* added, uint8_t* y) { return QConvPixels(args, one, image, added, y); });
}

}  // namespace lowp
