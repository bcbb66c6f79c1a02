// Where windows stand, as kernels/pool/pool_window.h has it, and the two reductions.
#ifndef LOWP_CUDA_POOL_POOL_WINDOW_CUH_
#define LOWP_CUDA_POOL_POOL_WINDOW_CUH_

#include <cuda_runtime.h>

#include <cstdint>
#include <limits>
#include <type_traits>

#include "cuda/device/intrinsics.cuh"

namespace lowp {

// Element i of window o stands at o * stride - before + i * dilation.
struct DevicePoolAxis {
  int64_t size, kernel, stride, dilation, before, after;

  struct Span {
    int64_t at;      // of the first element in the image
    uint32_t count;  // of them
  };
  LOWP_HD Span Inside(uint32_t o) const { return Within(o * stride - before, size); }
  LOWP_HD uint32_t Padded(uint32_t o) const { return Within(o * stride, size + before + after).count; }

 private:
  LOWP_HD int64_t Steps(int64_t distance) const { return dilation == 1 ? distance : (distance + dilation - 1) / dilation; }
  LOWP_HD Span Within(int64_t origin, int64_t limit) const {
    const int64_t first = origin < 0 ? Steps(-origin) : 0;
    int64_t last = origin < limit ? Steps(limit - origin) : 0;
    if (last > kernel) last = kernel;
    return {origin + first * dilation, first < last ? static_cast<uint32_t>(last - first) : 0u};
  }
};

// Elements of a window in the image, and what its sum is divided by (0: nothing).
struct PoolCounts {
  uint64_t inside, divisor;
};

// What becomes of 8-bit sums.
struct PoolScales {
  float x_scale, low, high;  // bounds of y less its zero point
  double y_scale;
  int32_t x_zero, y_zero;
};

template <class T>
struct PoolMax {
  using In = T;
  using Out = T;
  using Acc = T;
  static constexpr Acc kFirst = std::is_same_v<T, float> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  // NaN stays, whichever of them is.
  LOWP_DEVICE static Acc Join(Acc x, Acc y) { return y > x || y != y ? y : x; }
  struct Divided {
    LOWP_DEVICE Divided(const PoolScales&, const PoolCounts&) {}
    // -0 becomes 0.
    LOWP_DEVICE Out Of(Acc acc) const { return static_cast<T>(acc + T{0}); }
  };
};

// kWide: windows of more than 2^23 bytes, whose sums leave int32.
template <class T, bool kWide>
struct PoolMean {
  using In = T;
  using Out = std::conditional_t<std::is_same_v<T, float>, float, uint8_t>;
  using Acc = std::conditional_t<std::is_same_v<T, float>, double, std::conditional_t<kWide, int64_t, int32_t>>;
  static constexpr Acc kFirst = 0;
  LOWP_DEVICE static Acc Join(Acc x, Acc y) { return x + y; }
  struct Divided {
    std::conditional_t<std::is_same_v<T, float>, double, float> factor;
    Acc zeros;
    float low, high;
    int32_t y_zero;

    LOWP_DEVICE Divided(const PoolScales& scales, const PoolCounts& count)
        : zeros(static_cast<Acc>(static_cast<int64_t>(count.inside) * scales.x_zero)),
          low(scales.low),
          high(scales.high),
          y_zero(scales.y_zero) {
      const double divisor = static_cast<double>(count.divisor);
      if constexpr (std::is_same_v<T, float>) {
        factor = count.divisor == 0 ? 0.0 : 1.0 / divisor;
      } else {
        factor = count.divisor == 0 ? 0.0f : scales.x_scale / static_cast<float>(scales.y_scale * divisor);
      }
    }
    LOWP_DEVICE Out Of(Acc sum) const {
      if constexpr (std::is_same_v<T, float>) {
        return static_cast<float>(sum * factor);
      } else {
        const float real = static_cast<float>(sum - zeros) * factor;
        const float not_nan = real == real ? real : 0.0f, above = low > not_nan ? low : not_nan;
        return static_cast<uint8_t>(__float2int_rn(high < above ? high : above) + y_zero);
      }
    }
  };
};

}  // namespace lowp

#endif  // LOWP_CUDA_POOL_POOL_WINDOW_CUH_
