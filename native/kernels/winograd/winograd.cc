// Blocks of tiles, each in three parallel steps: tiles into planes, a matrix product for each plane, planes into outputs.
#include "kernels/winograd/winograd.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "core/scratch.h"
#include "core/thread_pool.h"

namespace lowp {
namespace {

// Fewer rows would leave the products too few to share each load of the weights.
constexpr size_t kMinTiles = 48;
constexpr size_t kBlockBytes = size_t{1} << 20;
// Tiles of one task of the first step, and of one row in the last, whose outputs then stay in L1.
constexpr size_t kTaskTiles = 8;

bool IsSet(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(std::memory_order_relaxed); }

struct Geometry {
  size_t tile, alpha, planes, channels, outputs, padded, across, down, tiles;
  size_t block;             // tiles of a block
  size_t v_plane, p_plane;  // floats from plane to plane

  explicit Geometry(const WinogradArgs& args)
      : tile(args.weights->tile),
        alpha(tile + 2),
        planes(alpha * alpha),
        channels(args.weights->channels()),
        outputs(args.weights->outputs()),
        padded(RoundUp(outputs, kWinogradNb)),
        across(DivUp(args.out_w, tile)),
        down(DivUp(args.out_h, tile)),
        tiles(args.batch * down * across) {
    const size_t fitting = kBlockBytes / (planes * (channels + padded) * sizeof(float));
    block = DivUp(tiles, DivUp(tiles, std::max(fitting, kMinTiles)));
    v_plane = PlaneFloats(block * channels);
    p_plane = PlaneFloats(block * padded);
  }
  size_t bytes() const { return planes * (v_plane + p_plane) * sizeof(float); }

