// Fetching the next micropanel of B into L2 while the present one is used.
#ifndef LOWP_CORE_PREFETCH_H_
#define LOWP_CORE_PREFETCH_H_

#include <algorithm>
#include <cstddef>

#include "core/aligned_buffer.h"

namespace lowp {

// A range of memory, fetched in `steps` equal slices: one for each tile that is computed meanwhile.
class Prefetch {
 public:
  Prefetch(const void* begin, size_t bytes, size_t steps)
      : at_(static_cast<const char*>(begin)), end_(at_ + bytes), slice_(RoundUp(DivUp(bytes, steps), kCacheLine)) {}

  void Advance() {
    for (const char* stop = std::min(at_ + slice_, end_); at_ < stop; at_ += kCacheLine) __builtin_prefetch(at_, 0, 2);
  }

 private:
  const char* at_;
  const char* end_;
  size_t slice_;
};

}  // namespace lowp

#endif  // LOWP_CORE_PREFETCH_H_
