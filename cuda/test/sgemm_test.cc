// float32 products of the plugin: bit for bit a loop of fused multiply-adds, k ascending, with 16-bit weights too; on tensor
// cores within their bound.
#include "kernels/sgemm/sgemm.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/isa.h"
#include "cuda/test/plugin_test.h"
#include "test/epilogue_cases.h"

namespace lowp {
namespace test {
namespace {

constexpr SGemmStorage kStorages[] = {SGemmStorage::kFloat32, SGemmStorage::kBfloat16, SGemmStorage::kFloat16};
constexpr const char* kNames[] = {"float32", "bfloat16", "float16"};

enum class Fill { kRandom, kWhole, kSpecial };

struct Case {
  size_t batch, m, n, k;
  SGemmStorage storage;
  bool codes_given, transpose_a, transpose_b, bias, residual, in_place, tensor_cores;
  size_t gap, offset;  // of rows, and of the arrays from a boundary
  Fill fill;
  Activation activation;

  std::string Name() const {
    std::string name = "cuda sgemm B" + std::to_string(batch) + " M" + std::to_string(m) + " N" + std::to_string(n) + " K" +
                       std::to_string(k) + " " + kNames[static_cast<size_t>(storage)] + " ld+" + std::to_string(gap) + " offset" +
                       std::to_string(offset) + " fill" + std::to_string(static_cast<int>(fill)) + " " + NameOf(activation);
    if (codes_given) name += " codes";
    if (transpose_a) name += " ta";
    if (transpose_b) name += " tb";
    if (bias) name += " bias";
    if (residual) name += in_place ? " residual in place" : " residual";
    return name + (tensor_cores ? " tensor cores" : "");
  }
};

float Value(Random& random, Fill fill) {
  if (fill == Fill::kWhole) return static_cast<float>(random.Between(-3, 3));
  if (fill == Fill::kSpecial && random.Below(40) == 0) {
    const float specials[] = {0.0f, -0.0f, 1e-44f, -1e-39f, 3e38f, -3e38f, kInfinity, -kInfinity, std::nanf("")};
    return specials[random.Below(9)];
  }
  return random.Float();
}

bool Same(float x, float y) { return (x != x && y != y) || std::memcmp(&x, &y, sizeof(x)) == 0; }

class Runner {
 public:
  Runner(const Plugin& plugin, Random& random, int capability) : plugin_(plugin), random_(random), capability_(capability) {}

