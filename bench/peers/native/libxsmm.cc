// libxsmm 1.17: spmdm, its product of a sparse and a dense matrix of any size; the sparse one is cut into slices beforehand. Its
// other sparse kernels don't fit here: fsspmdm takes at most 480 different values, with AVX-512 (else it is a dense product), and
// those of create_xcsr_soa are generated code with instructions for each non-zero.
#include <libxsmm.h>

#include "problem.h"

namespace lowp_peers {
namespace {

class Spmdm : public Product {
 public:
  explicit Spmdm(const Shape& shape)
      : shape_(shape),
        a_(MakeSparse(shape)),
        b_(MakeWeights<float>(shape)),
        c_(static_cast<size_t>(shape.m) * static_cast<size_t>(shape.n)) {
    libxsmm_spmdm_init(shape.m, shape.n, shape.k, 1, &handle_, &slices_);
    const int blocks = libxsmm_spmdm_get_num_createSparseSlice_blocks(&handle_);
    for (int i = 0; i < blocks; i++) libxsmm_spmdm_createSparseSlice_fp32_thread(&handle_, 'N', a_.data(), slices_, i, 0, 1);
  }
  ~Spmdm() override { libxsmm_spmdm_destroy(&handle_); }
  Spmdm(const Spmdm&) = delete;
  Spmdm& operator=(const Spmdm&) = delete;

  void Run() override {
    const float alpha = 1;
    const float beta = 0;
    const int blocks = libxsmm_spmdm_get_num_compute_blocks(&handle_);
    for (int i = 0; i < blocks; i++) {
      libxsmm_spmdm_compute_fp32_thread(&handle_, 'N', 'N', &alpha, slices_, b_.data(), 'N', &beta, c_.data(), i, 0, 1);
    }
  }
  std::string Check() const override { return CheckFloats(shape_, a_.data(), b_.data(), c_.data()); }
  std::string Describe() const override { return libxsmm_get_target_arch(); }

 private:
  Shape shape_;
  std::vector<float> a_;
  std::vector<float> b_;
  std::vector<float> c_;
  libxsmm_spmdm_handle handle_{};
  libxsmm_CSR_sparseslice* slices_ = nullptr;
};

std::unique_ptr<Product> Open(const Shape& shape) { return std::make_unique<Spmdm>(shape); }

}  // namespace

Library OpenLibxsmm() {
  libxsmm_init();
  const std::string version = std::to_string(LIBXSMM_VERSION_MAJOR) + "." + std::to_string(LIBXSMM_VERSION_MINOR);
  return {"libxsmm", version, {{"spmdm f32", "sparse", "csr", Open}}, {}};
}

}  // namespace lowp_peers
