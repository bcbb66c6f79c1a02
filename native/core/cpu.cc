#include "core/cpu.h"

#include <cstdint>
#include <cstring>
#include <thread>

#if defined(__x86_64__) || defined(_M_X64)
#define LOWP_X64 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif defined(__aarch64__) || defined(_M_ARM64)
#define LOWP_ARM64 1
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif
#endif
#if defined(__linux__)
#include <sched.h>
#include <unistd.h>
#endif

namespace lowp {
namespace {

#if LOWP_X64
struct Registers {
  uint32_t eax, ebx, ecx, edx;
};

Registers CpuId(uint32_t leaf, uint32_t subleaf = 0) {
  Registers r{};
#if defined(_MSC_VER)
  int out[4];
  __cpuidex(out, static_cast<int>(leaf), static_cast<int>(subleaf));
  std::memcpy(&r, out, sizeof(r));
#else
  __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
#endif
  return r;
}

uint64_t Xcr0() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;  // the instruction itself, so that this file needs no -mxsave
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#endif
}

bool BitOf(uint32_t word, unsigned bit) { return (word >> bit) & 1u; }

void DetectFeatures(CpuFeatures* f) {
  const uint32_t max_leaf = CpuId(0).eax;
  if (max_leaf < 7) return;
  const Registers leaf1 = CpuId(1);
  const bool osxsave = BitOf(leaf1.ecx, 27);
  if (!osxsave) return;
  const uint64_t xcr0 = Xcr0();
  const bool os_ymm = (xcr0 & 0x06) == 0x06;  // XMM and YMM state
  const bool os_zmm = (xcr0 & 0xe6) == 0xe6;  // and opmask, ZMM0-15 high halves, ZMM16-31
  const Registers leaf7 = CpuId(7);
  f->avx2 = os_ymm && BitOf(leaf1.ecx, 28) && BitOf(leaf1.ecx, 12) && BitOf(leaf1.ecx, 29) && BitOf(leaf7.ebx, 5);
  f->avx512 = os_zmm && BitOf(leaf7.ebx, 16) && BitOf(leaf7.ebx, 17) && BitOf(leaf7.ebx, 30) && BitOf(leaf7.ebx, 31);
  f->avx512vnni = f->avx512 && BitOf(leaf7.ecx, 11);
  f->avxvnni = f->avx2 && leaf7.eax >= 1 && BitOf(CpuId(7, 1).eax, 4);
}

// The deterministic cache leaves: 4 on Intel, 0x8000001d on AMD, of one format.
void DetectCaches(CpuInfo* info) {
  uint32_t leaf = 4;
  if (info->vendor == "AuthenticAMD" || info->vendor == "HygonGenuine") leaf = 0x8000001d;
  if (leaf == 4 ? CpuId(0).eax < 4 : CpuId(0x80000000).eax < leaf) return;
  for (uint32_t i = 0; i < 8; ++i) {
    const Registers r = CpuId(leaf, i);
    const uint32_t type = r.eax & 31, level = (r.eax >> 5) & 7;
    if (type == 0) break;
    if (type == 2) continue;  // instructions
    const size_t ways = ((r.ebx >> 22) & 0x3ff) + 1, partitions = ((r.ebx >> 12) & 0x3ff) + 1, line = (r.ebx & 0xfff) + 1;
    const size_t bytes = ways * partitions * line * (size_t{r.ecx} + 1);
    if (level == 1) info->l1d = bytes;
    if (level == 2) info->l2 = bytes;
    if (level == 3) info->l3 = bytes;
  }
}

void DetectNames(CpuInfo* info) {
  const Registers leaf0 = CpuId(0);
  const uint32_t vendor[3] = {leaf0.ebx, leaf0.edx, leaf0.ecx};
  info->vendor.assign(reinterpret_cast<const char*>(vendor), sizeof(vendor));
  if (CpuId(0x80000000).eax < 0x80000004) return;
  char brand[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    const Registers r = CpuId(0x80000002 + i);
    std::memcpy(brand + 16 * i, &r, sizeof(r));
  }
  info->model = brand;
  while (!info->model.empty() && info->model.back() == ' ') info->model.pop_back();
}
#elif LOWP_ARM64
void DetectFeatures(CpuFeatures* f) {
  f->neon = true;  // part of the base architecture
#if defined(__linux__)
  constexpr unsigned long kHwcapAsimdDp = 1ul << 20;
  f->neondot = (getauxval(AT_HWCAP) & kHwcapAsimdDp) != 0;
#elif defined(__APPLE__)
  int value = 0;
  size_t size = sizeof(value);
  f->neondot = sysctlbyname("hw.optional.arm.FEAT_DotProd", &value, &size, nullptr, 0) == 0 && value != 0;
#endif
}

void DetectCaches(CpuInfo* info) {
#if defined(__linux__) && defined(_SC_LEVEL1_DCACHE_SIZE)
  const auto size_of = [](int name) { return static_cast<size_t>(sysconf(name) > 0 ? sysconf(name) : 0); };
  info->l1d = size_of(_SC_LEVEL1_DCACHE_SIZE);
  info->l2 = size_of(_SC_LEVEL2_CACHE_SIZE);
  info->l3 = size_of(_SC_LEVEL3_CACHE_SIZE);
#else
  (void)info;
#endif
}

void DetectNames(CpuInfo* info) { info->vendor = "ARM"; }
#else
void DetectFeatures(CpuFeatures*) {}
void DetectCaches(CpuInfo*) {}
void DetectNames(CpuInfo*) {}
#endif

// The cores this process may use, which under a container or taskset are fewer than the machine has.
unsigned UsableCores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) return static_cast<unsigned>(CPU_COUNT(&set));
#endif
  const unsigned n = std::thread::hardware_concurrency();
  return n == 0 ? 1 : n;
}

CpuInfo Detect() {
  CpuInfo info;
#if LOWP_X64
  info.arch = "x64";
#elif LOWP_ARM64
  info.arch = "arm64";
#else
  info.arch = "other";
#endif
  DetectNames(&info);
  DetectFeatures(&info.features);
  DetectCaches(&info);
  info.cores = UsableCores();
  return info;
}

}  // namespace

const CpuInfo& Cpu() {
  static const CpuInfo info = Detect();
  return info;
}

}  // namespace lowp
