// The int8 product on the device against the processor's, byte for byte, gaps between the rows of C included.
#include "kernels/qgemm/qgemm.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "cuda/qgemm/qgemm_layout.h"
#include "cuda/test/plugin_test.h"
#include "test/epilogue_cases.h"

namespace lowp {
namespace test {
namespace {

enum class Fill { kRandom, kLow, kHigh };

struct Case {
  size_t batch = 1, m = 1, n = 1, k = 1;
  QGemmA a_kind = QGemmA::kU8;
  bool b_signed = true, transpose_b = false, per_channel = false, per_row = false;
  size_t lda_gap = 0, ldc_gap = 0, batch_gap = 0, a_offset = 0, c_offset = 0;
  Fill a_fill = Fill::kRandom, b_fill = Fill::kRandom;
  bool no_zeros = false;  // of b, as s8
  OutputKind output = OutputKind::kFloat32;
  bool bias = false, float_bias = false;
  Activation activation = kNoActivation;
  ResidualKind residual = ResidualKind::kNone;
  bool in_place = false;  // the residual, of the output's kind, is C

  bool IsDynamic() const { return a_kind == QGemmA::kFloat32PerTensor || a_kind == QGemmA::kFloat32PerRow; }
  std::string Name(const char* kernel) const {
    const auto number = [](const char* name, size_t x) { return x == 0 ? "" : std::string(name) + std::to_string(x); };
    return std::string(kernel == nullptr ? "none" : kernel) + " batch" + std::to_string(batch) + " M" + std::to_string(m) + " N" +
           std::to_string(n) + " K" + std::to_string(k) + " a" + std::to_string(static_cast<int>(a_kind)) +
           (b_signed ? " s8" : " u8") + (transpose_b ? " tb" : "") + (per_channel ? " channel" : "") + (per_row ? " row" : "") +
           number(" lda+", lda_gap) + number(" ldc+", ldc_gap) + number(" batch+", batch_gap) + number(" a@", a_offset) +
           number(" c@", c_offset) + " fill" + std::to_string(static_cast<int>(a_fill)) +
           std::to_string(static_cast<int>(b_fill)) + (no_zeros ? " zb0" : "") + " out" +
           std::to_string(static_cast<int>(output)) + (bias ? " bias" : "") + (float_bias ? "f " : " ") + NameOf(activation) +
           " residual" + std::to_string(static_cast<int>(residual)) + (in_place ? " in place" : "");
  }
};

int Value(Random& random, Fill fill, bool is_signed) {
  const int low = is_signed ? -128 : 0;
  return fill == Fill::kLow ? low : fill == Fill::kHigh ? low + 255 : random.Between(low, low + 255);
}

// Extent of rows `ld` apart.
size_t Extent(size_t rows, size_t cols, size_t ld) { return rows == 0 || cols == 0 ? 0 : (rows - 1) * ld + cols; }

class Runner {
 public:
  Runner(const Plugin& plugin, Random& random) : plugin_(plugin), random_(random) {}