  void Run(const Case& c) {
    const size_t a_rows = c.transpose_a ? c.k : c.m, a_cols = c.transpose_a ? c.m : c.k;
    const size_t b_rows = c.transpose_b ? c.n : c.k, b_cols = c.transpose_b ? c.k : c.n;
    const size_t lda = a_cols + c.gap, ldb = b_cols + c.gap, ldc = c.n + c.gap;
    const size_t stride_a = a_rows * lda + c.gap, stride_c = c.m * ldc + c.gap;
    std::vector<float> a(c.batch * stride_a), b(b_rows * ldb), bias(c.n), before(c.batch * stride_c);
    for (float& x : a) x = Value(random_, c.fill);
    for (float& x : b) x = Value(random_, c.fill);
    for (float& x : bias) x = random_.Float();
    for (float& x : before) x = random_.Float();
    std::vector<uint16_t> codes(b.size());
    PluginArray<float> d_a(plugin_, a, c.offset), d_b(plugin_, b, c.offset), d_bias(plugin_, bias, c.offset),
        d_c(plugin_, before, c.offset);
    std::vector<float> added(c.batch * c.m * ldc);
    for (float& x : added) x = random_.Float();
    PluginArray<float> d_added(plugin_, added, c.offset);
    // What the weights stand for.
    if (c.storage != SGemmStorage::kFloat32) {
      CastFloats(SGemmStorage::kFloat32, b.data(), c.storage, b.size(), codes.data());
      CastFloats(c.storage, codes.data(), SGemmStorage::kFloat32, b.size(), b.data());
    }
    PluginArray<uint16_t> d_codes(plugin_, codes, c.offset);

    CudaError error{};
    CudaSGemmWeights weights{};
    CudaSGemmPackArgs pack{};
    pack.k = c.k;
    pack.n = c.n;
    const bool codes_given = c.codes_given && c.storage != SGemmStorage::kFloat32;
    pack.b = codes_given ? static_cast<const void*>(d_codes.data()) : d_b.data();
    pack.ldb = ldb;
    pack.transpose = c.transpose_b;
    pack.given_as = codes_given ? c.storage : SGemmStorage::kFloat32;
    pack.stored_as = c.storage;
    ExpectOk(plugin_.api.sgemm.pack(plugin_.context, &pack, &weights, &error), error, "pack");
    CudaSGemmArgs args{};
    args.batch = c.batch;
    args.m = c.m;
    args.a = d_a.data();
    args.lda = lda;
    args.batch_stride_a = stride_a;
    args.transpose_a = c.transpose_a;
    args.b = &weights;
    args.c = d_c.data();
    args.ldc = ldc;
    args.batch_stride_c = stride_c;
    args.bias = c.bias ? d_bias.data() : nullptr;
    args.activation = c.activation;
    args.tensor_cores = c.tensor_cores;
    // In place rows of a batch have to follow each other.
    const bool in_place = c.in_place && (c.batch == 1 || c.gap == 0);
    if (c.residual) args.residual = {ResidualKind::kFloat32, in_place ? d_c.data() : d_added.data(), ldc, 1, 0};
    const int32_t code = plugin_.api.sgemm.run(plugin_.context, &args, &error);
    const std::vector<float> got = d_c.Read();
    if (weights.storage != nullptr) plugin_.api.runtime.free(plugin_.context, weights.storage);

    bool good = code == 0;
    double worst = 0;
    std::vector<float> expected = before;
    for (size_t batch = 0; batch < c.batch && good; ++batch) {
      const float* rows = a.data() + batch * stride_a;
      for (size_t m = 0; m < c.m; ++m) {
        for (size_t n = 0; n < c.n; ++n) {
          float sum = 0;
          double exact = 0;
          for (size_t k = 0; k < c.k; ++k) {
            const float x = rows[c.transpose_a ? k * lda + m : m * lda + k], y = b[c.transpose_b ? n * ldb + k : k * ldb + n];
            sum = std::fma(x, y, sum);
            exact += double{x} * y;
          }
          const size_t at = batch * stride_c + m * ldc + n;
          const auto finish = [&](float x) {
            if (c.bias) x = x + bias[n];
            if (c.residual) x = x + (in_place ? before[at] : added[(batch * c.m + m) * ldc + n]);
            return Activated(c.activation, x);
          };
          expected[at] = finish(sum);
          if (!c.tensor_cores) continue;
          worst = std::max(worst, std::fabs(double{got[at]} - finish(static_cast<float>(exact))));
          expected[at] = got[at];
        }
      }
    }
    for (size_t i = 0; i < got.size() && good; ++i) good = Same(expected[i], got[i]);
    if (c.tensor_cores && c.fill != Fill::kSpecial) {
      const double u = c.storage == SGemmStorage::kBfloat16 ? 0x1p-8 : 0x1p-11, k = static_cast<double>(c.k);
      const double rounding = c.storage == SGemmStorage::kFloat32 ? 2 * u + u * u : u;
      // No activation is steeper than 1.2.
      good = good && worst <= 1.2 * k * (rounding + 0x1p-22 * (k + 1)) + 1e-5;
    }
    Expect(good, c.Name() + (code == 0 ? "" : std::string(": ") + error.message));
  }

  Case RandomCase(size_t most_m, size_t most_n, size_t most_k) {
    Case c{};
    c.batch = random_.Below(4) == 0 ? 2 + random_.Below(2) : 1;
    c.m = 1 + random_.Below(most_m);
    c.n = 1 + random_.Below(most_n);
    c.k = random_.Below(most_k);
    c.storage = kStorages[random_.Below(3)];
    c.codes_given = random_.Below(2) == 0;
    c.transpose_a = random_.Below(3) == 0;
    c.transpose_b = random_.Below(3) == 0;
    c.bias = random_.Below(2) == 0;
    c.residual = random_.Below(3) == 0;
    c.in_place = random_.Below(2) == 0;
    c.gap = random_.Below(2) == 0 ? 0 : random_.Below(9);
    c.offset = random_.Below(2) == 0 ? 0 : random_.Below(5);
    c.fill = static_cast<Fill>(random_.Below(3));
    c.activation = RandomActivation(random_);
    c.tensor_cores = capability_ >= 80 && random_.Below(4) == 0;
    return c;
  }

