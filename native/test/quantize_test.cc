#include "kernels/quantize/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/isa.h"
#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

float Sample(Random& random) {
  switch (random.Below(20)) {
    case 0: return std::numeric_limits<float>::quiet_NaN();
    case 1: return std::numeric_limits<float>::infinity();
    case 2: return -std::numeric_limits<float>::infinity();
    case 3: return 0.5f * static_cast<float>(random.Between(-600, 600));  // ties, at a scale of 1
    case 4: return 1e-40f * random.Float();
    default: return 300 * random.Float();
  }
}

void Run(const QuantizeEntry& entry, Random& random) {
  const QuantizeKernel& kernel = *entry.kernel;
  const size_t count = random.Below(150);
  GuardedArray<float> x(count), back(count);
  GuardedArray<uint8_t> q(count);
  for (size_t i = 0; i < count; ++i) x[i] = Sample(random);
  const bool is_signed = random.Below(2) != 0;
  const int32_t low = is_signed ? -128 : 0, zero = random.Between(low, low + 255);
  const float scale = random.Below(2) == 0 ? 1.0f : 0.01f + 3 * std::fabs(random.Float());

  float min = 0, max = 0, got_min, got_max;
  for (size_t i = 0; i < count; ++i) {
    if (std::isfinite(x[i])) min = std::min(min, x[i]), max = std::max(max, x[i]);
  }
  kernel.finite_range(x.data(), count, &got_min, &got_max);
  bool equal = got_min == min && got_max == max;

  kernel.quantize(x.data(), count, scale, zero, low, low + 255, q.data());
  if (is_signed) {
    kernel.dequantize_s8(reinterpret_cast<const int8_t*>(q.data()), count, scale, zero, back.data());
  } else {
    kernel.dequantize_u8(q.data(), count, scale, zero, back.data());
  }
  for (size_t i = 0; i < count; ++i) {
    const float rounded = std::isnan(x[i]) ? 0 : std::nearbyintf(x[i] / scale);
    const float expected =
        std::min(std::max(rounded + static_cast<float>(zero), static_cast<float>(low)), static_cast<float>(low + 255));
    const int32_t got = is_signed ? static_cast<int8_t>(q[i]) : int32_t{q[i]};
    equal = equal && got == static_cast<int32_t>(expected) && back[i] == scale * static_cast<float>(got - zero);
  }
  Expect(equal, std::string(kernel.name) + " count " + std::to_string(count) + " zero " + std::to_string(zero) +
                    (is_signed ? " s8" : " u8"));
}

}  // namespace

void TestQuantize(bool quick) {
  for (const QuantizeEntry& entry : QuantizeKernels()) {
    if (!InfoOf(entry.isa).supported) continue;
    Random random(3);
    for (int i = 0; i < (quick ? 100 : 2000); ++i) Run(entry, random);
  }
}

}  // namespace test
}  // namespace lowp
