// The kernels, once for all ISAs: templates over vector types V with
//
//   In, Out, kWidth          elements of a vector, of x and of the result
//   kVectors                 how many of them stand in registers at a time
//   Acc, First()             what a window is gathered in
//   Add(acc, p)              one more tap; Add(acc, p, q): two
//   Store(to, acc)           all lanes
//   kTaps, Settle(acc)       where Acc can take only so many taps, what makes room for as many again
//
// and Narrow, the type for fewer lanes than kWidth; void after the scalar one.
#ifndef LOWP_KERNELS_POOL_POOL_UKERNEL_H_
#define LOWP_KERNELS_POOL_POOL_UKERNEL_H_

#include "kernels/epilogue/epilogue_vector.h"
#include "kernels/pool/pool_kernel.h"

namespace lowp {

static constexpr size_t kPoolAnyTaps = ~size_t{0};

// Calls two(p, q) for pairs of taps and one(p) for what is left of a row (or of the only column). Both get lane `lane`.
template <class T, class Two, class One>
inline void ForTaps(const PoolTaps<T>& taps, size_t lane, const Two& two, const One& one) {
  const T* row = taps.x + lane;
  if (taps.col_count == 1) {
    row += taps.cols[0];
    size_t r = 0;
    for (; r + 2 <= taps.rows; r += 2, row += 2 * taps.row_step) two(row, row + taps.row_step);
    if (r < taps.rows) one(row);
    return;
  }
  for (size_t r = 0; r < taps.rows; ++r, row += taps.row_step) {
    size_t c = 0;
    for (; c + 2 <= taps.col_count; c += 2) two(row + taps.cols[c], row + taps.cols[c + 1]);
    if (c < taps.col_count) one(row + taps.cols[c]);
  }
}

template <class V, int kVectors>
inline void PoolBlock(const PoolTaps<typename V::In>& taps, size_t lane, typename V::Out* to) {
  typename V::Acc acc[kVectors];
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; ++j) acc[j] = V::First();
  size_t left = V::kTaps;
  const auto make_room = [&](size_t count) {
    if (V::kTaps == kPoolAnyTaps) return;
    if (left < count) {
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) V::Settle(acc[j]);
      left = V::kTaps;
    }
    left -= count;
  };
  ForTaps(
      taps, lane,
      [&](const typename V::In* p, const typename V::In* q) {
        make_room(2);
#pragma GCC unroll 8
        for (int j = 0; j < kVectors; ++j) V::Add(acc[j], p + j * V::kWidth, q + j * V::kWidth);
      },
      [&](const typename V::In* p) {
        make_room(1);
#pragma GCC unroll 8
        for (int j = 0; j < kVectors; ++j) V::Add(acc[j], p + j * V::kWidth);
      });
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; ++j) {
    V::Settle(acc[j]);
    V::Store(to + lane + j * V::kWidth, acc[j]);
  }
}

template <class V>
void PoolLanes(const PoolTaps<typename V::In>& taps, size_t lanes, typename V::Out* to) {
  constexpr size_t kWidth = V::kWidth;
  size_t lane = 0;
  if constexpr (kWidth > 1) {
    for (; lane + V::kVectors * kWidth <= lanes; lane += V::kVectors * kWidth) PoolBlock<V, V::kVectors>(taps, lane, to);
    if constexpr (V::kVectors > 2) {
      for (; lane + 2 * kWidth <= lanes; lane += 2 * kWidth) PoolBlock<V, 2>(taps, lane, to);
    }
    for (; lane + kWidth <= lanes; lane += kWidth) PoolBlock<V, 1>(taps, lane, to);
    if (lane == lanes) return;
    // The last ones together with some of those before, whose results come out the same.
    if (lanes >= kWidth) return PoolBlock<V, 1>(taps, lanes - kWidth, to);
    PoolLanes<typename V::Narrow>(taps, lanes, to);
  } else {
    for (; lane < lanes; ++lane) PoolBlock<V, 1>(taps, lane, to);
  }
}