 private:
  const Plugin& plugin_;
  Random& random_;
  int capability_;
};

void TestCasts(const Plugin& plugin) {
  CudaError error{};
  for (SGemmStorage storage : {SGemmStorage::kBfloat16, SGemmStorage::kFloat16}) {
    std::vector<uint16_t> codes(0x10000), back(codes.size());
    for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint16_t>(i);
    std::vector<float> wide(codes.size());
    CastFloats(storage, codes.data(), SGemmStorage::kFloat32, codes.size(), wide.data());
    PluginArray<uint16_t> d_codes(plugin, codes, 1);
    PluginArray<float> d_wide(plugin, codes.size(), 1);
    ExpectOk(plugin.api.sgemm.cast(plugin.context, storage, d_codes.data(), SGemmStorage::kFloat32, codes.size(), d_wide.data(),
                                   &error),
             error, "widen");
    const std::vector<float> got = d_wide.Read();
    const std::string name = kNames[static_cast<size_t>(storage)];
    Expect(std::memcmp(got.data(), wide.data(), wide.size() * sizeof(float)) == 0, "cuda cast from " + name);

    // Neighbours and ties of every code, and NaN.
    Random random(3);
    std::vector<float> narrow(4 * codes.size());
    for (size_t i = 0; i < narrow.size(); ++i) {
      uint32_t bits;
      std::memcpy(&bits, &wide[i / 4], sizeof(bits));
      const uint32_t half = storage == SGemmStorage::kBfloat16 ? 0x8000u : 0x1000u;
      bits += i % 4 == 0 ? 0 : i % 4 == 1 ? half : i % 4 == 2 ? half - 1 : static_cast<uint32_t>(random.Next());
      std::memcpy(&narrow[i], &bits, sizeof(bits));
    }
    std::vector<uint16_t> expected(narrow.size());
    CastFloats(SGemmStorage::kFloat32, narrow.data(), storage, narrow.size(), expected.data());
    PluginArray<float> d_narrow(plugin, narrow, 1);
    PluginArray<uint16_t> d_to(plugin, narrow.size(), 1);
    ExpectOk(plugin.api.sgemm.cast(plugin.context, SGemmStorage::kFloat32, d_narrow.data(), storage, narrow.size(), d_to.data(),
                                   &error),
             error, "narrow");
    Expect(d_to.Read() == expected, "cuda cast to " + name);
  }
}

// Where this machine's processor fuses: up to the depth of its blocks its sums are the same chains.
void TestAgainstProcessor(const Plugin& plugin) {
  const SGemmEntry& entry = SelectSGemm(ActiveIsas());
  if (entry.isa == Isa::kScalar) return;
  Random random(9);
  constexpr size_t kM = 37, kN = 70, kK = kSGemmKc;
  std::vector<float> a(kM * kK), b(kK * kN), expected(kM * kN);
  for (float& x : a) x = random.Float();
  for (float& x : b) x = random.Float();
  SGemmPackedB packed;
  Expect(PackSGemmB({kK, kN, b.data(), kN, false, SGemmStorage::kFloat32, SGemmStorage::kFloat32}, entry, &packed).ok(), "pack");
  SGemmArgs args;
  args.m = kM;
  args.a = a.data();
  args.lda = kK;
  args.b = &packed;
  args.c = expected.data();
  args.ldc = kN;
  args.activation = kNoActivation;
  Expect(SGemm(args).ok(), "product");

  PluginArray<float> d_a(plugin, a), d_b(plugin, b), d_c(plugin, expected.size());
  CudaError error{};
  CudaSGemmWeights weights{};
  const CudaSGemmPackArgs pack{kK, kN, d_b.data(), kN, false, SGemmStorage::kFloat32, SGemmStorage::kFloat32};
  ExpectOk(plugin.api.sgemm.pack(plugin.context, &pack, &weights, &error), error, "pack");
  CudaSGemmArgs device{};
  device.batch = 1;
  device.m = kM;
  device.a = d_a.data();
  device.lda = kK;
  device.b = &weights;
  device.c = d_c.data();
  device.ldc = kN;
  device.activation = kNoActivation;
  ExpectOk(plugin.api.sgemm.run(plugin.context, &device, &error), error, "run");
  const std::vector<float> got = d_c.Read();
  plugin.api.runtime.free(plugin.context, weights.storage);
  Expect(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)) == 0,
         std::string("cuda sgemm gives the bits of ") + entry.kernel->name);
}

void TestRefusals(const Plugin& plugin, int capability) {
  PluginArray<float> x(plugin, std::vector<float>(64, 1.0f));
  CudaError error{};
  CudaSGemmWeights weights{};
  CudaSGemmPackArgs pack{8, 8, x.data(), 8, false, SGemmStorage::kBfloat16, SGemmStorage::kFloat16};
  Expect(plugin.api.sgemm.pack(plugin.context, &pack, &weights, &error) == static_cast<int32_t>(Code::kValue),
         "cuda sgemm bfloat16 as float16");
  pack.given_as = pack.stored_as = SGemmStorage::kFloat32;
  pack.k = uint64_t{1} << 40;
  Expect(plugin.api.sgemm.pack(plugin.context, &pack, &weights, &error) == static_cast<int32_t>(Code::kShape),
         "cuda sgemm depth");
  pack.k = 8;
  ExpectOk(plugin.api.sgemm.pack(plugin.context, &pack, &weights, &error), error, "pack");
  CudaSGemmArgs args{};
  args.batch = 1;
  args.m = 8;
  args.a = x.data();
  args.lda = 8;
  args.b = &weights;
  args.c = x.data();
  args.ldc = 8;
  args.activation = {ActivationKind::kClamp, 1, -1, 0};
  Expect(plugin.api.sgemm.run(plugin.context, &args, &error) == static_cast<int32_t>(Code::kValue), "cuda sgemm min > max");
  args.activation = kNoActivation;
  args.residual = {ResidualKind::kU8, x.data(), 8, 1, 0};
  Expect(plugin.api.sgemm.run(plugin.context, &args, &error) == static_cast<int32_t>(Code::kValue), "cuda sgemm 8-bit residual");
  args.residual = {};
  args.m = uint64_t{1} << 40;
  Expect(plugin.api.sgemm.run(plugin.context, &args, &error) == static_cast<int32_t>(Code::kShape), "cuda sgemm rows");
  args.m = 8;
  args.tensor_cores = true;
  const int32_t code = plugin.api.sgemm.run(plugin.context, &args, &error);
  Expect(code == (capability < 80 ? static_cast<int32_t>(Code::kUnsupported) : 0), "cuda sgemm tensor cores");
  args.m = 0;
  args.tensor_cores = false;
  ExpectOk(plugin.api.sgemm.run(plugin.context, &args, &error), error, "no rows");
  plugin.api.runtime.free(plugin.context, weights.storage);
}

}  // namespace

