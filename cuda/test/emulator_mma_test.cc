// mma.sync and ldmatrix. Where elements lie is said here in the words of the PTX ISA, element by element, not by fragments.h.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cuda/test/emulator_test.h"

namespace lowp {
namespace test {
namespace {

enum Kind { kS8S8, kU8S8, kS8U8, kU8U8, kSparseS8, kSparseS8U8, kBf16, kF16, kTf32 };

// Fragments by lane: a 4 words, b 4 words, d 4 words.
LOWP_KERNEL Multiply(int kind, const uint32_t* a, const uint32_t* b, const uint32_t* metadata, uint32_t* d) {
  const uint32_t t = threadIdx.x, word = 4 * t;
  const uint32_t fa[4] = {a[word], a[word + 1], a[word + 2], a[word + 3]}, fb[2] = {b[word], b[word + 1]},
                 fb4[4] = {b[word], b[word + 1], b[word + 2], b[word + 3]};
  int sums[4];
  float floats[4];
  for (uint32_t i = 0; i < 4; ++i) {
    sums[i] = static_cast<int>(d[word + i]);
    floats[i] = __uint_as_float(d[word + i]);
  }
  switch (kind) {
    case kS8S8: MmaS8(sums, fa, fb); break;
    case kU8S8: MmaU8S8(sums, fa, fb); break;
    case kS8U8: MmaS8U8(sums, fa, fb); break;
    case kU8U8: MmaU8U8(sums, fa, fb); break;
    case kSparseS8: MmaSparseS8(sums, fa, fb4, metadata[t]); break;
    case kSparseS8U8: MmaSparseS8U8(sums, fa, fb4, metadata[t]); break;
    case kBf16: MmaBf16(floats, fa, fb); break;
    case kF16: MmaF16(floats, fa, fb); break;
    default: MmaTf32(floats, fa, fb); break;
  }
  for (uint32_t i = 0; i < 4; ++i) d[word + i] = kind < kBf16 ? static_cast<uint32_t>(sums[i]) : __float_as_uint(floats[i]);
}

struct Fragments {
  std::vector<uint32_t> a = std::vector<uint32_t>(128), b = a, metadata = std::vector<uint32_t>(32), d = a;
};

cudaError_t RunMultiply(Kind kind, Fragments* fragments) {
  DeviceArray<uint32_t> a(fragments->a), b(fragments->b), metadata(fragments->metadata), d(fragments->d);
  const cudaError_t error = Run(1, 32, 0, Multiply, static_cast<int>(kind), a.data(), b.data(), metadata.data(), d.data());
  if (error == cudaSuccess) fragments->d = d.Read();
  return error;
}

// Row and column of c_i, by lane.
size_t PlaceOfC(size_t lane, size_t i) {
  const size_t group_id = lane >> 2, thread_in_group = lane % 4;
  const size_t row = i < 2 ? group_id : group_id + 8, column = thread_in_group * 2 + (i & 1);
  return row * 8 + column;
}

void Put8(std::vector<uint32_t>& words, size_t lane, size_t i, uint8_t value) {
  words[lane * 4 + i / 4] |= static_cast<uint32_t>(value) << i % 4 * 8;
}

int Signed(Kind kind, bool is_a, uint8_t value) {
  const bool is_unsigned = is_a ? kind == kU8S8 || kind == kU8U8 : kind == kS8U8 || kind == kU8U8 || kind == kSparseS8U8;
  return is_unsigned ? value : static_cast<int8_t>(value);
}

// a_i of m16n8k32, i < 16, and of the stored half of m16n8k64.
size_t PlaceOfA8(size_t lane, size_t i) {
  const size_t group_id = lane >> 2, thread_in_group = lane % 4;
  const size_t row = i < 4 || (8 <= i && i < 12) ? group_id : group_id + 8;
  const size_t column = i < 8 ? thread_in_group * 4 + (i & 3) : thread_in_group * 4 + (i & 3) + 16;
  return row * 32 + column;
}

void TestBytes(Random& random, const std::string& name) {
  for (Kind kind : {kS8S8, kU8S8, kS8U8, kU8U8}) {
    const std::vector<uint8_t> a = RandomBytes(random, 16 * 32), b = RandomBytes(random, 32 * 8);
    Fragments fragments;
    std::vector<uint32_t> expected(128);
    for (size_t lane = 0; lane < 32; ++lane) {
      for (size_t i = 0; i < 16; ++i) Put8(fragments.a, lane, i, a[PlaceOfA8(lane, i)]);
      for (size_t i = 0; i < 8; ++i) {
        const size_t row = lane % 4 * 4 + (i & 3) + (i < 4 ? 0 : 16), column = lane >> 2;
        Put8(fragments.b, lane, i, b[row * 8 + column]);
      }
    }
    for (size_t lane = 0; lane < 32; ++lane) {
      for (size_t i = 0; i < 4; ++i) {
        const size_t row = PlaceOfC(lane, i) / 8, column = PlaceOfC(lane, i) % 8;
        // Near the end of the range, to see that sums wrap.
        uint32_t sum = i == 0 ? 0x7fffffffu : static_cast<uint32_t>(random.Next());
        fragments.d[lane * 4 + i] = sum;
        for (size_t k = 0; k < 32; ++k) {
          sum += static_cast<uint32_t>(Signed(kind, true, a[row * 32 + k]) * Signed(kind, false, b[k * 8 + column]));
        }
        expected[lane * 4 + i] = sum;
      }
    }
    Expect(RunMultiply(kind, &fragments) == cudaSuccess && fragments.d == expected,
           "mma of bytes " + std::to_string(kind) + name);
  }
}

void TestSparse(Random& random, const std::string& name) {
  for (Kind kind : {kSparseS8, kSparseS8U8}) {
    std::vector<uint8_t> a(16 * 64), stored(16 * 32);
    std::vector<uint32_t> places(16 * 32);
    const std::vector<uint8_t> b = RandomBytes(random, 64 * 8);
    for (size_t row = 0; row < 16; ++row) {
      for (size_t four = 0; four < 16; ++four) {
        const size_t first = random.Below(3), second = first + 1 + random.Below(3 - first);
        for (size_t j = 0; j < 2; ++j) {
          const size_t place = j == 0 ? first : second;
          stored[row * 32 + four * 2 + j] = a[row * 64 + four * 4 + place] = static_cast<uint8_t>(random.Next() >> 32);
          places[row * 32 + four * 2 + j] = static_cast<uint32_t>(place);
        }
      }
    }
    Fragments fragments;
    std::vector<uint32_t> expected(128);
    for (size_t lane = 0; lane < 32; ++lane) {
      for (size_t i = 0; i < 16; ++i) {
        Put8(fragments.a, lane, i, stored[PlaceOfA8(lane, i)]);
        Put8(fragments.b, lane, i, b[(i / 4 * 16 + lane % 4 * 4 + i % 4) * 8 + lane / 4]);
      }
      // Metadata for columns 0 to 31 come from threads 0 and 1 of each group of four, for rows group and group + 8; those for
      // columns 32 to 63 from threads 2 and 3.
      const size_t row = lane / 4 + (lane % 4 == 1 || lane % 4 == 3 ? 8 : 0), half = lane % 4 >= 2 ? 16 : 0;
      for (size_t j = 0; j < 16; ++j) fragments.metadata[lane] |= places[row * 32 + half + j] << 2 * j;
    }
    for (size_t lane = 0; lane < 32; ++lane) {
      for (size_t i = 0; i < 4; ++i) {
        const size_t row = PlaceOfC(lane, i) / 8, column = PlaceOfC(lane, i) % 8;
        uint32_t sum = fragments.d[lane * 4 + i] = static_cast<uint32_t>(random.Next());
        for (size_t k = 0; k < 64; ++k) {
          sum += static_cast<uint32_t>(Signed(kind, true, a[row * 64 + k]) * Signed(kind, false, b[k * 8 + column]));
        }
        expected[lane * 4 + i] = sum;
      }
    }
    Expect(RunMultiply(kind, &fragments) == cudaSuccess && fragments.d == expected, "sparse mma " + std::to_string(kind) + name);
  }
  Fragments same_place;
  ExpectError(cudaErrorLaunchFailure, "metadata of row", RunMultiply(kSparseS8, &same_place), "sparse mma > metadata" + name);
}

struct Matrices {
  std::vector<float> a, b, c;  // 16 x K, K x 8, 16 x 8
};

// Values of the type in float; c and what comes back in c.
cudaError_t RunFloats(Kind kind, Matrices* m) {
  const size_t depth = kind == kTf32 ? 8 : 16;
  Fragments fragments;
  const auto put = [&](std::vector<uint32_t>& words, size_t word, size_t half, float value) {
    if (kind == kTf32) words[word] = FloatBits(value);
    if (kind == kBf16) words[word] |= static_cast<uint32_t>(RoundToBfloat16(value)) << 16 * half;
    if (kind == kF16) words[word] |= static_cast<uint32_t>(RoundToFloat16(value)) << 16 * half;
  };
  for (size_t lane = 0; lane < 32; ++lane) {
    const size_t group_id = lane >> 2, thread_in_group = lane % 4;
    if (kind == kTf32) {
      for (size_t i = 0; i < 4; ++i) {
        const size_t row = i == 0 || i == 2 ? group_id : group_id + 8, column = i < 2 ? thread_in_group : thread_in_group + 4;
        put(fragments.a, lane * 4 + i, 0, m->a[row * depth + column]);
      }
      for (size_t i = 0; i < 2; ++i) put(fragments.b, lane * 4 + i, 0, m->b[(thread_in_group + 4 * i) * 8 + group_id]);
    } else {
      for (size_t i = 0; i < 8; ++i) {
        const size_t row = i < 2 || (4 <= i && i < 6) ? group_id : group_id + 8;
        const size_t column = thread_in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
        put(fragments.a, lane * 4 + i / 2, i % 2, m->a[row * depth + column]);
      }
      for (size_t i = 0; i < 4; ++i) {
        const size_t row = thread_in_group * 2 + (i & 1) + (i < 2 ? 0 : 8);
        put(fragments.b, lane * 4 + i / 2, i % 2, m->b[row * 8 + group_id]);
      }
    }
    for (size_t i = 0; i < 4; ++i) fragments.d[lane * 4 + i] = FloatBits(m->c[PlaceOfC(lane, i)]);
  }
  const cudaError_t error = RunMultiply(kind, &fragments);
  for (size_t lane = 0; lane < 32; ++lane) {
    for (size_t i = 0; i < 4; ++i) m->c[PlaceOfC(lane, i)] = FloatFromBits(fragments.d[lane * 4 + i]);
  }
  return error;
}

void TestFloats(Random& random, const std::string& name) {
  for (Kind kind : {kBf16, kF16, kTf32}) {
    const size_t depth = kind == kTf32 ? 8 : 16;
    const std::string what = "mma of floats " + std::to_string(kind) + name;
    Matrices m{std::vector<float>(16 * depth), std::vector<float>(depth * 8), std::vector<float>(16 * 8)};
    for (std::vector<float>* matrix : {&m.a, &m.b, &m.c}) {
      for (float& value : *matrix) value = static_cast<float>(random.Between(-128, 128)) / 16;
    }
    const std::vector<float> c = m.c;
    Expect(RunFloats(kind, &m) == cudaSuccess, what);
    for (size_t row = 0; row < 16; ++row) {
      for (size_t column = 0; column < 8; ++column) {
        float sum = c[row * 8 + column];
        for (size_t k = 0; k < depth; ++k) sum += m.a[row * depth + k] * m.b[k * 8 + column];
        Expect(m.c[row * 8 + column] == sum, what + " > exact sums");
      }
    }
    // One term each: infinity, NaN, the largest, subnormal ones.
    constexpr float kInf = std::numeric_limits<float>::infinity();
    const float tiny = kind == kF16 ? 0x1p-24f : 0x1p-133f;
    for (float special : {kInf, -kInf, std::nanf(""), 2.0f, tiny}) {
      std::fill(m.c.begin(), m.c.end(), 0.0f);
      std::fill(m.a.begin(), m.a.end(), 0.0f);
      std::fill(m.b.begin(), m.b.end(), 1.0f);
      m.a[3 * depth + 5] = special;
      Expect(RunFloats(kind, &m) == cudaSuccess, what);
      for (size_t i = 0; i < m.c.size(); ++i) {
        const float expected = i / 8 == 3 ? special : 0;
        Expect(std::isnan(expected) ? std::isnan(m.c[i]) : m.c[i] == expected, what + " > special value");
      }
    }
  }
}

// Sums are cut off, not rounded: what lies below 2^-24 (8.x) or 2^-25 (9.0) of the largest term is lost term by term.
void TestCutOff(int capability) {
  emulator::Reset(Capability(capability));
  Matrices m{std::vector<float>(16 * 16), std::vector<float>(16 * 8, 1.0f), std::vector<float>(16 * 8, 1.0f)};
  m.a[0] = 0x1.8p-24f;
  for (size_t k = 0; k < 4; ++k) m.a[16 + k] = 0x1p-25f;
  m.a[2 * 16] = -0x1p-30f;
  Expect(RunFloats(kBf16, &m) == cudaSuccess, "cut off");
  Expect(m.c[0] == 1.0f, "cut off > toward zero");
  Expect(m.c[8] == (capability == 90 ? 0x1.000002p0f : 1.0f), "cut off > bits kept in the sum");
  Expect(m.c[16] == 1.0f, "cut off > a small negative term");
  // Results below the least normal number too.
  std::fill(m.a.begin(), m.a.end(), 0.0f);
  std::fill(m.c.begin(), m.c.end(), 0.0f);
  m.a[0] = 0x1p-126f;
  m.a[1] = -0x1p-126f;
  m.b[0 * 8 + 0] = m.b[1 * 8 + 1] = 0x1.8p-23f;
  m.b[0 * 8 + 1] = m.b[1 * 8 + 0] = 0;
  Expect(RunFloats(kBf16, &m) == cudaSuccess, "cut off");
  Expect(m.c[0] == 0x1p-149f && m.c[1] == -0x1p-149f, "cut off > subnormal");
  // The first half of the sum is too large for a float; all of it is not.
  std::fill(m.a.begin(), m.a.end(), 0.0f);
  std::fill(m.b.begin(), m.b.end(), 1.0f);
  std::fill(m.c.begin(), m.c.end(), 0.0f);
  m.a[0] = m.a[1] = 0x1p127f;
  m.a[8] = -0x1p127f;
  Expect(RunFloats(kBf16, &m) == cudaSuccess, "cut off");
  Expect(m.c[0] == (capability == 90 ? 0x1p127f : std::numeric_limits<float>::infinity()), "cut off > overflow");
  emulator::Reset({});
}

LOWP_KERNEL Load(const uint8_t* tile, int how, uint32_t offset, uint32_t* out) {
  uint8_t* const shared = DynamicShared();
  const uint32_t lane = threadIdx.x;
  for (uint32_t i = lane; i < 512; i += 32) shared[i] = tile[i];
  __syncthreads();
  const void* const row = shared + lane * 16 + offset;
  uint32_t four[4], two[2];
  if (how == 0) LdMatrix4(four, row);
  if (how == 1) LdMatrix4Trans(four, row);
  if (how == 2) LdMatrix2(two, row);
  if (how == 3) LdMatrix2Trans(two, row);
  for (uint32_t i = 0; i < 4; ++i) out[lane * 4 + i] = how < 2 ? four[i] : i < 2 ? two[i] : 0;
}

void TestLoads(Random& random, const std::string& name) {
  const std::vector<uint8_t> tile = RandomBytes(random, 512);
  DeviceArray<uint8_t> device(tile);
  DeviceArray<uint32_t> out(128);
  for (int how = 0; how < 4; ++how) {
    Expect(Run(1, 32, 512, Load, device.data(), how, 0u, out.data()) == cudaSuccess, "ldmatrix" + name);
    const std::vector<uint32_t> read = out.Read();
    for (size_t lane = 0; lane < 32; ++lane) {
      for (size_t i = 0; i < (how < 2 ? 4u : 2u); ++i) {
        uint32_t expected = 0;
        for (size_t half = 0; half < 2; ++half) {
          size_t row = lane / 4, column = lane % 4 * 2 + half;
          if (how % 2 == 1) std::swap(row, column);
          const size_t at = (i * 8 + row) * 16 + column * 2;
          expected |= static_cast<uint32_t>(tile[at] | tile[at + 1] << 8) << 16 * half;
        }
        Expect(read[lane * 4 + i] == expected, "ldmatrix " + std::to_string(how) + name);
      }
    }
  }
  ExpectError(cudaErrorMisalignedAddress, "no multiple of 16", Run(1, 32, 1024, Load, device.data(), 0, 8u, out.data()),
              "ldmatrix > misaligned" + name);
  emulator::Reset({});
  ExpectError(cudaErrorIllegalAddress, "512 bytes of shared memory", Run(1, 32, 512, Load, device.data(), 0, 16u, out.data()),
              "ldmatrix > out of bounds" + name);
  emulator::Reset({});
}

LOWP_KERNEL HalfWarp(const uint32_t* in) {
  uint32_t a[4] = {in[0], in[1], in[2], in[3]}, b[2] = {in[4], in[5]};
  int d[4] = {};
  if (threadIdx.x % 32 < 16) MmaS8(d, a, b);
}

}  // namespace

void TestEmulatedMma() {
  Random random(4);
  for (int capability : {80, 90}) {
    ForOrders(capability, [&](const std::string& order) {
      const std::string name = order + " " + std::to_string(capability);
      for (int round = 0; round < 5; ++round) TestBytes(random, name);
      TestFloats(random, name);
      TestLoads(random, name);
      emulator::Reset(Capability(capability));
      TestSparse(random, name);
    });
    TestCutOff(capability);
  }
  Fragments fragments;
  emulator::Reset(Capability(75));
  ExpectError(cudaErrorIllegalInstruction, "mma.m16n8k32 needs compute capability 8.0", RunMultiply(kS8S8, &fragments),
              "mma > capability 7.5");
  emulator::Reset({});
  DeviceArray<uint32_t> in(8);
  ExpectError(cudaErrorLaunchFailure, "16 wait at mma.m16n8k32", Run(1, 32, 0, HalfWarp, in.data()), "mma > half a warp");
  emulator::Reset({});
}

}  // namespace test
}  // namespace lowp
