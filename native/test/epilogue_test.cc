// The activations' errors against float64, and their special values. The same functions on every vector type are compared by the
// tests of the products.
#include <algorithm>
#include <cmath>

#include "kernels/epilogue/epilogue_activation.h"
#include "kernels/epilogue/epilogue_residual.h"
#include "kernels/epilogue/epilogue_vector_scalar.h"
#include "test/epilogue_cases.h"

namespace lowp {
namespace test {
namespace {

using Kind = ActivationKind;

template <Kind kKind>
float One(const Activation& activation, float x) {
  return Activate<VectorScalar, kKind>(activation, x);
}

double Exact(Kind kind, double x) {
  const double slope = 1.5957691216057308;  // 2 sqrt(2 / pi)
  switch (kind) {
    case Kind::kSigmoid: return 1 / (1 + std::exp(-x));
    case Kind::kTanh: return std::tanh(x);
    case Kind::kSilu: return x / (1 + std::exp(-x));
    case Kind::kGeluTanh: return x / (1 + std::exp(-slope * (x + 0.044715 * x * x * x)));
    default: return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
  }
}

// A unit in the last place of the float32 next to x.
double Ulp(double x) {
  const float magnitude = static_cast<float>(std::fabs(x));
  return std::nextafter(magnitude, kInfinity) - static_cast<double>(magnitude);
}

struct Bound {
  Kind kind;
  double ulp_positive, ulp_negative, absolute_negative;  // of x < 0: whichever allows more
};
constexpr Bound kBounds[] = {{Kind::kSigmoid, 1.5, 2.5, 0},
                             {Kind::kTanh, 2.6, 2.6, 0},
                             {Kind::kSilu, 2.2, 3.2, 1e-37},
                             {Kind::kGeluTanh, 2.4, 0, 6e-8},
                             {Kind::kGelu, 3.4, 0, 6e-8}};

float FromBits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

void TestErrors(const Bound& bound, uint32_t step) {
  const Activation activation{bound.kind, 0, 0, 0};
  double positive = 0, negative = 0, absolute = 0;
  bool within = true;
  const auto check = [&](float x) {
    const double exact = Exact(bound.kind, x), error = std::fabs(Activated(activation, x) - exact), ulp = error / Ulp(exact);
    if (x >= 0) {
      positive = std::max(positive, ulp);
      within = within && ulp <= bound.ulp_positive;
    } else {
      negative = std::max(negative, ulp);
      absolute = std::max(absolute, error);
      within = within && (ulp <= bound.ulp_negative || error <= bound.absolute_negative);
    }
  };
  for (uint64_t bits = 0; bits < 0x7f800000; bits += step) {
    check(FromBits(static_cast<uint32_t>(bits)));
    check(FromBits(static_cast<uint32_t>(bits) | 0x80000000u));
  }
  // Where something happens.
  const float fine = static_cast<float>(step) * 1e-7f;
  for (float x = -16; x < 16; x += fine) check(x);
  Expect(within, NameOf(activation) + ": " + std::to_string(positive) + " ulp of x >= 0, " + std::to_string(negative) +
                     " ulp or " + std::to_string(absolute * 1e8) + "e-8 of x < 0");
}

void TestSpecialValues() {
  const float nan = std::numeric_limits<float>::quiet_NaN(), tiny = 1e-45f;
  // At -inf, inf, -0 and the least float32.
  struct Row {
    Kind kind;
    float low, high, negative_zero, least;
  };
  const Row rows[] = {
      {Kind::kSigmoid, 0, 1, 0.5f, 0.5f},
      {Kind::kTanh, -1, 1, -0.0f, tiny},
      {Kind::kSilu, -0.0f, kInfinity, -0.0f, 0},
      {Kind::kGeluTanh, -0.0f, kInfinity, -0.0f, 0},
      {Kind::kGelu, 0, kInfinity, -0.0f, tiny},
      {Kind::kHardsigmoid, 0, 1, 0.5f, 0.5f},
      {Kind::kHardswish, -0.0f, kInfinity, -0.0f, 0},
      {Kind::kLeakyRelu, -kInfinity, kInfinity, -0.0f, tiny},
  };
  const auto same = [](float x, float y) { return std::memcmp(&x, &y, sizeof(x)) == 0; };
  for (const Row& row : rows) {
    const Activation activation{row.kind, 0, 0, 0.25f};
    Expect(same(Activated(activation, -kInfinity), row.low), NameOf(activation) + " of -inf");
    Expect(same(Activated(activation, kInfinity), row.high), NameOf(activation) + " of inf");
    Expect(same(Activated(activation, -0.0f), row.negative_zero), NameOf(activation) + " of -0");
    Expect(same(Activated(activation, tiny), row.least), NameOf(activation) + " of the least float32");
    Expect(std::isnan(Activated(activation, nan)), NameOf(activation) + " of NaN");
  }
  Expect(std::isnan(Activated(kRelu, nan)) && Activated(kRelu, -1) == 0, "relu");
}

}  // namespace

Activation RandomActivation(Random& random) {
  switch (random.Below(6)) {
    case 0: return kNoActivation;
    case 1: return kRelu;
    case 2: return {Kind::kClamp, -0.3f, 0.9f, 0};
    default: return {static_cast<Kind>(1 + random.Below(kActivationKinds - 1)), 0, 0, random.Float()};
  }
}

std::string NameOf(const Activation& activation) {
  static const char* const kNames[kActivationKinds] = {"clamp",   "leakyRelu", "gelu",      "geluTanh",   "silu",
                                                       "sigmoid", "tanh",      "hardswish", "hardsigmoid"};
  const std::string name = kNames[static_cast<size_t>(activation.kind)];
  if (activation.kind == Kind::kLeakyRelu) return name + " " + std::to_string(activation.alpha);
  if (activation.kind != Kind::kClamp) return name;
  return name + " " + std::to_string(activation.min) + ".." + std::to_string(activation.max);
}

float Activated(const Activation& activation, float x) {
  switch (activation.kind) {
    case Kind::kClamp: return One<Kind::kClamp>(activation, x);
    case Kind::kLeakyRelu: return One<Kind::kLeakyRelu>(activation, x);
    case Kind::kGelu: return One<Kind::kGelu>(activation, x);
    case Kind::kGeluTanh: return One<Kind::kGeluTanh>(activation, x);
    case Kind::kSilu: return One<Kind::kSilu>(activation, x);
    case Kind::kSigmoid: return One<Kind::kSigmoid>(activation, x);
    case Kind::kTanh: return One<Kind::kTanh>(activation, x);
    case Kind::kHardswish: return One<Kind::kHardswish>(activation, x);
    case Kind::kHardsigmoid: return One<Kind::kHardsigmoid>(activation, x);
  }
  return x;
}

TestResidual::TestResidual(Random& random, ResidualKind kind, size_t m, size_t n)
    : ld_(n + (random.Below(3) == 0 ? random.Below(5) : 0)),
      floats_(kind == ResidualKind::kFloat32 ? (m - 1) * ld_ + n : 0),
      bytes_(kind == ResidualKind::kU8 || kind == ResidualKind::kS8 ? (m - 1) * ld_ + n : 0) {
  for (size_t i = 0; i < floats_.size(); ++i) floats_[i] = 4 * random.Float();
  for (size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<uint8_t>(random.Below(256));
  view_.kind = kind;
  view_.ld = ld_;
  view_.scale = 0.037f;
  view_.zero = kind == ResidualKind::kS8 ? -11 : 140;
  view_.data = kind == ResidualKind::kFloat32 ? static_cast<const void*>(floats_.data()) : bytes_.data();
}

float TestResidual::Add(float x, size_t row, size_t col) const {
  const size_t at = row * ld_ + col;
  const auto real = [&](int q) { return view_.scale * static_cast<float>(q - view_.zero); };
  switch (view_.kind) {
    case ResidualKind::kNone: return x;
    case ResidualKind::kFloat32: return x + floats_[at];
    case ResidualKind::kU8: return x + real(bytes_[at]);
    case ResidualKind::kS8: return x + real(static_cast<int8_t>(bytes_[at]));
  }
  return x;
}

void TestEpilogue(bool quick) {
  for (const Bound& bound : kBounds) TestErrors(bound, quick ? 40961 : 1021);
  TestSpecialValues();
  const auto refused = [](const Activation& activation, const Residual& residual, const char* what) {
    Expect(!CheckEpilogue(activation, residual).ok(), std::string("refuses ") + what);
  };
  refused({Kind::kClamp, 1, 0, 0}, {}, "min above max");
  refused({Kind::kLeakyRelu, 0, 0, kInfinity}, {}, "an infinite alpha");
  refused(kRelu, {ResidualKind::kU8, nullptr, 0, 0, 0}, "a residual scale of 0");
  refused(kRelu, {ResidualKind::kU8, nullptr, 0, 1, 256}, "a residual zero point of 256");
  refused(kRelu, {ResidualKind::kS8, nullptr, 0, 1, 128}, "a residual zero point of 128");
  Expect(CheckEpilogue(kRelu, {}).ok(), "relu without a residual");
}

}  // namespace test
}  // namespace lowp
