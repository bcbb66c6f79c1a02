#include "kernels/svd/svd_cholesky.h"

#include <algorithm>
#include <cmath>

namespace lowp {
namespace {

// A row of which less than this share of its square is left when those before it are taken out depends on them: Cholesky of a
// float64 Gram matrix of float32 rows can tell no less.
constexpr double kDependent = 1e-9;

}  // namespace

void InvertCholesky(std::vector<double>& g, size_t n, double floor, std::vector<float>* inverse, std::vector<bool>* depends) {
  depends->assign(n, false);
  std::vector<double> inv(n * n);
  for (size_t j = 0; j < n; ++j) {
    double* row = &g[j * n];
    const double square = row[j];
    double left = square;
    for (size_t k = 0; k < j; ++k) {
      if ((*depends)[k]) {
        row[k] = 0;
        continue;
      }
      for (size_t i = 0; i < k; ++i) row[k] -= row[i] * g[k * n + i];
      row[k] /= g[k * n + k];
      left -= row[k] * row[k];
    }
    if (!(left > std::max(floor * floor, kDependent * square))) {
      (*depends)[j] = true;
      continue;
    }
    row[j] = std::sqrt(left);
    // Row j of the inverse: (e_j - sum_k row[k] * inverse_k) / row[j]
    for (size_t k = 0; k < j; ++k) {
      if ((*depends)[k]) continue;
      for (size_t i = 0; i <= k; ++i) inv[j * n + i] -= row[k] * inv[k * n + i];
    }
    inv[j * n + j] = 1;
    for (size_t i = 0; i <= j; ++i) inv[j * n + i] /= row[j];
  }
  inverse->resize(n * n);
  std::copy(inv.begin(), inv.end(), inverse->begin());
}

}  // namespace lowp
