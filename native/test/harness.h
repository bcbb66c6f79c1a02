// A small harness for the kernels' own tests: no Node and no library, so that the program also runs under sanitizers, under an
// emulator of another machine, and as a static binary on a bare one.
#ifndef LOWP_TEST_HARNESS_H_
#define LOWP_TEST_HARNESS_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace lowp {
namespace test {

struct Totals {
  size_t passed = 0, failed = 0;
};
inline Totals& GetTotals() {
  static Totals totals;
  return totals;
}

inline void Expect(bool ok, const std::string& what) {
  ++(ok ? GetTotals().passed : GetTotals().failed);
  if (!ok && GetTotals().failed <= 20) std::printf("FAILED %s\n", what.c_str());
}

// xorshift64*: the same cases everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2685821657736338717u + 1) {}
  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 2685821657736338717u;
  }
  size_t Below(size_t bound) { return static_cast<size_t>(Next() >> 33) % bound; }
  int Between(int low, int high) { return low + static_cast<int>(Below(static_cast<size_t>(high - low) + 1)); }
  float Float() { return static_cast<float>(static_cast<double>(Next() >> 11) / 4503599627370496.0 - 1.0); }

 private:
  uint64_t state_;
};

// An array that ends where an unmapped page begins: reading or writing one element too many is a fault.
template <class T>
class GuardedArray {
 public:
  explicit GuardedArray(size_t count) : count_(count) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = (count * sizeof(T) + page - 1) / page * page + page;
    base_ = static_cast<uint8_t*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED || mprotect(base_ + mapped_ - page, page, PROT_NONE) != 0) std::abort();
    data_ = reinterpret_cast<T*>(base_ + mapped_ - page - count * sizeof(T));
  }
  GuardedArray(const GuardedArray&) = delete;
  GuardedArray& operator=(const GuardedArray&) = delete;
  ~GuardedArray() { munmap(base_, mapped_); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }

 private:
  size_t count_, mapped_;
  uint8_t* base_;
  T* data_;
};

void TestEpilogue(bool quick);
void TestConv(bool quick);
void TestWinograd(bool quick);
void TestPool(bool quick);
void TestSvd(bool quick);
void TestLowRank(bool quick);
void TestQGemm(bool quick);
void TestSGemm(bool quick);
void TestNBits(bool quick);
void TestQuantize(bool quick);
void TestSearch(bool quick);
void TestSparse(bool quick);
void TestThreads(bool quick);

}  // namespace test
}  // namespace lowp

#endif  // LOWP_TEST_HARNESS_H_
