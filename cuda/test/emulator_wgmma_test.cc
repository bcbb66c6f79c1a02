// wgmma: products of tiles in shared memory, where they lie as the PTX ISA says; and what is seen of those who do not wait.
#include <cstring>

#include "cuda/test/emulator_test.h"

namespace lowp {
namespace test {
namespace {

enum Type { kS8, kU8S8, kS8U8, kU8, kBf16, kF16, kTf32 };

enum Mistake {
  kNone,
  kNoWait,
  kNoFence,
  kOverwrite,
  kDifferentDescriptors,
  kDifferentWaits,
  kNoCommit,
  kOffPattern,
  kBeyond,
  kBaseOffset,
  kDifferentRegisters
};

template <int N>
LOWP_DEVICE void Multiply(int type, uint32_t (&d)[N / 2], uint64_t desc_a, uint64_t desc_b, bool accumulate) {
  int(&ints)[N / 2] = reinterpret_cast<int(&)[N / 2]>(d);
  float(&floats)[N / 2] = reinterpret_cast<float(&)[N / 2]>(d);
  switch (type) {
    case kS8: WgmmaS8<N>(ints, desc_a, desc_b, accumulate); break;
    case kU8S8: WgmmaU8S8<N>(ints, desc_a, desc_b, accumulate); break;
    case kS8U8: WgmmaS8U8<N>(ints, desc_a, desc_b, accumulate); break;
    case kU8: WgmmaU8U8<N>(ints, desc_a, desc_b, accumulate); break;
    case kBf16: WgmmaBf16<N>(floats, desc_a, desc_b, accumulate); break;
    case kF16: WgmmaF16<N>(floats, desc_a, desc_b, accumulate); break;
    default: WgmmaTf32<N>(floats, desc_a, desc_b, accumulate); break;
  }
}

// Tiles of 64 and N rows of 128 bytes as WgmmaOffset128 has them, that is four steps of K; the second two are added by a group of
// their own. d[thread][N / 2].
template <int N>
LOWP_KERNEL Product(int type, const uint8_t* tiles, uint32_t* out, int mistake) {
  uint8_t* const shared = DynamicShared();
  const uint32_t t = threadIdx.x;
  for (uint32_t i = t; i < (64 + N) * 128; i += 128) shared[i] = tiles[i];
  FenceProxyAsync();
  __syncthreads();
  MoreRegisters<240>();
  if (mistake == kDifferentRegisters) {
    if (t < 64) {
      FewerRegisters<24>();
    } else {
      FewerRegisters<32>();
    }
  }
  uint32_t d[N / 2];
  for (uint32_t& sum : d) sum = 7;
  uint64_t a = WgmmaDescriptor128(shared), b = WgmmaDescriptor128(shared + 64 * 128);
  if (mistake == kDifferentDescriptors && t == 99) a += 2;
  if (mistake == kOffPattern) b += 128 / 16;
  if (mistake == kBeyond) b += 1024 / 16;
  if (mistake == kBaseOffset) a |= uint64_t{1} << 49;
  if (mistake != kNoFence) WgmmaFence();
  Multiply<N>(type, d, a, b, false);
  Multiply<N>(type, d, a + 2, b + 2, true);
  if (mistake != kNoCommit) WgmmaCommit();
  Multiply<N>(type, d, a + 4, b + 4, true);
  Multiply<N>(type, d, a + 6, b + 6, true);
  if (mistake == kNoCommit) return;
  WgmmaCommit();
  if (mistake == kOverwrite) shared[t * 64] ^= 1;
  if (mistake == kNoWait) {
    for (uint32_t i = 0; i < N / 2; ++i) out[t * N / 2 + i] = d[i];
  }
  if (mistake == kDifferentWaits && t == 0) {
    WgmmaWait<1>();
  } else {
    WgmmaWait<0>();
  }
  if (mistake == kNoWait) return;
  for (uint32_t i = 0; i < N / 2; ++i) out[t * N / 2 + i] = d[i];
}

// Numbers of small range, so that sums are exact, and their bytes in the tile.
struct Operand {
  std::vector<float> values;   // rows x depth
  std::vector<uint8_t> bytes;  // rows x 128, each row as it follows from the type
};

size_t Depth(int type) { return type <= kU8 ? 128 : type == kTf32 ? 32 : 64; }

Operand MakeOperand(Random& random, int type, bool is_a, size_t rows) {
  const size_t depth = Depth(type);
  Operand operand{std::vector<float>(rows * depth), std::vector<uint8_t>(rows * 128)};
  const bool is_unsigned = type == kU8 || type == (is_a ? kU8S8 : kS8U8);
  for (size_t i = 0; i < operand.values.size(); ++i) {
    const int value = type > kU8 ? random.Between(-16, 16) : is_unsigned ? random.Between(0, 255) : random.Between(-128, 127);
    const float x = operand.values[i] = static_cast<float>(value);
    if (type <= kU8) operand.bytes[i] = static_cast<uint8_t>(value);
    const uint16_t half = type == kBf16 ? RoundToBfloat16(x) : RoundToFloat16(x);
    const uint32_t whole = FloatBits(x);
    if (type == kBf16 || type == kF16) std::memcpy(&operand.bytes[i * 2], &half, 2);
    if (type == kTf32) std::memcpy(&operand.bytes[i * 4], &whole, 4);
  }
  return operand;
}

// A row's 16-byte chunk c lies at chunk c ^ (row % 8): the 128-byte swizzle of rows of 128 bytes.
void Place(const Operand& operand, uint8_t* tile) {
  for (size_t i = 0; i < operand.bytes.size(); ++i) {
    const size_t row = i / 128, chunk = i % 128 / 16;
    tile[row * 128 + (chunk ^ row % 8) * 16 + i % 16] = operand.bytes[i];
  }
}

template <int N>
void TestProduct(Random& random, int type, const std::string& name) {
  const Operand a = MakeOperand(random, type, true, 64), b = MakeOperand(random, type, false, N);
  const size_t depth = Depth(type);
  std::vector<uint8_t> tiles((64 + N) * 128);
  Place(a, tiles.data());
  Place(b, tiles.data() + 64 * 128);
  DeviceArray<uint8_t> device(tiles);
  DeviceArray<uint32_t> out(128 * N / 2);
  Expect(Run(1, 128, tiles.size(), Product<N>, type, device.data(), out.data(), int{kNone}) == cudaSuccess, "wgmma" + name);
  const std::vector<uint32_t> read = out.Read();
  bool equal = true;
  for (size_t thread = 0; thread < 128; ++thread) {
    for (size_t i = 0; i < N / 2; ++i) {
      // "Row = (warpid % 4) * 16 + groupID for d_i with (i & 2) == 0, + 8 otherwise; column = (i / 4) * 8 + (laneid % 4) * 2 + (i
      // & 1)".
      const size_t row = thread / 32 * 16 + thread % 32 / 4 + ((i & 2) != 0 ? 8 : 0),
                   column = i / 4 * 8 + thread % 4 * 2 + (i & 1);
      float sum = 0;  // at most 128 * 2^16: exact
      for (size_t k = 0; k < depth; ++k) sum += a.values[row * depth + k] * b.values[column * depth + k];
      const uint32_t value = read[thread * N / 2 + i];
      equal = equal && (type <= kU8 ? static_cast<float>(static_cast<int>(value)) : FloatFromBits(value)) == sum;
    }
  }
  Expect(equal, "wgmma of type " + std::to_string(type) + ", N " + std::to_string(N) + name);
}

void TestMistakes() {
  constexpr int kN = 16;
  Random random(10);
  DeviceArray<uint8_t> device(RandomBytes(random, (64 + kN) * 128));
  DeviceArray<uint32_t> out(128 * kN / 2);
  const auto run = [&](int mistake) {
    emulator::Reset(Capability(90));
    return Run(1, 128, (64 + kN) * 128, Product<kN>, int{kS8}, device.data(), out.data(), mistake);
  };
  const struct {
    int mistake;
    cudaError_t error;
    const char* words;
  } cases[] = {{kNoFence, cudaErrorLaunchFailure, "without a WgmmaFence"},
               {kOverwrite, cudaErrorLaunchFailure, "changed while wgmma read it"},
               {kDifferentDescriptors, cudaErrorLaunchFailure, "different wgmma"},
               {kDifferentWaits, cudaErrorLaunchFailure, "different WgmmaWait"},
               {kNoCommit, cudaErrorLaunchFailure, "exits while wgmma are under way"},
               {kOffPattern, cudaErrorMisalignedAddress, "multiples of 1024"},
               {kBeyond, cudaErrorIllegalAddress, "bytes of shared memory"},
               {kBaseOffset, cudaErrorLaunchFailure, "base offset"},
               {kDifferentRegisters, cudaErrorLaunchFailure, "numbers of registers"}};
  for (const auto& test : cases)
    ExpectError(test.error, test.words, run(test.mistake), "wgmma > mistake " + std::to_string(test.mistake));
  Expect(run(kNone) == cudaSuccess, "wgmma > right");
  const std::vector<uint32_t> right = out.Read();
  Expect(run(kNoWait) == cudaSuccess && out.Read() != right, "wgmma > no wait");
  for (uint32_t value : out.Read()) Expect(value == 0xffa5ffa5u, "wgmma > garbage before the end");
  emulator::Reset(Capability(80));
  ExpectError(cudaErrorIllegalInstruction, "needs compute capability 9.0",
              Run(1, 128, (64 + kN) * 128, Product<kN>, int{kS8}, device.data(), out.data(), int{kNone}),
              "wgmma > capability 8.0");
  emulator::Reset({});
}

// One step of K with the other layouts: rows of A and B of 32 bytes, `how` the swizzle.
LOWP_KERNEL ProductOf32Bytes(const uint8_t* tiles, int how, int* out) {
  uint8_t* const shared = DynamicShared();
  const uint32_t t = threadIdx.x;
  constexpr uint32_t kTile = 4096;  // 64 rows at most every 64 bytes
  for (uint32_t i = t; i < 2 * kTile; i += 128) shared[i] = tiles[i];
  FenceProxyAsync();
  __syncthreads();
  const WgmmaSwizzle swizzle = static_cast<WgmmaSwizzle>(how);
  // No swizzle: two core matrices of 128 bytes side by side in K, the next 8 rows after 256 bytes.
  const uint32_t stride = how == 2 ? 512 : 256;
  const uint64_t a = WgmmaDescriptorBits(SharedAddress(shared), 128, stride, swizzle);
  const uint64_t b = WgmmaDescriptorBits(SharedAddress(shared + kTile), 128, stride, swizzle);
  int d[4];
  WgmmaFence();
  WgmmaS8<8>(d, a, b, false);
  WgmmaCommit();
  WgmmaWait<0>();
  for (uint32_t i = 0; i < 4; ++i) out[t * 4 + i] = d[i];
}

void TestLayouts() {
  Random random(11);
  const std::vector<uint8_t> a = RandomBytes(random, 64 * 32), b = RandomBytes(random, 8 * 32);
  emulator::Reset(Capability(90));
  for (int how : {0, 2, 3}) {
    std::vector<uint8_t> tiles(8192);
    const auto place = [&](const std::vector<uint8_t>& matrix, size_t base) {
      for (size_t i = 0; i < matrix.size(); ++i) {
        const size_t row = i / 32, chunk = i % 32 / 16, r = row % 8;
        // Swizzles of 64 and 32 bytes exchange chunks by the number of the 128 bytes they lie in.
        const size_t at = how == 0   ? row / 8 * 256 + chunk * 128 + r * 16
                          : how == 2 ? row / 8 * 512 + r * 64 + (chunk ^ r / 2 % 4) * 16
                                     : row / 8 * 256 + r * 32 + (chunk ^ r / 4 % 2) * 16;
        tiles[base + at + i % 16] = matrix[i];
      }
    };
    place(a, 0);
    place(b, 4096);
    DeviceArray<uint8_t> device(tiles);
    DeviceArray<int> out(512);
    Expect(Run(1, 128, 8192, ProductOf32Bytes, device.data(), how, out.data()) == cudaSuccess, "wgmma > layout");
    const std::vector<int> read = out.Read();
    for (size_t i = 0; i < read.size(); ++i) {
      const size_t thread = i / 4, row = thread / 32 * 16 + thread % 32 / 4 + i % 4 / 2 * 8, column = thread % 4 * 2 + i % 2;
      int sum = 0;
      for (size_t k = 0; k < 32; ++k) sum += static_cast<int8_t>(a[row * 32 + k]) * static_cast<int8_t>(b[column * 32 + k]);
      Expect(read[i] == sum, "wgmma > layout " + std::to_string(how));
    }
  }
  emulator::Reset({});
}

}  // namespace

void TestEmulatedWgmma() {
  Random random(9);
  ForOrders(90, [&](const std::string& name) {
    for (int type = kS8; type <= kTf32; ++type) TestProduct<8>(random, type, name);
    TestProduct<16>(random, kS8, name);
    TestProduct<32>(random, kBf16, name);
    TestProduct<64>(random, kS8U8, name);
    TestProduct<128>(random, kU8S8, name);
    TestProduct<256>(random, kS8, name);
  });
  TestMistakes();
  TestLayouts();
}

}  // namespace test
}  // namespace lowp
