#include "kernels/svd/svd_rows.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/svd/svd_cholesky.h"

namespace lowp {
float SvdRandom::Next() {
  uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return static_cast<float>(static_cast<double>(z >> 40) / 8388608.0 - 1.0);
}

Status SvdRowBuffer::Grow(size_t rows) {
  if (rows <= rows_) return {};
  AlignedBuffer larger;
  const size_t bytes = rows * length_ * sizeof(float);
  if (!larger.Reserve(bytes))
    return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes for a basis but the system gave none"};
  if (rows_ > 0) std::memcpy(larger.data(), buffer_.data(), rows_ * length_ * sizeof(float));
  buffer_ = std::move(larger);
  rows_ = rows;
  return {};
}

Status SvdEngine::Multiply(const float* a, size_t count, const SGemmPackedB& b, float* c, const float* residual) const {
  SGemmArgs args;
  args.m = count;
  args.a = a;
  args.lda = b.k;
  args.b = &b;
  args.c = c;
  args.ldc = b.n;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  args.activation = {ActivationKind::kClamp, -kInfinity, kInfinity, 0};
  if (residual != nullptr) args.residual = {ResidualKind::kFloat32, residual, b.n, 1, 0};
  args.threads = threads;
  args.stop = stop;
  return SGemm(args);
}

void SvdEngine::Gram(const float* a, size_t a_rows, const float* b, size_t b_rows, size_t length, double* out, size_t ld) const {
  const bool lower = a == b;
  const size_t a_tiles = DivUp(a_rows, kSvdGramRows), b_tiles = DivUp(b_rows, kSvdGramCols);
  const size_t used = a_rows * b_rows * length < kParallelGram ? 1 : threads;
  ParallelFor(b_tiles, used, [&](size_t b_tile) {
    const size_t j0 = b_tile * kSvdGramCols;
    const float* b_row[kSvdGramCols];
    // Beyond the last row the last is repeated, and what comes of it left out.
    for (size_t j = 0; j < kSvdGramCols; ++j) b_row[j] = b + std::min(j0 + j, b_rows - 1) * length;
    for (size_t a_tile = 0; a_tile < a_tiles; ++a_tile) {
      const size_t i0 = a_tile * kSvdGramRows;
      if (lower && j0 >= i0 + kSvdGramRows) continue;
      const float* a_row[kSvdGramRows];
      for (size_t i = 0; i < kSvdGramRows; ++i) a_row[i] = a + std::min(i0 + i, a_rows - 1) * length;
      double sums[kSvdGramRows * kSvdGramCols];
      kernel.gram(length, a_row, b_row, sums);
      for (size_t i = 0; i < kSvdGramRows && i0 + i < a_rows; ++i) {
        for (size_t j = 0; j < kSvdGramCols && j0 + j < b_rows; ++j) out[(i0 + i) * ld + j0 + j] = sums[i * kSvdGramCols + j];
      }
    }
  });
}

Status SvdEngine::Orthonormalize(float* x, size_t count, size_t length, double floor, SvdRandom* random, float* scratch,
                                 bool* replaced) const {
  std::vector<double> gram(count * count);
  Gram(x, count, x, count, length, gram.data(), count);
  std::vector<float> inverse;
  std::vector<bool> depends;
  InvertCholesky(gram, count, floor, &inverse, &depends);
  SGemmPackedB packed;
  if (Status status = Pack(x, count, length, false, &packed); !status.ok()) return status;
  if (Status status = Multiply(inverse.data(), count, packed, scratch); !status.ok()) return status;
  std::memcpy(x, scratch, count * length * sizeof(float));
  *replaced = false;
  for (size_t i = 0; i < count; ++i) {
    if (!depends[i]) continue;
    random->Fill(x + i * length, length);
    *replaced = true;
  }
  return {};
}

}  // namespace lowp