  void Run(const Case& c) {
    const bool a_signed = c.a_kind == QGemmA::kS8;
    const size_t rows = c.batch * c.m, lda = c.k + c.lda_gap, ldc = c.n + c.ldc_gap, b_rows = c.transpose_b ? c.n : c.k;
    const size_t b_cols = c.transpose_b ? c.k : c.n, ldb = b_cols + c.lda_gap;
    const size_t batch_a = c.m * lda + c.batch_gap, batch_c = c.m * ldc + c.batch_gap, size = SizeOf(c.output);
    const size_t a_count = Extent(c.batch, Extent(c.m, c.k, lda), batch_a),
                 c_count = Extent(c.batch, Extent(c.m, c.n, ldc), batch_c);

    std::vector<uint8_t> a(c.IsDynamic() ? 0 : a_count), b(Extent(b_rows, b_cols, ldb));
    std::vector<float> a_float(c.IsDynamic() ? a_count : 0);
    for (uint8_t& x : a) x = static_cast<uint8_t>(Value(random_, c.a_fill, a_signed));
    for (uint8_t& x : b) x = static_cast<uint8_t>(Value(random_, c.b_fill, c.b_signed));
    for (float& x : a_float) x = random_.Below(40) == 0 ? Odd() : 5 * random_.Float();

    const size_t channels = c.per_channel ? c.n : 1, parameters = c.per_row ? std::max<size_t>(rows, 1) : 1;
    std::vector<float> b_scale(channels), a_scale(parameters), bias_f(c.n);
    std::vector<int32_t> b_zero(channels), a_zero(parameters), bias_i(c.n);
    for (float& x : b_scale) x = Scale();
    for (int32_t& x : b_zero) x = c.no_zeros ? (c.b_signed ? 0 : 128) : Zero(c.b_signed);
    for (float& x : a_scale) x = Scale();
    for (int32_t& x : a_zero) x = Zero(a_signed);
    for (float& x : bias_f) x = 10 * random_.Float();
    for (int32_t& x : bias_i) x = random_.Between(-100000, 100000);

    IntOutput output;
    output.kind = c.output;
    output.scale = 0.07f;
    output.zero = c.output == OutputKind::kS8 ? -7 : 9;
    const bool is_int32 = c.output == OutputKind::kInt32;
    const bool float_bias = c.bias && !is_int32 && (c.output == OutputKind::kFloat32 || c.float_bias || c.IsDynamic());
    output.activation = is_int32 ? kNoActivation : c.activation;
    std::vector<uint8_t> before(c_count * size, 0x5a);
    const bool in_place = c.in_place && !is_int32 && (c.batch == 1 || c.batch_gap == 0);
    const TestResidual residual(random_, is_int32 || in_place ? ResidualKind::kNone : c.residual, std::max<size_t>(rows, 1), c.n);
    output.residual = residual.view();
    if (in_place) {
      const bool real = c.output == OutputKind::kFloat32;
      for (size_t i = 0; i < c_count; ++i) {
        const float x = 3 * random_.Float();
        if (real) std::memcpy(&before[i * 4], &x, 4);
        if (!real) before[i] = static_cast<uint8_t>(random_.Below(256));
      }
      const ResidualKind kind = real                          ? ResidualKind::kFloat32
                                : c.output == OutputKind::kU8 ? ResidualKind::kU8
                                                              : ResidualKind::kS8;
      output.residual = {kind, nullptr, ldc, 0.03f, c.output == OutputKind::kS8 ? -3 : 120};
    }

    // The processor's.
    std::vector<uint8_t> expected = before;
    QGemmPackedB packed;
    Status status = PackQGemmB({c.k, c.n, b.data(), c.b_signed, ldb, c.transpose_b, b_scale.data(), b_zero.data(), c.per_channel},
                               SelectQGemm(ActiveIsas()), &packed);
    QGemmArgs host;
    host.batch = c.batch;
    host.m = c.m;
    host.a_kind = c.a_kind;
    host.a = c.IsDynamic() ? static_cast<const void*>(a_float.data()) : a.data();
    host.lda = lda;
    host.batch_stride_a = batch_a;
    host.a_scale = a_scale[0];
    host.a_zero = a_zero[0];
    if (c.per_row && !c.IsDynamic()) {
      host.a_scales = a_scale.data();
      host.a_zeros = a_zero.data();
    }
    host.b = &packed;
    host.c = expected.data();
    host.ldc = ldc;
    host.batch_stride_c = batch_c;
    host.output = output;
    if (float_bias) host.output.bias_f32 = bias_f.data();
    if (c.bias && !float_bias) host.output.bias_s32 = bias_i.data();
    if (in_place) host.output.residual.data = expected.data();
    if (status.ok()) status = QGemm(host);
    Expect(status.ok(), c.Name("processor") + ": " + status.message());

    // The device's.
    PluginArray<uint8_t> d_a(plugin_, a, c.a_offset), d_b(plugin_, b), d_c(plugin_, before, c.c_offset * size);
    PluginArray<float> d_a_float(plugin_, a_float, c.a_offset), d_a_scale(plugin_, a_scale), d_b_scale(plugin_, b_scale);
    PluginArray<float> d_bias_f(plugin_, bias_f);
    PluginArray<int32_t> d_a_zero(plugin_, a_zero), d_b_zero(plugin_, b_zero), d_bias_i(plugin_, bias_i);
    const size_t residual_bytes = Extent(rows, c.n, residual.view().ld) * SizeOf(residual.view().kind);
    PluginArray<uint8_t> d_residual(plugin_, static_cast<const uint8_t*>(residual.view().data), residual_bytes);
    CudaError error;
    CudaQGemmWeights weights;
    const CudaQGemmPackArgs pack{c.k,          c.n, d_b.data(), c.b_signed, ldb, c.transpose_b, d_b_scale.data(), d_b_zero.data(),
                                 c.per_channel};
    ExpectOk(plugin_.api.qgemm.pack(plugin_.context, &pack, &weights, &error), error, "pack");
    CudaQGemmArgs args{};
    args.batch = c.batch;
    args.m = c.m;
    args.a_kind = c.a_kind;
    args.a = c.IsDynamic() ? static_cast<const void*>(d_a_float.data()) : d_a.data();
    args.lda = lda;
    args.batch_stride_a = batch_a;
    args.a_scale = a_scale[0];
    args.a_zero = a_zero[0];
    if (c.per_row) {
      args.a_scales = d_a_scale.data();
      args.a_zeros = d_a_zero.data();
    }
    args.weights = &weights;
    args.c = d_c.data();
    args.ldc = ldc;
    args.batch_stride_c = batch_c;
    args.output = output;
    args.output.residual.data = in_place ? d_c.data() : d_residual.data();
    if (float_bias) args.output.bias_f32 = d_bias_f.data();
    if (c.bias && !float_bias) args.output.bias_s32 = d_bias_i.data();
    args.bias_magnitude = 100000;
    const char* kernel = plugin_.api.qgemm.kernel(plugin_.context, &args);
    if (kernel != nullptr) kernels_.insert(kernel);
    const int32_t code = plugin_.api.qgemm.run(plugin_.context, &args, &error);
    Expect(code == 0 && d_c.Read() == expected, c.Name(kernel) + (code == 0 ? "" : std::string(": ") + error.message));
    plugin_.api.runtime.free(plugin_.context, weights.storage);
  }

