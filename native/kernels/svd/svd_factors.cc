#include "kernels/svd/svd_factors.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/thread_pool.h"

namespace lowp {
namespace {

// to[j][i] = from[i][j], rows x cols, in squares that stay in L1.
void Transpose(const float* from, size_t rows, size_t cols, float* to, size_t ld_to) {
  constexpr size_t kSquare = 32;
  for (size_t i0 = 0; i0 < rows; i0 += kSquare) {
    for (size_t j0 = 0; j0 < cols; j0 += kSquare) {
      for (size_t j = j0; j < std::min(j0 + kSquare, cols); ++j) {
        for (size_t i = i0; i < std::min(i0 + kSquare, rows); ++i) to[j * ld_to + i] = from[i * cols + j];
      }
    }
  }
}

Status NoMemory(size_t bytes) {
  return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes for the factors but the system gave none"};
}

}  // namespace

Status SvdFactors::MakeFactors(size_t rank, std::vector<double>* squares) {
  rank_ = rank;
  const size_t d = size();
  const SvdCombination combination(engine_.kernel, *this, rank, krylov_.floor());
  *squares = combination.squares;

  AlignedBuffer rows;
  const size_t bytes = rank * (short_side() + long_side()) * sizeof(float);
  if (!rows.Reserve(bytes)) return NoMemory(bytes);
  float* right = rows.As<float>();
  float* left = right + rank * short_side();
  const auto combine = [&](const std::vector<float>& weights, const float* from, size_t length, float* to) {
    SGemmPackedB packed;
    if (Status status = engine_.Pack(from, d, length, false, &packed); !status.ok()) return status;
    return engine_.Multiply(weights.data(), rank, packed, to);
  };
  if (Status status = combine(combination.right, krylov_.basis(), short_side(), right); !status.ok()) return status;
  if (Status status = combine(combination.left, krylov_.images(), long_side(), left); !status.ok()) return status;
  // Directions that the matrix takes to nothing become whatever is orthogonal to the others.
  if (combination.passes > 0) {
    Status status = krylov_.MakeOrthonormal(left, rank, long_side(), 0, combination.passes);
    if (!status.ok()) return status;
  }

  const bool tall = m_ >= n_;
  float* u_rows = tall ? left : right;
  float* vt_rows = tall ? right : left;
  for (size_t r = 0; r < rank; ++r) {
    const float* row = u_rows + r * m_;
    float largest = 0;
    for (size_t i = 0; i < m_; ++i) {
      if (std::fabs(row[i]) > std::fabs(largest)) largest = row[i];
    }
    if (largest < 0) {
      for (size_t i = 0; i < m_; ++i) u_rows[r * m_ + i] = -u_rows[r * m_ + i];
      for (size_t j = 0; j < n_; ++j) vt_rows[r * n_ + j] = -vt_rows[r * n_ + j];
    }
    s()[r] = static_cast<float>(combination.values[r]);
  }
  Transpose(u_rows, rank, m_, u(), rank);
  std::copy_n(vt_rows, rank * n_, vt());
  return {};
}

Status SvdFactors::MeasureResidual(double* squares) {
  constexpr size_t kRows = 256;
  SGemmPackedB packed;
  if (Status status = engine_.Pack(vt(), rank_, n_, false, &packed); !status.ok()) return status;
  AlignedBuffer buffer;
  const size_t bytes = kRows * (rank_ + n_) * sizeof(float);
  if (!buffer.Reserve(bytes)) return NoMemory(bytes);
  float* left = buffer.As<float>();
  float* product = left + kRows * rank_;
  std::vector<double> sums(kRows);
  *squares = 0;
  for (size_t i0 = 0; i0 < m_; i0 += kRows) {
    const size_t count = std::min(kRows, m_ - i0);
    for (size_t i = 0; i < count; ++i) {
      for (size_t r = 0; r < rank_; ++r) left[i * rank_ + r] = u()[(i0 + i) * rank_ + r] * s()[r];
    }
    if (Status status = engine_.Multiply(left, count, packed, product); !status.ok()) return status;
    ParallelFor(count, engine_.threads, [&](size_t i) {
      const float* row = a_ + (i0 + i) * lda_;
      const float* approximation = product + i * n_;
      double sum = 0;
      for (size_t j = 0; j < n_; ++j) {
        const double difference = static_cast<double>(row[j]) - approximation[j];
        sum += difference * difference;
      }
      sums[i] = sum;
    });
    for (size_t i = 0; i < count; ++i) *squares += sums[i];
  }
  return {};
}

Status SvdFactors::Unscale(int exponent) {
  if (exponent == 0) return {};
  for (size_t r = 0; r < rank_; ++r) {
    s()[r] = std::ldexp(s()[r], -exponent);
    if (!std::isfinite(s()[r]))
      return {Code::kValue, "Expected singular values within float32 for a but the largest is beyond 3.4e38"};
  }
  return {};
}

}  // namespace lowp