// What is left of a run goes to narrower types. R has In, Out, kWidth, kVectors, Acc, First(), Add(acc, p) and Narrow as above
// and
//
//   Join(acc, other)           both in acc
//   Fold(acc)                  all lanes in one
//   Scalar::JoinOuts(x, y)     of two such
template <class R>
inline typename R::Out PoolRun(const typename R::In* x, size_t count) {
  typename R::Acc acc[R::kVectors];
#pragma GCC unroll 8
  for (int j = 0; j < R::kVectors; ++j) acc[j] = R::First();
  size_t i = 0;
  for (; i + R::kVectors * R::kWidth <= count; i += R::kVectors * R::kWidth) {
#pragma GCC unroll 8
    for (int j = 0; j < R::kVectors; ++j) R::Add(acc[j], x + i + j * R::kWidth);
  }
  if constexpr (R::kVectors > 1) {
#pragma GCC unroll 8
    for (int j = 1; j < R::kVectors; ++j) R::Join(acc[0], acc[j]);
    for (; i + R::kWidth <= count; i += R::kWidth) R::Add(acc[0], x + i);
  }
  if constexpr (R::kWidth == 1) {
    return R::Fold(acc[0]);
  } else {
    const typename R::Out out = R::Fold(acc[0]);
    return i == count ? out : R::Scalar::JoinOuts(out, PoolRun<typename R::Narrow>(x + i, count - i));
  }
}

template <class R>
void PoolEachRun(const PoolRuns<typename R::In>& runs, typename R::Out* to) {
  const typename R::In* x = runs.x;
  for (size_t run = 0; run < runs.runs; ++run, x += runs.ld) to[run] = PoolRun<R>(x, runs.count);
}

namespace {

template <class T>
void PartScalar(const T* line, size_t ld, T* to) {
  for (size_t i = 0; i < ld; ++i) {
    to[i] = line[2 * i];
    to[ld + i] = line[2 * i + 1];
  }
}

// One element as a vector: the scalar kernel, and the last step of the others.

inline float LargerOf(float acc, float x) { return x > acc || x != x ? x : acc; }
inline uint8_t LargerOf(uint8_t acc, uint8_t x) { return x > acc ? x : acc; }
inline int8_t LargerOf(int8_t acc, int8_t x) { return x > acc ? x : acc; }

template <class T>
struct ScalarMax {
  using In = T;
  using Out = T;
  using Acc = T;
  static constexpr size_t kWidth = 1, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 1;
  static T First() {
    if constexpr (sizeof(T) == sizeof(float)) {
      return -__builtin_inff();
    } else {
      return static_cast<T>(static_cast<T>(-1) < 0 ? -128 : 0);
    }
  }
  static void Add(T& acc, const T* p) { acc = LargerOf(acc, *p); }
  static void Add(T& acc, const T* p, const T* q) { acc = LargerOf(LargerOf(acc, *p), *q); }
  static void Settle(T&) {}
  static void Store(T* to, T acc) { *to = Fold(acc); }
  static T JoinOuts(T x, T y) { return LargerOf(x, y); }
  static T Fold(T acc) { return static_cast<T>(acc + T{0}); }  // -0 + 0 = 0
};

template <class T, class S>
struct ScalarSum {
  using In = T;
  using Out = S;
  using Acc = S;
  static constexpr size_t kWidth = 1, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 1;
  static S First() { return 0; }
  static void Add(S& acc, const T* p) { acc += *p; }
  static void Add(S& acc, const T* p, const T* q) { acc = acc + *p + *q; }
  static void Settle(S&) {}
  static void Store(S* to, S acc) { *to = acc; }
  static S JoinOuts(S x, S y) { return x + y; }
  static S Fold(S acc) { return acc; }
};

// V: a vector type of the epilogue.
template <class V>
void Requantize(const int32_t* sums, const PoolRequantize& by, size_t lanes, uint8_t* y) {
  const PoolRequantize b = by;  // a copy that stores to y cannot change
  for (size_t i = 0; i < lanes; i += V::kWidth) {
    const size_t cols = lanes - i < V::kWidth ? lanes - i : V::kWidth;
    const typename V::I sum = V::SubI(V::LoadI(sums + i), V::LoadI(b.corrections + i));
    typename V::F x = V::NanToZero(V::MulF(V::ToF(sum), V::LoadF(b.multipliers + i)));
    // Clamping before rounding equals saturating after it, the bounds being integers.
    x = V::MinF(V::SetF(b.high), V::MaxF(V::SetF(b.low), x));
    const typename V::I q = V::AddI(V::Round(x), V::SetI(b.zero));
    if (b.is_signed)
      V::StoreS8(reinterpret_cast<int8_t*>(y) + i, q, cols);
    else
      V::StoreU8(y + i, q, cols);
  }
}

inline void ScaleScalar(const double* sums, const double* factors, size_t lanes, float* y) {
  for (size_t i = 0; i < lanes; ++i) y[i] = static_cast<float>(sums[i] * factors[i]);
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_POOL_POOL_UKERNEL_H_
