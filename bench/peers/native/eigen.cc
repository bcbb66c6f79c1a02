// Eigen: SparseMatrix times a dense matrix, both row-major, which it computes row by row of the sparse one, each entry a scaled
// row of the dense. Headers only, so the flags of this program are its own.
#include <Eigen/SparseCore>

#include "problem.h"

namespace lowp_peers {
namespace {

using Dense = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Sparse = Eigen::SparseMatrix<float, Eigen::RowMajor, int>;

class SparseTimesDense : public Product {
 public:
  explicit SparseTimesDense(const Shape& shape)
      : shape_(shape), a_(MakeSparse(shape)), b_(MakeWeights<float>(shape)), c_(shape.m, shape.n) {
    sparse_ = Eigen::Map<const Dense>(a_.data(), shape.m, shape.k).sparseView();
    sparse_.makeCompressed();
  }

  void Run() override {
    // A vector has to have its own type: as a matrix of one column it takes seven times as long.
    if (shape_.n == 1) {
      Eigen::Map<Eigen::VectorXf>(c_.data(), shape_.m).noalias() =
          sparse_ * Eigen::Map<const Eigen::VectorXf>(b_.data(), shape_.k);
    } else {
      c_.noalias() = sparse_ * Eigen::Map<const Dense>(b_.data(), shape_.k, shape_.n);
    }
  }
  std::string Check() const override { return CheckFloats(shape_, a_.data(), b_.data(), c_.data()); }
  std::string Describe() const override { return Eigen::SimdInstructionSetsInUse(); }

 private:
  Shape shape_;
  std::vector<float> a_;
  std::vector<float> b_;
  Dense c_;
  Sparse sparse_;
};

std::unique_ptr<Product> Open(const Shape& shape) { return std::make_unique<SparseTimesDense>(shape); }

}  // namespace

Library OpenEigen() {
  const std::string version =
      std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." + std::to_string(EIGEN_MINOR_VERSION);
  return {"Eigen", version, {{"SparseMatrix f32", "sparse", "csr", Open}}, {}};
}

}  // namespace lowp_peers
