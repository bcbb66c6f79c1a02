// The two reductions, for elements of type T, as the drivers use them. Both have
//
//   Line                what a window is gathered in before it is a result
//   Lanes, Along, Runs  over x; over lines; over runs of x
//   First(), Join(x, y), Total, Finish(total, count)   one result by itself
//   Divisors            what its results are divided by, lane by lane, where Store() needs it
#ifndef LOWP_KERNELS_POOL_POOL_REDUCE_H_
#define LOWP_KERNELS_POOL_POOL_REDUCE_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/aligned_buffer.h"
#include "kernels/pool/pool_window.h"

namespace lowp {

inline const PoolOps<float, double>& OpsOf(const PoolKernel& k, float) { return k.f32; }
inline const PoolOps<uint8_t, int32_t>& OpsOf(const PoolKernel& k, uint8_t) { return k.u8; }
inline const PoolOps<int8_t, int32_t>& OpsOf(const PoolKernel& k, int8_t) { return k.s8; }

// Elements of a window in the image, and what its sum is divided by (0: nothing).
struct PoolCount {
  size_t inside, divisor;
};

template <class T>
class PoolMaximum {
 public:
  using In = T;
  using Line = T;
  using Total = T;
  static constexpr bool kDivides = false;

  explicit PoolMaximum(const PoolArgs& args) : ops_(OpsOf(*args.entry->kernel, T{})), y_(static_cast<T*>(args.y)) {}

  static T First() { return std::is_same_v<T, float> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::min(); }
  static T Join(T x, T y) { return y > x || y != y ? y : x; }
  void Lanes(const PoolTaps<T>& taps, size_t lanes, T* to) const { ops_.max(taps, lanes, to); }
  void Along(const PoolTaps<T>& taps, size_t lanes, T* to) const { ops_.max(taps, lanes, to); }
  void Runs(const PoolRuns<T>& runs, T* to) const { ops_.max_runs(runs, to); }
  void Part(const T* line, size_t ld, T* to) const { ops_.part(line, ld, to); }
  // Results need no more work: they are made where they belong.
  T* Target(T*, size_t at) const { return y_ + at; }
  void Finish(T total, const PoolCount&, size_t at) const { y_[at] = static_cast<T>(total + T{0}); }

 private:
  const PoolOps<T, std::conditional_t<std::is_same_v<T, float>, double, int32_t>>& ops_;
  T* y_;
};

template <class T>
class PoolAverage {
 public:
  static constexpr bool kFloat = std::is_same_v<T, float>;
  using In = T;
  using Line = std::conditional_t<kFloat, double, int32_t>;
  using Total = std::conditional_t<kFloat, double, int64_t>;
  static constexpr bool kDivides = true;

  explicit PoolAverage(const PoolArgs& args)
      : args_(args), kernel_(*args.entry->kernel), ops_(OpsOf(kernel_, T{})), y_(static_cast<uint8_t*>(args.y)) {
    const int32_t lowest = args.y_signed ? -128 : 0;
    by_ = {nullptr,
           nullptr,
           args.y_zero,
           static_cast<float>(lowest - args.y_zero),
           static_cast<float>(lowest + 255 - args.y_zero),
           args.y_signed};
  }

  static Line First() { return 0; }
  static Total Join(Total x, Line y) { return x + y; }
  void Lanes(const PoolTaps<T>& taps, size_t lanes, Line* to) const { ops_.sum(taps, lanes, to); }
  void Runs(const PoolRuns<T>& runs, Line* to) const { ops_.sum_runs(runs, to); }
  void Along(const PoolTaps<Line>& taps, size_t lanes, Line* to) const {
    if constexpr (kFloat) {
      kernel_.sum_f64(taps, lanes, to);
    } else {
      kernel_.sum_s32(taps, lanes, to);
    }
  }
  void Part(const Line* line, size_t ld, Line* to) const {
    if constexpr (kFloat) {
      kernel_.part_f64(line, ld, to);
    } else {
      kernel_.part_s32(line, ld, to);
    }
  }
  Line* Target(Line* scratch, size_t) const { return scratch; }

