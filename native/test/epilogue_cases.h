// Activations and residuals for the tests of both products.
#ifndef LOWP_TEST_EPILOGUE_CASES_H_
#define LOWP_TEST_EPILOGUE_CASES_H_

#include <limits>
#include <string>

#include "kernels/epilogue/epilogue.h"
#include "test/harness.h"

namespace lowp {
namespace test {

inline constexpr size_t kActivationKinds = static_cast<size_t>(ActivationKind::kHardsigmoid) + 1;
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr Activation kNoActivation{ActivationKind::kClamp, -kInfinity, kInfinity, 0};
inline constexpr Activation kRelu{ActivationKind::kClamp, 0, kInfinity, 0};

// Half of them clamps: none, relu and between two bounds.
Activation RandomActivation(Random& random);
std::string NameOf(const Activation& activation);

// What the portable vector type gives: the other types must give the same bits.
float Activated(const Activation& activation, float x);

// A residual of m x n that ends at an unmapped page.
class TestResidual {
 public:
  TestResidual(Random& random, ResidualKind kind, size_t m, size_t n);
  const Residual& view() const { return view_; }
  // x + its element, rounded as the kernels round.
  float Add(float x, size_t row, size_t col) const;

 private:
  size_t ld_;
  GuardedArray<float> floats_;
  GuardedArray<uint8_t> bytes_;
  Residual view_{};
};

}  // namespace test
}  // namespace lowp

#endif  // LOWP_TEST_EPILOGUE_CASES_H_
