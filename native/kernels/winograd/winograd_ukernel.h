// The transforms, once for all ISAs: templates over a vector type of the epilogue. Multiplications by 2, 4 and 8 are exact.
// Matrices: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015 (points 0, 1, -1 and, for F4, 2, -2).
#ifndef LOWP_KERNELS_WINOGRAD_WINOGRAD_UKERNEL_H_
#define LOWP_KERNELS_WINOGRAD_WINOGRAD_UKERNEL_H_

#include "kernels/epilogue/epilogue_vector.h"
#include "kernels/winograd/winograd_kernel.h"

namespace lowp {

template <class V>
struct WinogradF2 {
  using F = typename V::F;
  static constexpr int kTile = 2, kAlpha = 4;

  // t = B^T d
  static void Input(const F* d, F* t) {
    t[0] = V::SubF(d[0], d[2]);
    t[1] = V::AddF(d[1], d[2]);
    t[2] = V::SubF(d[2], d[1]);
    t[3] = V::SubF(d[1], d[3]);
  }

  // y = A^T m
  static void Output(const F* m, F* y) {
    y[0] = V::AddF(m[0], V::AddF(m[1], m[2]));
    y[1] = V::SubF(V::SubF(m[1], m[2]), m[3]);
  }
};

template <class V>
struct WinogradF4 {
  using F = typename V::F;
  static constexpr int kTile = 4, kAlpha = 6;

  static void Input(const F* d, F* t) {
    const F two = V::SetF(2), four = V::SetF(4), five = V::SetF(5);
    t[0] = V::AddF(V::SubF(V::MulF(four, d[0]), V::MulF(five, d[2])), d[4]);
    const F even = V::SubF(d[4], V::MulF(four, d[2])), odd = V::SubF(d[3], V::MulF(four, d[1]));
    t[1] = V::AddF(even, odd);
    t[2] = V::SubF(even, odd);
    const F even2 = V::SubF(d[4], d[2]), odd2 = V::MulF(two, V::SubF(d[3], d[1]));
    t[3] = V::AddF(even2, odd2);
    t[4] = V::SubF(even2, odd2);
    t[5] = V::AddF(V::SubF(V::MulF(four, d[1]), V::MulF(five, d[3])), d[5]);
  }

  static void Output(const F* m, F* y) {
    const F two = V::SetF(2), four = V::SetF(4), eight = V::SetF(8);
    const F sum = V::AddF(m[1], m[2]), difference = V::SubF(m[1], m[2]);
    const F sum2 = V::AddF(m[3], m[4]), difference2 = V::SubF(m[3], m[4]);
    y[0] = V::AddF(m[0], V::AddF(sum, sum2));
    y[1] = V::AddF(difference, V::MulF(two, difference2));
    y[2] = V::AddF(sum, V::MulF(four, sum2));
    y[3] = V::AddF(V::AddF(difference, V::MulF(eight, difference2)), m[5]);
  }
};

// v = B^T d B for the first `cols` channels of a vector.
template <class V, class Form>
inline void WinogradInputColumns(const float* x, size_t ld_row, size_t ld_pixel, size_t cols, float* v, size_t plane) {
  constexpr int kAlpha = Form::kAlpha;
  typename V::F rows[kAlpha][kAlpha];
#pragma GCC unroll 6
  for (int j = 0; j < kAlpha; ++j) {
    typename V::F d[kAlpha], t[kAlpha];
#pragma GCC unroll 6
    for (int i = 0; i < kAlpha; ++i)
      d[i] = V::LoadFirstF(x + static_cast<size_t>(i) * ld_row + static_cast<size_t>(j) * ld_pixel, cols);
    Form::Input(d, t);
#pragma GCC unroll 6
    for (int i = 0; i < kAlpha; ++i) rows[i][j] = t[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < kAlpha; ++i) {
    typename V::F t[kAlpha];
    Form::Input(rows[i], t);
#pragma GCC unroll 6
    for (int j = 0; j < kAlpha; ++j) V::StoreF(v + static_cast<size_t>(i * kAlpha + j) * plane, t[j], cols);
  }
}

template <class V, class Form>
void WinogradInput(const float* x, size_t ld_row, size_t ld_pixel, size_t channels, float* v, size_t plane) {
  size_t c = 0;
  for (; c + V::kWidth <= channels; c += V::kWidth)
    WinogradInputColumns<V, Form>(x + c, ld_row, ld_pixel, V::kWidth, v + c, plane);
  if (c < channels) WinogradInputColumns<V, Form>(x + c, ld_row, ld_pixel, channels - c, v + c, plane);
}

// acc = A^T products A
template <class V, class Form>
void WinogradOutput(const float* products, size_t plane, float* acc, size_t ld_row) {
  constexpr int kAlpha = Form::kAlpha, kTile = Form::kTile;
  for (size_t c = 0; c < kWinogradNb; c += V::kWidth) {
    typename V::F rows[kTile][kAlpha];
#pragma GCC unroll 6
    for (int j = 0; j < kAlpha; ++j) {
      typename V::F m[kAlpha], y[kTile];
#pragma GCC unroll 6
      for (int i = 0; i < kAlpha; ++i) m[i] = V::LoadF(products + static_cast<size_t>(i * kAlpha + j) * plane + c);
      Form::Output(m, y);
#pragma GCC unroll 4
      for (int i = 0; i < kTile; ++i) rows[i][j] = y[i];
    }
#pragma GCC unroll 4
    for (int i = 0; i < kTile; ++i) {
      typename V::F y[kTile];
      Form::Output(rows[i], y);
#pragma GCC unroll 4
      for (int j = 0; j < kTile; ++j)
        V::StoreF(acc + static_cast<size_t>(i) * ld_row + static_cast<size_t>(j) * kWinogradNb + c, y[j], V::kWidth);
    }
  }
}

template <class V>
constexpr WinogradTransforms kWinogradF2 = {WinogradInput<V, WinogradF2<V>>, WinogradOutput<V, WinogradF2<V>>};
template <class V>
constexpr WinogradTransforms kWinogradF4 = {WinogradInput<V, WinogradF4<V>>, WinogradOutput<V, WinogradF4<V>>};

}  // namespace lowp

#endif  // LOWP_KERNELS_WINOGRAD_WINOGRAD_UKERNEL_H_
