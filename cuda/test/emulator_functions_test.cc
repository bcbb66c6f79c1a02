// CUDA's functions of one thread.
#include <cmath>
#include <limits>

#include "cuda/test/emulator_test.h"

namespace lowp {
namespace test {
namespace {

LOWP_KERNEL Atomics(int* out, unsigned int* sums) {
  const int t = static_cast<int>(threadIdx.x);
  atomicAdd(&out[0], t);
  atomicMax(&out[1], t);
  atomicMin(&out[2], -t);
  if (atomicCAS(&out[3], 0, t + 1) == 0) atomicAdd(&out[4], 1);
  atomicAdd(&sums[0], 1u);
  atomicMax(&sums[1], static_cast<unsigned int>(-t));
}

void TestAtomics() {
  ForOrders(75, [&](const std::string& name) {
    DeviceArray<int> out(std::vector<int>{0, 0, 0, 0, 0});
    DeviceArray<unsigned int> sums(std::vector<unsigned int>{0, 0});
    Expect(Run(2, 64, 0, Atomics, out.data(), sums.data()) == cudaSuccess, "atomics" + name);
    const std::vector<int> read = out.Read();
    Expect(read[0] == 2 * 63 * 32 && read[1] == 63 && read[2] == -63 && read[4] == 1, "atomics > int" + name);
    Expect(sums.Read() == std::vector<unsigned int>({128, ~0u}), "atomics > unsigned" + name);
  });
}

void TestBits() {
  Random random(3);
  for (int round = 0; round < 2000; ++round) {
    const unsigned int x = static_cast<unsigned int>(random.Next()), y = static_cast<unsigned int>(random.Next() >> 20);
    const unsigned int selector = static_cast<unsigned int>(random.Next() >> 30) & 0xffffu;
    const unsigned int sources[2] = {x, y};
    unsigned int expected = 0;
    for (unsigned int i = 0; i < 4; ++i) {
      const unsigned int pick = selector >> 4 * i & 15, byte = sources[pick % 8 / 4] >> pick % 4 * 8 & 0xff;
      expected |= (pick < 8 ? byte : byte >= 128 ? 255 : 0) << 8 * i;
    }
    Expect(__byte_perm(x, y, selector) == expected, "__byte_perm");
    int ones = 0, leading = 32;
    for (int i = 0; i < 32; ++i) {
      if ((y >> i & 1) == 0) continue;
      ++ones;
      leading = 31 - i;
    }
    Expect(__popc(y) == ones && __clz(static_cast<int>(y)) == leading, "__popc, __clz");
    const unsigned int shift = selector % 32;
    Expect(__funnelshift_r(x, y, shift) == (shift == 0 ? x : x >> shift | y << (32 - shift)), "__funnelshift_r");
    Expect(__funnelshift_l(x, y, shift) == (shift == 0 ? y : y << shift | x >> (32 - shift)), "__funnelshift_l");
    int sums[4] = {static_cast<int>(selector), static_cast<int>(selector), static_cast<int>(selector),
                   static_cast<int>(selector)};
    for (int i = 0; i < 32; i += 8) {
      const int a = static_cast<int>(x >> i & 255), b = static_cast<int>(y >> i & 255);
      const int sa = a < 128 ? a : a - 256, sb = b < 128 ? b : b - 256;
      sums[0] += sa * sb;
      sums[1] += a * sb;
      sums[2] += sa * b;
      sums[3] += a * b;
    }
    const int c = static_cast<int>(selector);
    Expect(Dp4aS8S8(x, y, c) == sums[0] && Dp4aU8S8(x, y, c) == sums[1], "Dp4aS8S8, Dp4aU8S8");
    Expect(Dp4aS8U8(x, y, c) == sums[2] && Dp4aU8U8(x, y, c) == sums[3], "Dp4aS8U8, Dp4aU8U8");
  }
  Expect(Dp4aU8U8(0x01010101u, 0x01010101u, std::numeric_limits<int>::max()) == std::numeric_limits<int>::min() + 3,
         "Dp4a wraps");
  Expect(__clz(0) == 32 && __ffs(0) == 0 && __ffs(8) == 4, "__clz, __ffs");
}

void TestConversions() {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();
  constexpr int kLeast = std::numeric_limits<int>::min(), kMost = std::numeric_limits<int>::max();
  const struct {
    float x;
    int rn, rz, rd, ru;
    unsigned int unsigned_rn;
  } cases[] = {{2.5f, 2, 2, 2, 3, 2},
               {-2.5f, -2, -2, -3, -2, 0},
               {3.5f, 4, 3, 3, 4, 4},
               {0x1p31f, kMost, kMost, kMost, kMost, 0x80000000u},
               {-0x1p31f, kLeast, kLeast, kLeast, kLeast, 0},
               {kInf, kMost, kMost, kMost, kMost, ~0u},
               {-kInf, kLeast, kLeast, kLeast, kLeast, 0},
               {kNan, 0, 0, 0, 0, 0}};
  for (const auto& test : cases) {
    const std::string what = "conversion of " + std::to_string(test.x);
    Expect(__float2int_rn(test.x) == test.rn && __float2int_rz(test.x) == test.rz, what);
    Expect(__float2int_rd(test.x) == test.rd && __float2int_ru(test.x) == test.ru, what);
    Expect(__float2uint_rn(test.x) == test.unsigned_rn, what);
    Expect(__double2int_rn(static_cast<double>(test.x)) == test.rn, what);
  }
  Expect(__float2ll_rn(0x1p63f) == std::numeric_limits<long long>::max() && __float2ll_rn(-0x1p40f) == -(1ll << 40),
         "to 64 bits");
  Expect(min(kNan, 1.0f) == 1.0f && max(1.0f, kNan) == 1.0f && min(-1, 1) == -1 && max(1u, 2u) == 2u, "min, max");
  Expect(__uint_as_float(__float_as_uint(-0.1f)) == -0.1f && __float_as_int(-0.0f) == kLeast, "bits of a float");
  Expect(__fmaf_rn(0x1.000002p0f, 0x1.000002p0f, -0x1.000004p0f) == 0x1p-46f, "__fmaf_rn rounds once");
  Expect(FloatToBf16(1.00390625f) == 0x3f80 && FloatToBf16(1.01171875f) == 0x3f82, "bfloat16 > ties to even");
  Expect(FloatToHalf(65519.0f) == 0x7bff && FloatToHalf(65520.0f) == 0x7c00 && HalfToFloat(1) == 0x1p-24f, "float16");
  Expect(Bf16ToFloat(0x4049) == 3.140625f, "bfloat16 > widened");
}

LOWP_KERNEL RoundTf32(const float* in, uint32_t* out) { out[threadIdx.x] = FloatToTf32(in[threadIdx.x]); }

void TestTf32() {
  const std::vector<float> in = {1.0f,
                                 0x1.002p0f,
                                 0x1.001ffep0f,
                                 -0x1.002p0f,
                                 std::numeric_limits<float>::infinity(),
                                 std::numeric_limits<float>::max(),
                                 std::numeric_limits<float>::quiet_NaN(),
                                 -0.0f};
  const std::vector<uint32_t> expected = {0x3f800000u, 0x3f802000u, 0x3f800000u, 0xbf802000u,
                                          0x7f800000u, 0x7f800000u, 0x7fffffffu, 0x80000000u};
  DeviceArray<float> device(in);
  DeviceArray<uint32_t> out(in.size());
  emulator::Reset(Capability(80));
  Expect(Run(1, static_cast<unsigned int>(in.size()), 0, RoundTf32, device.data(), out.data()) == cudaSuccess, "tf32");
  Expect(out.Read() == expected, "tf32 > to nearest, ties away from zero");
  emulator::Reset(Capability(75));
  ExpectError(cudaErrorIllegalInstruction, "needs compute capability 8.0", Run(1, 1, 0, RoundTf32, device.data(), out.data()),
              "tf32 > capability 7.5");
  emulator::Reset({});
}

}  // namespace

void TestEmulatedFunctions() {
  TestAtomics();
  TestBits();
  TestConversions();
  TestTf32();
}

}  // namespace test
}  // namespace lowp
