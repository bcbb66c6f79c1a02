// What the peers multiply, C[M,N] = A[M,K] * B[K,N], row-major, and the plain loops that judge their results.
#ifndef LOWP_BENCH_PEERS_PROBLEM_H_
#define LOWP_BENCH_PEERS_PROBLEM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lowp_peers {

struct Shape {
  int m;
  int n;
  int k;
  double sparsity = 0;  // share of zeros of a sparse A
};

// Deterministic, with the distributions of the bench's own inputs: uniform bytes for activations, bell-shaped weights.
template <typename T>
std::vector<T> MakeActivations(const Shape& shape);  // uint8_t, int8_t: every byte alike. float: bell-shaped
template <typename T>
std::vector<T> MakeWeights(const Shape& shape);  // int8_t, float: bell-shaped
// A[M,K] with its zeros, at the same places as in the bench's own: an element is there where 32 random bits are at least
// sparsity * 2^32.
std::vector<float> MakeSparse(const Shape& shape);

// Bias, relu and a scale for each column, as oneDNN has it: y = saturate(round(max(0, scale[n] * (sum + bias[n])))).
struct Layer {
  std::vector<float> bias;
  std::vector<float> scale;
};
Layer MakeLayer(const Shape& shape);
// Of the bytes and the int8_t weights above, multiplied: the standard deviation of a sum over its square root of K.
constexpr float kLayerDeviation = 74.0f * 37.0f;

// Of the element in row m and column n.
using Element = std::function<double(int m, int n)>;

float Magnitude(const float* values, size_t length);

// Empty if the sampled elements of y are right, else what is wrong. The whole product where that is quick, else 8 rows by 32
// columns, the first and last among them.
template <typename T>
std::string Compare(const Shape& shape, const T* y, double tolerance, const Element& expected);
template <typename A>
std::string CheckSums(const Shape& shape, const A* a, const int8_t* b, const int32_t* y);
// Within 1: a library may round the product of scale and sum otherwise.
template <typename A>
std::string CheckLayer(const Shape& shape, const A* a, const int8_t* b, const Layer& layer, const uint8_t* y);
std::string CheckLayer(const Shape& shape, const Layer& layer, const uint8_t* y, const Element& sum);
// Within 2 eps (K + 1) max|a| max|b| of the exact product.
std::string CheckFloats(const Shape& shape, const float* a, const float* b, const float* y);

// An operator of a library on one shape, with inputs of its own.
class Product {
 public:
  virtual ~Product() = default;
  virtual void Run() = 0;
  // What is wrong with the result of the last Run(); empty if nothing.
  virtual std::string Check() const = 0;
  // What the library chose, and whether it took the weights in a layout of its own.
  virtual std::string Describe() const = 0;
};

// One row of a library's table: all that it takes to measure one more operator.
struct Operator {
  const char* name;
  const char* kind;      // int8, float32 or sparse
  const char* operands;  // u8s8, s8s8, f32 or csr: what it is compared with
  std::unique_ptr<Product> (*open)(const Shape& shape);
};

struct ConvShape;
struct ConvOperator {
  const char* name;
  const char* operands;  // u8s8 or f32
  std::unique_ptr<Product> (*open)(const ConvShape& shape);
};

struct Library {
  const char* name;
  std::string version;
  std::vector<Operator> operators;
  std::vector<ConvOperator> convolutions;
};

Library OpenEigen();
Library OpenLibxsmm();
Library OpenOneDnn();
std::vector<ConvOperator> OneDnnConvolutions();
Library OpenOpenBlas();

}  // namespace lowp_peers

#endif  // LOWP_BENCH_PEERS_PROBLEM_H_
