#include "kernels/lowrank/lowrank.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Case {
  size_t batch, m, k, rank, n, threads;
};

// Against the two products in float64: float32 within rounding, int8 within its steps.
void Run(Random& random, const Case& c) {
  const std::string name = "lowrank M" + std::to_string(c.m) + " K" + std::to_string(c.k) + " r" + std::to_string(c.rank) + " N" +
                           std::to_string(c.n) + " t" + std::to_string(c.threads);
  GuardedArray<float> a(c.batch * c.m * c.k), first(c.k * c.rank), second(c.rank * c.n), bias(c.n), out(c.batch * c.m * c.n);
  for (auto* each : {&a, &first, &second, &bias}) {
    for (size_t i = 0; i < each->size(); ++i) (*each)[i] = random.Float();
  }
  std::vector<double> want(out.size());
  double largest = 0;
  for (size_t row = 0; row < c.batch * c.m; ++row) {
    for (size_t r = 0; r < c.rank; ++r) {
      double sum = 0;
      for (size_t k = 0; k < c.k; ++k) sum += static_cast<double>(a[row * c.k + k]) * first[k * c.rank + r];
      for (size_t n = 0; n < c.n; ++n) want[row * c.n + n] += sum * second[r * c.n + n];
    }
    for (size_t n = 0; n < c.n; ++n) {
      want[row * c.n + n] = std::max(want[row * c.n + n] + bias[n], 0.0);
      largest = std::max(largest, want[row * c.n + n]);
    }
  }
  const auto near = [&](double error) {
    double worst = 0;
    for (size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::fabs(out[i] - want[i]));
    return worst <= error * (largest + 1);
  };

  LowRankPackedF floats;
  auto f1 = std::make_shared<SGemmPackedB>(), f2 = std::make_shared<SGemmPackedB>();
  const SGemmEntry& sgemm = SelectSGemm(ActiveIsas());
  Status status =
      PackSGemmB({c.k, c.rank, first.data(), c.rank, false, SGemmStorage::kFloat32, SGemmStorage::kFloat32}, sgemm, f1.get());
  if (status.ok())
    status =
        PackSGemmB({c.rank, c.n, second.data(), c.n, false, SGemmStorage::kFloat32, SGemmStorage::kFloat32}, sgemm, f2.get());
  floats.first = f1;
  floats.second = f2;
  SGemmArgs args;
  args.batch = c.batch;
  args.m = c.m;
  args.a = a.data();
  args.lda = c.k;
  args.batch_stride_a = c.m * c.k;
  args.c = out.data();
  args.ldc = c.n;
  args.batch_stride_c = c.m * c.n;
  args.bias = bias.data();
  args.activation = {ActivationKind::kClamp, 0, kInfinity, 0};
  args.threads = c.threads;
  if (status.ok()) status = LowRankSGemm(args, floats);
  Expect(status.ok() && near(1e-5), name + " float32 " + status.message());

  // One scale of 1/127: the factors are within 1.
  const float scale = 1.0f / 127;
  const int32_t zero = 0;
  GuardedArray<int8_t> q1(first.size()), q2(second.size());
  for (size_t i = 0; i < first.size(); ++i) q1[i] = static_cast<int8_t>(std::lrint(first[i] * 127));
  for (size_t i = 0; i < second.size(); ++i) q2[i] = static_cast<int8_t>(std::lrint(second[i] * 127));
  auto b1 = std::make_shared<QGemmPackedB>(), b2 = std::make_shared<QGemmPackedB>();
  const QGemmEntry& qgemm = SelectQGemm(ActiveIsas());
  status = PackQGemmB({c.k, c.rank, q1.data(), true, c.rank, false, &scale, &zero, false}, qgemm, b1.get());
  if (status.ok()) status = PackQGemmB({c.rank, c.n, q2.data(), true, c.n, false, &scale, &zero, false}, qgemm, b2.get());
  LowRankPackedQ bytes{b1, b2};
  QGemmArgs quantized;
  quantized.batch = c.batch;
  quantized.m = c.m;
  quantized.a_kind = QGemmA::kFloat32PerRow;
  quantized.a = a.data();
  quantized.lda = c.k;
  quantized.batch_stride_a = c.m * c.k;
  quantized.c = out.data();
  quantized.ldc = c.n;
  quantized.batch_stride_c = c.m * c.n;
  quantized.output.bias_f32 = bias.data();
  quantized.output.activation = args.activation;
  quantized.threads = c.threads;
  if (status.ok()) status = LowRankQGemm(quantized, bytes);
  Expect(status.ok() && near(0.05), name + " int8 " + status.message());
}

}  // namespace

void TestLowRank(bool quick) {
  Random random(11);
  for (const IsaInfo& info : AllIsas()) {
    if (!info.built || !info.supported) continue;
    Expect(SetIsa(info.name).ok(), info.name);
    Run(random, {1, 1, 7, 3, 5, 1});
    Run(random, {2, 5, 33, 17, 20, 1});
    if (!quick) Run(random, {1, 70, 130, 40, 90, 3});
  }
  Expect(SetIsa("").ok(), "detection");
}

}  // namespace test
}  // namespace lowp
