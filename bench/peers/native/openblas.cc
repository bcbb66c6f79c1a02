// OpenBLAS: sgemm. It has no 8-bit product, and packs B in every call.
#include <cblas.h>

#include <sstream>

#include "problem.h"

namespace lowp_peers {
namespace {

class Sgemm : public Product {
 public:
  explicit Sgemm(const Shape& shape)
      : shape_(shape),
        a_(MakeActivations<float>(shape)),
        b_(MakeWeights<float>(shape)),
        c_(static_cast<size_t>(shape.m) * static_cast<size_t>(shape.n)) {}

  void Run() override {
    const int m = shape_.m, n = shape_.n, k = shape_.k;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1.0f, a_.data(), k, b_.data(), n, 0.0f, c_.data(), n);
  }
  std::string Check() const override { return CheckFloats(shape_, a_.data(), b_.data(), c_.data()); }
  std::string Describe() const override { return std::string("kernel of ") + openblas_get_corename(); }

 private:
  Shape shape_;
  std::vector<float> a_;
  std::vector<float> b_;
  std::vector<float> c_;
};

std::unique_ptr<Product> OpenSgemm(const Shape& shape) { return std::make_unique<Sgemm>(shape); }

}  // namespace

Library OpenOpenBlas() {
  // "OpenBLAS 0.3.21 NO_AFFINITY ...": the second word.
  std::istringstream config(openblas_get_config());
  std::string name, version;
  config >> name >> version;
  return {"OpenBLAS", version, {{"sgemm f32", "float32", "f32", OpenSgemm}}, {}};
}

}  // namespace lowp_peers
