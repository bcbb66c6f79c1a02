#include "problem.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace lowp_peers {
namespace {

constexpr double kWholeUpTo = 1 << 23;
constexpr int kRows = 8;
constexpr int kColumns = 32;

// 32 random bits a call (mulberry32).
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed) {}
  uint32_t operator()() {
    state_ += 0x6d2b79f5;
    uint32_t t = (state_ ^ (state_ >> 15)) * (state_ | 1);
    t ^= t + (t ^ (t >> 7)) * (t | 61);
    return t ^ (t >> 14);
  }

 private:
  uint32_t state_;
};

// The sum of the four bytes of a draw, around 0: -510 to 510.
int Bell(uint32_t bits) {
  return static_cast<int>((bits & 255) + ((bits >> 8) & 255) + ((bits >> 16) & 255) + (bits >> 24)) - 510;
}

template <typename T>
void FillBell(std::vector<T>* values, Random random) {
  for (T& v : *values) v = static_cast<T>(Bell(random()) / 147.8);
}
template <>
void FillBell(std::vector<int8_t>* values, Random random) {
  for (int8_t& v : *values) v = static_cast<int8_t>(Bell(random()) / 4);
}

size_t Size(int rows, int columns) { return static_cast<size_t>(rows) * static_cast<size_t>(columns); }

// Evenly spaced, the first and the last among them.
std::vector<int> Indices(int size, int count) {
  count = std::min(size, count);
  std::vector<int> indices;
  for (int i = 0; i < count; i++) {
    indices.push_back(count == 1 ? 0 : static_cast<int>(static_cast<int64_t>(i) * (size - 1) / (count - 1)));
  }
  return indices;
}

template <typename Sum, typename A, typename B>
Sum Dot(const Shape& shape, const A* a, const B* b, int m, int n) {
  Sum sum = 0;
  for (int k = 0; k < shape.k; k++) {
    sum += static_cast<Sum>(a[Size(m, shape.k) + static_cast<size_t>(k)]) *
           static_cast<Sum>(b[Size(k, shape.n) + static_cast<size_t>(n)]);
  }
  return sum;
}

}  // namespace

float Magnitude(const float* values, size_t length) {
  float largest = 0;
  for (size_t i = 0; i < length; i++) largest = std::max(largest, std::abs(values[i]));
  return largest;
}

template <typename T>
std::string Compare(const Shape& shape, const T* y, double tolerance, const Element& expected) {
  const bool whole = 2.0 * shape.m * shape.n * shape.k <= kWholeUpTo;
  int wrong = 0;
  int checked = 0;
  std::ostringstream first;
  for (int m : Indices(shape.m, whole ? shape.m : kRows)) {
    for (int n : Indices(shape.n, whole ? shape.n : kColumns)) {
      const double want = expected(m, n);
      const double got = y[Size(m, shape.n) + static_cast<size_t>(n)];
      checked++;
      if (std::abs(want - got) <= tolerance) continue;
      if (wrong++ == 0) first << "expected " << want << " but received " << got;
    }
  }
  if (wrong == 0) return "";
  std::ostringstream text;
  text << wrong << " of " << checked << " checked elements are wrong (the first: " << first.str() << ")";
  return text.str();
}
template std::string Compare(const Shape&, const float*, double, const Element&);

template <>
std::vector<uint8_t> MakeActivations(const Shape& shape) {
  Random random(1);
  std::vector<uint8_t> a(Size(shape.m, shape.k));
  for (uint8_t& v : a) v = static_cast<uint8_t>(random() >> 24);
  return a;
}

template <>
std::vector<int8_t> MakeActivations(const Shape& shape) {
  const std::vector<uint8_t> bytes = MakeActivations<uint8_t>(shape);
  return std::vector<int8_t>(bytes.begin(), bytes.end());
}

template <>
std::vector<float> MakeActivations(const Shape& shape) {
  std::vector<float> a(Size(shape.m, shape.k));
  FillBell(&a, Random(1));
  return a;
}

template <typename T>
std::vector<T> MakeWeights(const Shape& shape) {
  std::vector<T> b(Size(shape.k, shape.n));
  FillBell(&b, Random(2));
  return b;
}
template std::vector<int8_t> MakeWeights(const Shape& shape);
template std::vector<float> MakeWeights(const Shape& shape);

std::vector<float> MakeSparse(const Shape& shape) {
  std::vector<float> a = MakeActivations<float>(shape);
  Random random(4);
  for (float& v : a) {
    if (random() < shape.sparsity * 0x1p32) v = 0;
  }
  return a;
}

Layer MakeLayer(const Shape& shape) {
  // Bytes have a standard deviation of 74 and these weights one of 37, so sums have this one; four of them fill the output's
  // range.
  const float deviation = kLayerDeviation * std::sqrt(static_cast<float>(shape.k));
  Layer layer{std::vector<float>(static_cast<size_t>(shape.n)), std::vector<float>(static_cast<size_t>(shape.n))};
  FillBell(&layer.bias, Random(3));
  for (float& v : layer.bias) v *= deviation;
  for (size_t n = 0; n < layer.scale.size(); n++) layer.scale[n] = 255.0f / (4.0f * deviation) * (1.0f + 0.01f * (n % 7));
  return layer;
}

template <typename A>
std::string CheckSums(const Shape& shape, const A* a, const int8_t* b, const int32_t* y) {
  return Compare(shape, y, 0, [&](int m, int n) { return static_cast<double>(Dot<int64_t>(shape, a, b, m, n)); });
}
template std::string CheckSums(const Shape&, const uint8_t*, const int8_t*, const int32_t*);
template std::string CheckSums(const Shape&, const int8_t*, const int8_t*, const int32_t*);

std::string CheckLayer(const Shape& shape, const Layer& layer, const uint8_t* y, const Element& sum) {
  return Compare(shape, y, 1, [&](int m, int n) {
    const double real = layer.scale[static_cast<size_t>(n)] * (sum(m, n) + layer.bias[static_cast<size_t>(n)]);
    return std::min(255.0, std::nearbyint(std::max(0.0, real)));
  });
}
template <typename A>
std::string CheckLayer(const Shape& shape, const A* a, const int8_t* b, const Layer& layer, const uint8_t* y) {
  return CheckLayer(shape, layer, y, [&](int m, int n) { return static_cast<double>(Dot<int64_t>(shape, a, b, m, n)); });
}
template std::string CheckLayer(const Shape&, const uint8_t*, const int8_t*, const Layer&, const uint8_t*);
template std::string CheckLayer(const Shape&, const int8_t*, const int8_t*, const Layer&, const uint8_t*);

std::string CheckFloats(const Shape& shape, const float* a, const float* b, const float* y) {
  const double largest = static_cast<double>(Magnitude(a, Size(shape.m, shape.k))) * Magnitude(b, Size(shape.k, shape.n));
  const double tolerance = 2 * std::ldexp(1.0, -23) * (shape.k + 1) * largest;
  return Compare(shape, y, tolerance, [&](int m, int n) { return Dot<double>(shape, a, b, m, n); });
}

}  // namespace lowp_peers
