// Fetching what comes next while something else is computed.
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

  // To be read, from L2.
  void Advance() {
    for (const char* stop = Stop(); at_ < stop; at_ += kCacheLine) __builtin_prefetch(at_, 0, 2);
  }
  // To be written.
  void AdvanceForWrite() {
    for (const char* stop = Stop(); at_ < stop; at_ += kCacheLine) __builtin_prefetch(at_, 1, 3);
  }

 private:
  const char* Stop() const { return at_ + std::min(slice_, static_cast<size_t>(end_ - at_)); }

  const char* at_;
  const char* end_;
  size_t slice_;
};

}  // namespace lowp

#endif  // LOWP_CORE_PREFETCH_H_