  // For `lanes` lanes of scratch; whether the counts of lanes are those of a slot says its key.
  class Divisors {
   public:
    static constexpr size_t kSlots = 4;
    struct Key {
      size_t a = 0, b = 0, c = 0;
      bool operator==(const Key& k) const { return a == k.a && b == k.b && c == k.c; }
    };
    static size_t Bytes(size_t lanes) { return kSlots * Stride(lanes) * sizeof(double); }
    Divisors(uint8_t* scratch, size_t lanes) : scratch_(scratch), stride_(Stride(lanes)) {}

    // The slot with what count_of(lane) says; of one key it always says the same.
    template <class CountOf>
    size_t Slot(const PoolAverage& average, const Key& key, size_t lanes, const CountOf& count_of) {
      const size_t slot = (key.a + 2 * key.b) % kSlots;
      if (filled_[slot] >= lanes && keys_[slot] == key) return slot;
      for (size_t lane = 0; lane < lanes; ++lane) {
        const PoolCount count = count_of(lane);
        if constexpr (kFloat) {
          factors(slot)[lane] = average.FactorOf(count);
        } else {
          corrections(slot)[lane] = static_cast<int32_t>(count.inside) * average.args_.x_zero;
          multipliers(slot)[lane] = average.MultiplierOf(count);
        }
      }
      keys_[slot] = key;
      filled_[slot] = lanes;
      return slot;
    }
    double* factors(size_t slot) const { return reinterpret_cast<double*>(scratch_) + slot * stride_; }
    int32_t* corrections(size_t slot) const { return reinterpret_cast<int32_t*>(factors(slot)); }
    float* multipliers(size_t slot) const { return reinterpret_cast<float*>(corrections(slot) + stride_); }

   private:
    static size_t Stride(size_t lanes) { return RoundUp(lanes, kPoolPadding); }
    uint8_t* scratch_;
    size_t stride_;
    Key keys_[kSlots];
    size_t filled_[kSlots] = {};
  };

  void Store(const Divisors& divisors, size_t slot, const Line* sums, size_t lanes, size_t at) const {
    if constexpr (kFloat) {
      kernel_.scale(sums, divisors.factors(slot), lanes, reinterpret_cast<float*>(y_) + at);
    } else {
      PoolRequantize by = by_;
      by.corrections = divisors.corrections(slot);
      by.multipliers = divisors.multipliers(slot);
      kernel_.requantize(sums, by, lanes, y_ + at);
    }
  }

  void Finish(Total sum, const PoolCount& count, size_t at) const {
    if constexpr (kFloat) {
      reinterpret_cast<float*>(y_)[at] = static_cast<float>(sum * FactorOf(count));
    } else {
      const float real = static_cast<float>(sum - static_cast<int64_t>(count.inside) * args_.x_zero) * MultiplierOf(count);
      const float bounded = std::min(by_.high, std::max(by_.low, std::isnan(real) ? 0.0f : real));
      y_[at] = static_cast<uint8_t>(static_cast<int32_t>(std::nearbyint(bounded)) + by_.zero);
    }
  }

 private:
  // A product with it takes a quarter of a division's time and is as exact after rounding to float32, but for ties.
  double FactorOf(const PoolCount& count) const { return count.divisor == 0 ? 0 : 1 / static_cast<double>(count.divisor); }
  float MultiplierOf(const PoolCount& count) const {
    if (count.divisor == 0) return 0;
    return args_.x_scale / static_cast<float>(static_cast<double>(args_.y_scale) * static_cast<double>(count.divisor));
  }

  const PoolArgs& args_;
  const PoolKernel& kernel_;
  const PoolOps<T, Line>& ops_;
  uint8_t* y_;
  PoolRequantize by_;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_POOL_POOL_REDUCE_H_