void TestPluginSGemm(const Plugin& plugin, bool quick) {
  CudaDeviceInfo info{};
  CudaError error{};
  ExpectOk(plugin.api.runtime.info(0, &info, &error), error, "info");
  const int capability = 10 * info.major + info.minor;
  TestCasts(plugin);
  TestAgainstProcessor(plugin);
  TestRefusals(plugin, capability);
  Random random(2);
  Runner runner(plugin, random, capability);
  // Around every tile: rows of 4, 16, 64 and 128, columns of 32 and 128, depths of 16, 32 and 64.
  for (size_t m : {1, 4, 5, 16, 17, 64, 65, 128, 129}) {
    for (size_t n : {1, 7, 8, 31, 33, 128, 130}) {
      if (quick && (m + n) % 3 != 0) continue;
      Case c = runner.RandomCase(1, 1, 1);
      const size_t depths[] = {0, 1, 15, 16, 17, 33, 64, 65, 140};
      c.m = m;
      c.n = n;
      c.k = depths[random.Below(9)];
      runner.Run(c);
      c.tensor_cores = capability >= 80;
      runner.Run(c);
    }
  }
  for (int i = 0; i < (quick ? 20 : 200); ++i) runner.Run(runner.RandomCase(40, 80, 90));
  for (int i = 0; i < (quick ? 4 : 40); ++i) runner.Run(runner.RandomCase(150, 200, 120));
  // Longer than the ring of the skinny kernel.
  for (int i = 0; i < (quick ? 2 : 12); ++i) {
    Case c = runner.RandomCase(16, 70, 1);
    c.k = 300 + random.Below(300);
    runner.Run(c);
  }
  // Enough large tiles to fill the device, more than one group of their rows, and a batch that is no one matrix.
  Case large = runner.RandomCase(1, 1, 1);
  const auto tiles = static_cast<size_t>(info.multiprocessors);
  for (SGemmStorage storage : kStorages) {
    large.storage = storage;
    large.batch = 2;
    large.gap = 3;
    large.m = 128 * 9 + 5;
    large.n = 128 * std::max<size_t>(tiles / 9 / 2, 1) + 9;
    large.k = 21;
    runner.Run(large);
  }
}

}  // namespace test
}  // namespace lowp
