// Memory on a 64-byte boundary, so that a vector load of packed data never crosses a cache line.
#ifndef LOWP_CORE_ALIGNED_BUFFER_H_
#define LOWP_CORE_ALIGNED_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <utility>

namespace lowp {

inline constexpr size_t kCacheLine = 64;

// Most quotients of a small call are 0 or 1: without a division (4 ns) where they are, 40 of which were a quarter of its time.
inline constexpr size_t DivUp(size_t value, size_t divisor) {
  return value <= divisor ? size_t{value != 0} : (value + divisor - 1) / divisor;
}
inline constexpr size_t RoundUp(size_t value, size_t multiple) { return DivUp(value, multiple) * multiple; }

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() { Free(); }

  // At least `bytes`, contents undefined. False where there is no memory; the buffer is then empty.
  [[nodiscard]] bool Reserve(size_t bytes);

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  template <class T>
  T* As(size_t byte_offset = 0) {
    return reinterpret_cast<T*>(data_ + byte_offset);
  }
  template <class T>
  const T* As(size_t byte_offset = 0) const {
    return reinterpret_cast<const T*>(data_ + byte_offset);
  }

  void Free();

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Offsets of several arrays inside one buffer, each on a cache line.
class BufferLayout {
 public:
  size_t Add(size_t bytes) {
    const size_t offset = size_;
    size_ += RoundUp(bytes, kCacheLine);
    return offset;
  }
  size_t size() const { return size_; }

 private:
  size_t size_ = 0;
};

}  // namespace lowp

#endif  // LOWP_CORE_ALIGNED_BUFFER_H_