  const std::set<std::string>& kernels() const { return kernels_; }

 private:
  float Scale() { return 0.001f + 0.01f * std::fabs(random_.Float()); }
  int32_t Zero(bool is_signed) {
    return Value(random_, random_.Below(4) == 0 ? Fill::kLow : random_.Below(4) == 0 ? Fill::kHigh : Fill::kRandom, is_signed);
  }
  float Odd() {
    switch (random_.Below(4)) {
      case 0: return std::numeric_limits<float>::quiet_NaN();
      case 1: return kInfinity;
      case 2: return -kInfinity;
      default: return 1e-41f;
    }
  }

  const Plugin& plugin_;
  Random& random_;
  std::set<std::string> kernels_;
};

// All but sizes.
Case RandomCase(Random& random) {
  Case c;
  c.a_kind = static_cast<QGemmA>(random.Below(4));
  c.b_signed = random.Below(2) != 0;
  c.transpose_b = random.Below(2) != 0;
  c.per_channel = random.Below(2) != 0;
  c.per_row = random.Below(3) == 0;
  // Half of the time what can be read as it is.
  const bool fits = random.Below(2) != 0;
  c.lda_gap = fits ? 16 * random.Below(3) : random.Below(7);
  c.a_offset = fits ? 16 * random.Below(2) : random.Below(20);
  c.batch_gap = random.Below(2) == 0 ? 0 : fits ? 32 : random.Below(40);
  c.ldc_gap = random.Below(2) == 0 ? 0 : random.Below(9);
  c.c_offset = random.Below(2) == 0 ? 0 : random.Below(5);
  c.a_fill = static_cast<Fill>(random.Below(5) < 3 ? 0 : random.Below(3));
  c.b_fill = static_cast<Fill>(random.Below(5) < 3 ? 0 : random.Below(3));
  c.no_zeros = random.Below(3) == 0;
  c.output = static_cast<OutputKind>(random.Below(4));
  if (c.IsDynamic() && c.output == OutputKind::kInt32) c.output = OutputKind::kFloat32;
  c.bias = random.Below(2) != 0;
  c.float_bias = random.Below(2) != 0;
  c.activation = RandomActivation(random);
  c.residual = random.Below(2) == 0 ? ResidualKind::kNone : static_cast<ResidualKind>(random.Below(4));
  c.in_place = random.Below(4) == 0;
  return c;
}

void TestLayout() {
  // Every weight of a tile has a byte of its own, and a chunk of 16 depths lies together.
  std::vector<int> seen(3 * kQGemmTileBytes);
  const QGemmLayout layout(3 * kQGemmTile - 5, kQGemmTile);
  bool together = true;
  for (uint64_t n = 0; n < kQGemmTile; ++n) {
    for (uint64_t k = 0; k < 3 * kQGemmTile; ++k) {
      const uint64_t at = QGemmWeightAt(layout.k_tiles, k, n);
      ++seen.at(at);
      together = together && at % kQGemmChunk == k % kQGemmChunk;
    }
  }
  Expect(together && std::count(seen.begin(), seen.end(), 1) == static_cast<long>(seen.size()), "qgemm: packed tiles");
  // The chunks that eight lanes of ldmatrix read, of neighbouring rows, and those that cp.async writes lie in all 32 banks.
  for (uint32_t first = 0; first < 16; first += 8) {
    for (uint32_t chunk = 0; chunk < 4; ++chunk) {
      std::set<uint32_t> banks64, banks128;
      for (uint32_t row = first; row < first + 8; ++row) {
        banks64.insert(QGemmStageOffset64(row, chunk) % 128);
        banks128.insert(WgmmaOffset128(row, chunk * kQGemmChunk) % 128);
      }
      Expect(banks64.size() == 8 && banks128.size() == 8, "qgemm: bank conflicts");
    }
  }
  // Every tile of C has one block.
  for (uint32_t m : {1u, 7u, 8u, 9u, 20u}) {
    for (uint32_t n : {1u, 3u, 17u}) {
      std::set<std::pair<uint32_t, uint32_t>> tiles;
      for (uint32_t i = 0; i < m * n; ++i) {
        const QGemmTileIndex tile = QGemmTileAt(i, m, n);
        if (tile.m < m && tile.n < n) tiles.insert({tile.m, tile.n});
      }
      Expect(tiles.size() == m * n, "qgemm: tiles " + std::to_string(m) + " x " + std::to_string(n));
    }
  }
}

void TestRefusals(const Plugin& plugin) {
  CudaError error;
  const auto refuses = [&](int32_t code, const char* words) {
    Expect(code != 0 && std::strstr(error.message, words) != nullptr,
           std::string("qgemm refuses: ") + words + (code == 0 ? ", but it took it" : error.message));
  };
  PluginArray<int8_t> b(plugin, std::vector<int8_t>(140000, 1));
  PluginArray<float> scale(plugin, std::vector<float>{1}), bad_scale(plugin, std::vector<float>{-1}), out(plugin, 16);
  PluginArray<int32_t> zero(plugin, std::vector<int32_t>{0}), bad_zero(plugin, std::vector<int32_t>{128});
  CudaQGemmPackArgs pack{140000, 1, b.data(), true, 1, false, bad_scale.data(), zero.data(), false};
  CudaQGemmWeights weights;
  refuses(plugin.api.qgemm.pack(plugin.context, &pack, &weights, &error), "finite scales above 0 for b");
  pack.scales = scale.data();
  pack.zeros = bad_zero.data();
  refuses(plugin.api.qgemm.pack(plugin.context, &pack, &weights, &error), "zero points from -128 to 127 for b");
  pack.zeros = zero.data();
  ExpectOk(plugin.api.qgemm.pack(plugin.context, &pack, &weights, &error), error, "pack");
  CudaQGemmArgs args{};
  args.batch = args.m = 1;
  args.a = b.data();
  args.lda = 140000;
  args.a_scale = 1;
  args.weights = &weights;
  args.c = out.data();
  args.ldc = 1;
  args.output.activation = kNoActivation;
  refuses(plugin.api.qgemm.run(plugin.context, &args, &error), "a depth K of at most");
  args.a_zero = 256;
  refuses(plugin.api.qgemm.run(plugin.context, &args, &error), "zero points from 0 to 255 for a");
  args.a_zero = 0;
  args.a_scale = 0;
  refuses(plugin.api.qgemm.run(plugin.context, &args, &error), "finite scales above 0 for a");
  args.a_scale = 1;
  args.a_scales = scale.data();
  refuses(plugin.api.qgemm.run(plugin.context, &args, &error), "together");
  args.a_scales = nullptr;
  args.output.kind = OutputKind::kU8;
  args.output.zero = 300;
  refuses(plugin.api.qgemm.run(plugin.context, &args, &error), "an output zero point");
  plugin.api.runtime.free(plugin.context, weights.storage);
}

}  // namespace

void TestPluginQGemm(const Plugin& plugin, bool quick) {
  TestLayout();
  TestRefusals(plugin);
  CudaDeviceInfo info;
  CudaError error;
  ExpectOk(plugin.api.runtime.info(0, &info, &error), error, "info");
  const int capability = 10 * info.major + info.minor;
  const size_t multiprocessors = static_cast<size_t>(info.multiprocessors);
  Random random(7);
  Runner runner(plugin, random);
  const auto run = [&](size_t batch, size_t m, size_t n, size_t k) {
    Case c = RandomCase(random);
    c.batch = batch;
    c.m = m;
    c.n = n;
    c.k = k;
    runner.Run(c);
  };
  // Around the tiles, the chunks of 16 and the stages of 64 and 128.
  for (size_t m : {1, 8, 9, 16, 17, 63, 65}) {
    for (size_t n : {1, 4, 15, 17, 64, 65}) {
      for (size_t k : {0, 1, 15, 16, 33, 64, 129}) {
        if (quick && (m + n + k) % 5 != 0) continue;
        run(1, m, n, k);
      }
    }
  }
  const size_t sizes[] = {1, 2, 5, 16, 31, 47, 64, 90, 128, 130, 160};
  const auto any = [&] { return sizes[random.Below(std::size(sizes))]; };
  for (int i = 0; i < (quick ? 60 : 600); ++i)
    run(random.Below(4) == 0 ? 2 + random.Below(3) : 1, any(), any(), any() * (1 + random.Below(4)));
  // Two rounds of tiles of 128 x 256 on all multiprocessors, one and two of tiles of 128 x 128; many rounds of the rings of
  // stages.
  const size_t side = std::max<size_t>(static_cast<size_t>(std::sqrt(static_cast<double>(multiprocessors))), 2);
  const size_t across = 2 * ((multiprocessors + side - 1) / side);
  for (size_t i = 0; i < (quick ? 2 : 8); ++i) {
    const size_t k = i % 2 == 0 ? 100 + 16 * i : 1500 + 20 * i;
    run(1, 128 * side - 50 * (i % 3), 256 * across - 100 * (i % 4 / 2), k);
    run(1, 128 * side - i, 128 * side - 20 * (i % 4), k + 30);
    run(1, 128 * (multiprocessors + 1), 100 + 4 * i, k + 7);
    run(3, 100 + i, 256, 160 + i);
    run(1, 60 + i, 70, 1000 + i);
  }
  // K over several blocks.
  for (int i = 0; i < (quick ? 2 : 6); ++i) run(1, 17 + 10 * i, 33 + i, 4096 + 100 * i);
  run(0, 5, 5, 5);
  run(2, 0, 5, 5);
  run(1, 5, 0, 5);

  // The largest magnitudes at a great depth.
  for (size_t m : {1, 40}) {
    for (Fill a_fill : {Fill::kLow, Fill::kHigh}) {
      for (Fill b_fill : {Fill::kLow, Fill::kHigh}) {
        Case c;
        c.m = m;
        c.n = 20;
        c.k = 8192;
        c.a_fill = a_fill;
        c.b_fill = b_fill;
        c.output = OutputKind::kInt32;
        c.a_kind = QGemmA::kS8;
        runner.Run(c);
      }
    }
  }
  // A fast path that nothing reaches any more would go untested.
  std::set<std::string> expected{"qgemm_dp4a"};
  if (capability >= 80) expected = {"qgemm_skinny", "qgemm_mma_64x64"};
  if (capability >= 80 && capability != 90) expected.insert("qgemm_mma_128x128");
  if (capability == 90) expected.insert({"qgemm_wgmma_128x128", "qgemm_wgmma_128x256"});
  for (const std::string& kernel : expected) Expect(runner.kernels().count(kernel) == 1, "qgemm: nothing ran on " + kernel);
}

}  // namespace test
}  // namespace lowp