 private:
  // An odd number of cache lines: the planes of a tile would otherwise fall into few sets of the cache.
  static size_t PlaneFloats(size_t count) {
    constexpr size_t kLine = kCacheLine / sizeof(float);
    return (DivUp(count, kLine) | 1) * kLine;
  }
};

// Part of a row of tiles.
struct Run {
  size_t image, row, first, count;
};

// The part of the block that `index` tiles after `begin` starts with, at most kTaskTiles long.
Run RunAt(const Geometry& g, size_t tile, size_t end) {
  const size_t row = tile / g.across, first = tile % g.across;
  return {row / g.down, row % g.down, first, std::min({g.across - first, end - tile, kTaskTiles})};
}

// Tile `index` into column `at` of the planes; one that reaches beyond the image goes through `patch`, [alpha][alpha][C].
void TransformTile(const WinogradArgs& args, const Geometry& g, const WinogradTransforms& transforms, const Run& run, size_t tile,
                   float* patch, float* v) {
  using Signed = std::ptrdiff_t;
  const Signed top = static_cast<Signed>(run.row * g.tile) - static_cast<Signed>(args.pad_top),
               left = static_cast<Signed>(tile * g.tile) - static_cast<Signed>(args.pad_left),
               height = static_cast<Signed>(args.height), width = static_cast<Signed>(args.width),
               alpha = static_cast<Signed>(g.alpha);
  const float* image = args.x + run.image * args.height * args.width * g.channels;
  const auto pixel = [&](Signed y, Signed x) { return image + static_cast<size_t>(y * width + x) * g.channels; };
  if (top >= 0 && left >= 0 && top + alpha <= height && left + alpha <= width)
    return transforms.input(pixel(top, left), args.width * g.channels, g.channels, g.channels, v, g.v_plane);
  std::memset(patch, 0, g.planes * g.channels * sizeof(float));
  const Signed begin = std::max<Signed>(left, 0), end = std::min(left + alpha, width);
  for (Signed y = std::max<Signed>(top, 0); y < std::min(top + alpha, height) && begin < end; ++y) {
    std::memcpy(patch + static_cast<size_t>((y - top) * alpha + begin - left) * g.channels, pixel(y, begin),
                static_cast<size_t>(end - begin) * g.channels * sizeof(float));
  }
  transforms.input(patch, g.alpha * g.channels, g.channels, g.channels, v, g.v_plane);
}

// The outputs of a run of tiles, 16 channels at a time; `products` is the run's first column.
void StoreRun(const WinogradArgs& args, const Geometry& g, const WinogradTransforms& transforms, const Run& run,
              const float* products, float* acc) {
  const size_t y0 = run.row * g.tile, x0 = run.first * g.tile, pixels = args.out_h * args.out_w;
  const size_t rows = std::min(g.tile, args.out_h - y0), cols = std::min(run.count * g.tile, args.out_w - x0);
  const size_t ld_row = kTaskTiles * g.tile * kWinogradNb;
  Residual residual{};
  if (args.residual != nullptr)
    residual = {ResidualKind::kFloat32, args.residual + run.image * pixels * g.outputs, g.outputs, 1, 0};
  const FloatStore store{args.bias, args.activation, residual, args.y + run.image * pixels * g.outputs, g.outputs};
  for (size_t n = 0; n < g.outputs; n += kWinogradNb) {
    for (size_t i = 0; i < run.count; ++i)
      transforms.output(products + i * g.padded + n, g.p_plane, acc + i * g.tile * kWinogradNb, ld_row);
    for (size_t row = 0; row < rows; ++row) {
      args.weights->entry->kernel->store(store, acc + row * ld_row, (y0 + row) * args.out_w + x0, n, cols,
                                         std::min(kWinogradNb, g.outputs - n));
    }
  }
}

Status MultiplyPlane(const WinogradArgs& args, const Geometry& g, size_t plane, size_t tiles, const float* v, float* products) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  SGemmArgs product;
  product.m = tiles;
  product.a = v + plane * g.v_plane;
  product.lda = g.channels;
  product.b = &args.weights->planes[plane];
  product.c = products + plane * g.p_plane;
  product.ldc = g.padded;
  product.activation = {ActivationKind::kClamp, -kInfinity, kInfinity, 0};
  product.stop = args.stop;
  return SGemm(product);
}

// Tiles begin .. end.
Status ComputeBlock(const WinogradArgs& args, const Geometry& g, size_t begin, size_t end, float* v, float* products) {
  const WinogradKernel& kernel = *args.weights->entry->kernel;
  const WinogradTransforms& transforms = g.tile == 2 ? kernel.f2 : kernel.f4;
  std::vector<Run> runs;
  for (size_t tile = begin; tile < end; tile += runs.back().count) runs.push_back(RunAt(g, tile, end));
  const auto index_of = [&](const Run& run) { return (run.image * g.down + run.row) * g.across + run.first - begin; };
  std::atomic<bool> out_of_memory{false};
  ParallelFor(runs.size(), args.threads, [&](size_t task) {
    float* patch = reinterpret_cast<float*>(Scratch(ScratchSlot::kTask, g.planes * g.channels * sizeof(float)));
    if (patch == nullptr) {
      out_of_memory = true;
      return;
    }
    const Run& run = runs[task];
    for (size_t i = 0; i < run.count; ++i)
      TransformTile(args, g, transforms, run, run.first + i, patch, v + (index_of(run) + i) * g.channels);
  });
  if (out_of_memory) return {Code::kNoMemory, "Expected memory for a tile but the system gave none"};
  if (IsSet(args.stop)) return {Code::kAborted, "The call was cancelled"};
  std::vector<Status> failures(g.planes);
  ParallelFor(g.planes, args.threads,
              [&](size_t plane) { failures[plane] = MultiplyPlane(args, g, plane, end - begin, v, products); });
  for (Status& status : failures) {
    if (!status.ok()) return status;
  }
  ParallelFor(runs.size(), args.threads, [&](size_t task) {
    const size_t bytes = g.tile * kTaskTiles * g.tile * kWinogradNb * sizeof(float);
    float* acc = reinterpret_cast<float*>(Scratch(ScratchSlot::kTask, bytes));
    if (acc == nullptr)
      out_of_memory = true;
    else
      StoreRun(args, g, transforms, runs[task], products + index_of(runs[task]) * g.padded, acc);
  });
  if (out_of_memory) return {Code::kNoMemory, "Expected memory for outputs but the system gave none"};
  return {};
}

}  // namespace

Status Winograd(const WinogradArgs& args) {
  if (Status status = CheckEpilogue(args.activation, {}); !status.ok()) return status;
  const Geometry g(args);
  if (g.tiles == 0 || g.outputs == 0) return {};
  uint8_t* scratch = Scratch(ScratchSlot::kTiles, g.bytes());
  if (scratch == nullptr)
    return {Code::kNoMemory, "Expected " + std::to_string(g.bytes()) + " bytes of scratch memory but the system gave none"};
  float* v = reinterpret_cast<float*>(scratch);
  float* products = v + g.planes * g.v_plane;
  for (size_t begin = 0; begin < g.tiles; begin += g.block) {
    const size_t end = std::min(begin + g.block, g.tiles);
    if (Status status = ComputeBlock(args, g, begin, end, v, products); !status.ok()) return status;
  }
  TrimScratch(ScratchSlot::kTiles);
  return {};
}

}  // namespace lowp
