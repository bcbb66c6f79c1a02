#include "kernels/svd/svd_eigen.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/aligned_buffer.h"

namespace lowp {
namespace {

// The reflector I - beta v v^T that takes x to a multiple of the first axis, which it returns; v replaces x.
double Reflect(double* x, size_t length, double* beta) {
  double rest = 0;
  for (size_t i = 1; i < length; ++i) rest += x[i] * x[i];
  const double first = x[0];
  *beta = 0;
  if (rest == 0) return first;
  const double norm = std::sqrt(first * first + rest);
  *beta = 1 / (norm * (norm + std::fabs(first)));
  x[0] += first < 0 ? -norm : norm;
  return first < 0 ? norm : -norm;
}

double Dot(const double* x, const double* y, size_t length) { return std::inner_product(x, x + length, y, 0.0); }

// Implicit QL (Bowdler, Martin, Reinsch, Wilkinson 1968): d becomes the eigenvalues. e[i] couples i and i + 1; e[n - 1] is 0.
// Calls sweep(l, count, c, s) for each run of rotations of rows l .. l + count, from the last pair upwards.
template <class Sweep>
void ImplicitQl(std::vector<double>& d, std::vector<double>& e, const Sweep& sweep) {
  const size_t n = d.size();
  std::vector<double> cs(n), sn(n);
  for (size_t l = 0; l < n; ++l) {
    for (;;) {
      size_t m = l;
      for (; m + 1 < n; ++m) {
        if (std::fabs(e[m]) <= std::numeric_limits<double>::epsilon() * (std::fabs(d[m]) + std::fabs(d[m + 1]))) break;
      }
      if (m == l) break;
      double g = (d[l + 1] - d[l]) / (2 * e[l]);
      double r = std::sqrt(g * g + 1);
      g = d[m] - d[l] + e[l] / (g + std::copysign(r, g));
      double s = 1, c = 1, p = 0;
      size_t i = m;
      bool split = false;
      while (i > l) {
        --i;
        const double f = s * e[i], b = c * e[i];
        r = std::sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r == 0) {  // the matrix falls apart between i and i + 1
          d[i + 1] -= p;
          e[m] = 0;
          split = true;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        cs[i] = c;
        sn[i] = s;
      }
      const size_t first = split ? i + 1 : l;
      sweep(first, m - first, cs.data() + first, sn.data() + first);
      if (split) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
}

}  // namespace

SymmetricEigen::SymmetricEigen(const SvdKernel& kernel, const double* g, size_t ld, size_t n)
    : kernel_(kernel), n_(n), reflectors_(n * n), beta_(n), diagonal_(n), off_(n) {
  for (size_t i = 0; i < n; ++i) std::copy_n(g + i * ld, n, &reflectors_[i * n]);
  std::vector<double> w(n), p(n);
  const double* v = w.data();  // zeros, at first: w and v of the reflector before
  for (size_t j = 0; j < n; ++j) {
    // Rows from j on have yet to see the last reflector; row j first, for it has the next one.
    double* row = &reflectors_[j * n];
    const double vj = v[j], wj = w[j];
    for (size_t k = j; k < n; ++k) row[k] -= vj * w[k] + wj * v[k];
    diagonal_[j] = row[j];
    const size_t from = j + 1, length = n - from;
    if (length == 0) break;
    // Of the last pair nothing has to be reflected.
    if (length == 1) beta_[j] = 0;
    off_[j] = length == 1 ? row[from] : Reflect(row + from, length, &beta_[j]);
    std::fill(p.begin(), p.end(), 0);
    for (size_t i = from; i < n; ++i)
      kernel.update(length, v[i], &w[from], w[i], v + from, row[i], &reflectors_[i * n + from], &p[from]);
    // A - v w^T - w v^T with w = beta p - (beta^2 (p v) / 2) v, where p = A v
    v = row;
    const double half = beta_[j] * beta_[j] * Dot(&p[from], v + from, length) / 2;
    for (size_t k = from; k < n; ++k) w[k] = beta_[j] * p[k] - half * v[k];
  }
}

std::vector<double> SymmetricEigen::Values() const {
  std::vector<double> d = diagonal_, e = off_;
  ImplicitQl(d, e, [](size_t, size_t, const double*, const double*) {});
  std::sort(d.begin(), d.end(), std::greater<double>());
  return d;
}

void SymmetricEigen::Largest(size_t count, std::vector<double>* values, std::vector<double>* vectors) const {
  const size_t width = RoundUp(n_, kSvdRotateWidth);
  std::vector<double> d = diagonal_, e = off_, z(n_ * width);
  for (size_t i = 0; i < n_; ++i) z[i * width + i] = 1;
  ImplicitQl(d, e, [&](size_t first, size_t rotations, const double* c, const double* s) {
    kernel_.rotate(rotations, c, s, &z[first * width], width);
  });
  std::vector<size_t> order(n_);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t i, size_t j) { return d[i] != d[j] ? d[i] > d[j] : i < j; });
  values->resize(count);
  vectors->assign(n_ * count, 0);
  for (size_t r = 0; r < count; ++r) {
    (*values)[r] = d[order[r]];
    for (size_t k = 0; k < n_; ++k) (*vectors)[k * count + r] = z[order[r] * width + k];
  }
  // Back through the reflectors, each together with the products that the next one needs.
  std::vector<double> w(count), p(count);
  for (size_t j = n_; j-- > 0;) {
    const double* v = &reflectors_[j * n_];
    const double* next = j > 0 ? v - n_ : w.data();
    std::fill(p.begin(), p.end(), 0);
    for (size_t i = j; i < n_; ++i) {
      const double along = i > j ? beta_[j] * v[i] : 0, u = j > 0 ? next[i] : 0;
      kernel_.update(count, along, w.data(), 0, w.data(), u, &(*vectors)[i * count], p.data());
    }
    w.swap(p);
  }
}

}  // namespace lowp
