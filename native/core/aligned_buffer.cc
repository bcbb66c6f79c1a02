#include "core/aligned_buffer.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <new>

namespace lowp {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

std::align_val_t Alignment(size_t bytes) { return std::align_val_t(bytes >= kHugePage ? kHugePage : kCacheLine); }

}  // namespace

bool AlignedBuffer::Reserve(size_t bytes) {
  if (bytes <= size_) return true;
  Free();
  data_ = static_cast<uint8_t*>(::operator new(bytes, Alignment(bytes), std::nothrow));
  if (data_ == nullptr) return false;
  size_ = bytes;
#ifdef __linux__
  // Advice, so failure does not matter. The prefetchers of a processor stop at the end of a page.
  if (bytes >= kHugePage) (void)madvise(data_, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return true;
}

void AlignedBuffer::Free() {
  if (data_ != nullptr) ::operator delete(data_, Alignment(size_));
  data_ = nullptr;
  size_ = 0;
}

}  // namespace lowp
