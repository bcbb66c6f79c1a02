#include "kernels/svd/svd_krylov.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace lowp {
namespace {

// Rows along which the basis reaches no further than this are orthogonal to it once that is taken out. What is left of others may
// be rounding errors, much of it along the basis again.
constexpr float kAlmostOrthogonal = 0.05f;
constexpr size_t kMaxPasses = 20;
// Rows that were made orthonormal and of which no more is left are rounding errors along the basis: another random row does
// better.
constexpr double kLost = 1e-3;

Status Reserve(AlignedBuffer* buffer, size_t floats) {
  if (buffer->Reserve(floats * sizeof(float))) return {};
  return {Code::kNoMemory, "Expected " + std::to_string(floats * sizeof(float)) + " bytes for a block but the system gave none"};
}

}  // namespace

Status SvdKrylov::Begin() {
  // W^T: [short][long]. As stored it is a where a is wide.
  const bool tall = m_ >= n_;
  const auto pack = [&](bool transpose, SGemmPackedB* packed) {
    return PackSGemmB(
        {transpose ? n_ : m_, transpose ? m_ : n_, a_, lda_, transpose, SGemmStorage::kFloat32, SGemmStorage::kFloat32},
        engine_.sgemm, packed);
  };
  if (Status status = pack(tall, &to_long_); !status.ok()) return status;
  return pack(!tall, &to_short_);
}

Status SvdKrylov::Reserve(size_t vectors) {
  if (vectors <= capacity_) return {};
  const size_t capacity = std::min(std::max(vectors, capacity_ + capacity_ / 2), short_side());
  if (Status status = basis_.Grow(capacity); !status.ok()) return status;
  if (Status status = images_.Grow(capacity); !status.ok()) return status;
  std::vector<double> larger(capacity * capacity);
  for (size_t i = 0; i < size_; ++i) std::copy_n(&gram_[i * capacity_], size_, &larger[i * capacity]);
  gram_.swap(larger);
  capacity_ = capacity;
  return {};
}

Status SvdKrylov::MakeOrthonormal(float* x, size_t count, size_t length, size_t before, size_t passes) {
  AlignedBuffer scratch;
  if (Status status = lowp::Reserve(&scratch, count * length); !status.ok()) return status;
  SGemmPackedB along, back;
  std::vector<float> coefficients(count * before);
  if (before > 0) {
    if (Status status = engine_.Pack(basis_.Row(0), before, length, true, &along); !status.ok()) return status;
    if (Status status = engine_.Pack(basis_.Row(0), before, length, false, &back); !status.ok()) return status;
  }
  for (size_t pass = 0, good = 0; pass < kMaxPasses; ++pass) {
    float reach = 0;
    if (before > 0) {
      if (Status status = engine_.Multiply(x, count, along, coefficients.data()); !status.ok()) return status;
      for (float& c : coefficients) {
        reach = std::max(reach, std::fabs(c));
        c = -c;
      }
      if (Status status = engine_.Multiply(coefficients.data(), count, back, x, x); !status.ok()) return status;
    }
    bool replaced = false;
    const double floor = pass == 0 ? floor_ : kLost;
    Status status = engine_.Orthonormalize(x, count, length, floor, &random_, scratch.As<float>(), &replaced);
    if (!status.ok()) return status;
    // Rows that were replaced begin again, and so do those that had lost most of themselves.
    good = replaced ? 0 : good + 1;
    if (good >= passes && reach <= kAlmostOrthogonal) return {};
  }
  return {Code::kInternal, "The vectors of a basis did not become orthogonal"};
}

Status SvdKrylov::Extend(size_t count) {
  if (Status status = Reserve(size_ + count); !status.ok()) return status;
  AlignedBuffer block, scratch;
  if (Status status = lowp::Reserve(&block, count * long_side()); !status.ok()) return status;
  float* from = block.As<float>();
  if (size_ == 0) {
    random_.Fill(from, count * long_side());
  } else {
    std::copy_n(images_.Row(size_ - last_), count * long_side(), from);
    if (Status status = lowp::Reserve(&scratch, count * long_side()); !status.ok()) return status;
    // Once: it need not be exactly orthonormal, only well-conditioned.
    bool replaced;
    Status status = engine_.Orthonormalize(from, count, long_side(), floor_, &random_, scratch.As<float>(), &replaced);
    if (!status.ok()) return status;
  }
  float* fresh = basis_.Row(size_);
  if (Status status = engine_.Multiply(from, count, to_short_, fresh); !status.ok()) return status;
  if (Status status = MakeOrthonormal(fresh, count, short_side(), size_); !status.ok()) return status;
  float* image = images_.Row(size_);
  if (Status status = engine_.Multiply(fresh, count, to_long_, image); !status.ok()) return status;
  engine_.Gram(image, count, images_.Row(0), size_ + count, long_side(), &gram_[size_ * capacity_], capacity_);
  for (size_t i = size_; i < size_ + count; ++i) {
    for (size_t j = 0; j < i; ++j) gram_[j * capacity_ + i] = gram_[i * capacity_ + j];
  }
  size_ += count;
  last_ = count;
  return {};
}

}  // namespace lowp
