// The product with weights of few bits for few rows: as fast as the weights come from memory.
//
// A block of 4 warps has 16 columns, 8 rows and all of K. In each round every warp takes the next 128 depths (256 where that is
// the group): sums by the int8 tensor cores, of which 8 rows or fewer are one operand, and the groups' products in float32 to
// shared memory. Then each of the 128 threads adds to its element of C what the round gave, groups ascending. So the warps share
// out K, and every sum is still the same chain. Weights, codes and constants come by cp.async, each warp its own, in a ring of 3
// rounds; of 2, and 64 depths each, where shared memory has no room for that (8 bits in groups of 16 or 256 on Turing).
//
// Groups of 32 of 4 bits take 48 KB of shared memory, with the products of two rounds; 38 to 52 registers, no spills.
//
// Bytes: K N bits / 8 + 4 N K / group for the weights, once for 8 rows; further rows of blocks find them in L2. An instruction of
// 16 columns x 32 depths (256 bytes of 4 bits) costs a warp some 35 others with groups of 32, so four schedulers could take 50
// bytes a clock, where a multiprocessor's part of the H200's 4.8 TB/s is 20: 80% of the bandwidth is expected from N = 4096 (256
// blocks of 4 warps) upwards. Before capability 8.0 dp4a takes the place of the instruction, for any number of rows. NOT timed on
// a GPU yet.
#include <cuda_runtime.h>

#include "cuda/device/launch.h"
#include "cuda/nbits/nbits_device.cuh"

namespace lowp {
namespace {

constexpr uint32_t kWarps = 4, kThreads = 32 * kWarps, kRows = 8;
static_assert(kThreads == kRows * kNBitsCols, "a thread adds up one element");

// What a warp takes in a round, and where it lies in its stage.
struct Chunk {
  uint32_t blocks, groups;
  uint32_t codes_at, meta_at, scales_at, zeros_at, bytes;

  // `least` blocks, or the whole of a larger group.
  LOWP_HD Chunk(uint32_t bits, uint32_t group, uint32_t least) {
    blocks = group > least * kNBitsDepth ? group / kNBitsDepth : least;
    groups = blocks * kNBitsDepth / group;
    codes_at = blocks * NBitsBlockBytes(bits);
    meta_at = codes_at + blocks * kRows * kNBitsBlockRow;
    scales_at = meta_at + groups * kRows * static_cast<uint32_t>(sizeof(NBitsRowGroup));
    zeros_at = scales_at + groups * kNBitsCols * 4;
    bytes = zeros_at + groups * kNBitsCols * 2;
  }
  LOWP_HD uint32_t ring_bytes(uint32_t stages) const { return stages * kWarps * bytes; }
  // Of a round, of which there are two.
  LOWP_HD uint32_t product_floats() const { return kWarps * groups * kThreads; }
  LOWP_HD uint32_t shared_bytes(uint32_t stages) const { return ring_bytes(stages) + 2 * product_floats() * 4; }
};

// By the lanes of a warp, as in nbits_tiles.cu.
template <class Valid>
LOWP_DEVICE void Bring(uint8_t* to, const void* from, uint32_t count, uint32_t chunks, uint64_t stride, const Valid& valid) {
  LOWP_NO_UNROLL
  for (uint32_t i = threadIdx.x % 32; i < count * chunks; i += 32) {
    const uint32_t row = i / chunks, chunk = i % chunks;
    const bool there = valid(row, chunk);
    CpAsync16(to + i * 16, static_cast<const uint8_t*>(from) + (there ? row * stride + chunk * 16 : 0), there);
  }
}

template <int kBits>
LOWP_DEVICE void BringChunk(const NBitsTask& task, const Chunk& c, uint32_t m0, uint32_t n0, uint32_t first, uint8_t* stage) {
  const uint32_t left = task.blocks - first, rows = task.a.rows - m0;
  Bring(stage, task.weights + (static_cast<uint64_t>(n0 / kNBitsCols) * task.blocks + first) * NBitsBlockBytes(kBits), c.blocks,
        NBitsBlockBytes(kBits) / 16, NBitsBlockBytes(kBits), [&](uint32_t block, uint32_t) { return block < left; });
  // A chunk here is one of the 32 pieces of a block's 8 rows.
  Bring(stage + c.codes_at, task.a.codes + (static_cast<uint64_t>(first) * task.a.rows + m0) * kNBitsBlockRow, c.blocks,
        kRows * kNBitsBlockRow / 16, static_cast<uint64_t>(task.a.rows) * kNBitsBlockRow,
        [&](uint32_t block, uint32_t chunk) { return block < left && chunk / (kNBitsBlockRow / 16) < rows; });
  const uint32_t group = first * kNBitsDepth >> task.group_shift, groups = task.groups - group;
  const uint64_t cols_at = static_cast<uint64_t>(group) * task.cols + n0;
  Bring(stage + c.meta_at, task.a.meta + static_cast<uint64_t>(group) * task.a.meta_rows + m0, c.groups, kRows / 2,
        task.a.meta_rows * sizeof(NBitsRowGroup), [&](uint32_t g, uint32_t) { return g < groups; });
  Bring(stage + c.scales_at, task.scales + cols_at, c.groups, kNBitsCols / 4, task.cols * sizeof(float),
        [&](uint32_t g, uint32_t) { return g < groups; });
  if (task.zeros == nullptr) return;
  Bring(stage + c.zeros_at, task.zeros + cols_at, c.groups, kNBitsCols / 8, task.cols * sizeof(int16_t),
        [&](uint32_t g, uint32_t) { return g < groups; });
}

// sums += 16 columns x 8 rows of a step. `block` and `codes`: in shared memory.
template <int kBits, bool kDots>
LOWP_DEVICE void MultiplyStep(const uint8_t* block, const uint8_t* codes, uint32_t step, NBitsHalves halves, int (&sums)[4]) {
  const uint32_t lane = threadIdx.x % 32;
  uint32_t a[4], b[2];
  if constexpr (kDots) {
    // What the instruction takes from the four lanes of a column and of two rows.
    LOWP_NO_UNROLL
    for (uint32_t quad = 0; quad < 4; ++quad) {
      LoadWeights<kBits>(block, step, lane / 4 * 4 + quad, a);
      LOWP_UNROLL
      for (int row = 0; row < 2; ++row) {
        LoadCodes(codes, step, lane % 4 * 2 + row, quad, halves, b);
        LOWP_UNROLL
        for (int i = 0; i < 2; ++i) sums[2 * i + row] = Dp4aS8S8(a[i + 2], b[1], Dp4aS8S8(a[i], b[0], sums[2 * i + row]));
      }
    }
  } else {
    LoadWeights<kBits>(block, step, lane, a);
    LoadCodes(codes, step, lane / 4, lane % 4, halves, b);
    MmaS8(sums, a, b);
  }
}

// A chunk's products to products[group][column][row].
template <int kBits, bool kDots>
LOWP_DEVICE void Multiply(const NBitsTask& task, const Chunk& c, const uint8_t* stage, float* products) {
  const uint32_t lane = threadIdx.x % 32, col = lane / 4, row = lane % 4 * 2, group = task.group;
  const int32_t base = task.wide ? 0 : kNBitsShiftBits;
  const uint32_t depths = group < 32 ? group : 32;
  int sums[4] = {};
  LOWP_NO_UNROLL
  for (uint32_t at = 0; at < c.blocks * kNBitsDepth; at += depths) {
    const uint32_t block = at / kNBitsDepth, g = at >> task.group_shift;
    const NBitsGroup constants{
        reinterpret_cast<const NBitsRowGroup*>(stage + c.meta_at) + g * kRows,
        reinterpret_cast<const float*>(stage + c.scales_at) + g * kNBitsCols,
        task.zeros == nullptr ? nullptr : reinterpret_cast<const int16_t*>(stage + c.zeros_at) + g * kNBitsCols};
    if ((at & (group - 1)) == 0) NBitsStart(constants, col, row, base, sums);
    MultiplyStep<kBits, kDots>(stage + block * NBitsBlockBytes(kBits), stage + c.codes_at + block * kRows * kNBitsBlockRow,
                               at / 32 % 2, {at % 32 == 0, at % 32 != 0 || depths == 32}, sums);
    if (((at + depths) & (group - 1)) != 0) continue;
    float found[4];
    NBitsEnd(constants, col, row, task.wide, sums, found);
    LOWP_UNROLL
    for (int i = 0; i < 2; ++i) {
      *reinterpret_cast<Pack<float, 2>*>(products + (g * kNBitsCols + col + i * 8) * kRows +
                                         row) = {{found[2 * i], found[2 * i + 1]}};
    }
  }
}

template <int kBits, bool kDots>
LOWP_KERNEL __launch_bounds__(kThreads) NBitsSkinny(NBitsTask task, uint32_t least, uint32_t stages) {
  const Chunk c(kBits, task.group, least);
  uint32_t panel = blockIdx.x;
  const uint32_t m0 = Divide(panel, task.tiles) * kRows, n0 = panel * kNBitsCols;
  const uint32_t warp = threadIdx.x / 32, round_blocks = kWarps * c.blocks;
  uint8_t* ring = DynamicShared() + warp * c.bytes;
  float* products = reinterpret_cast<float*>(DynamicShared() + c.ring_bytes(stages));

  LOWP_NO_UNROLL
  for (uint32_t stage = 0; stage + 1 < stages; ++stage) {
    const uint32_t first = stage * round_blocks + warp * c.blocks;
    if (first < task.blocks) BringChunk<kBits>(task, c, m0, n0, first, ring + stage * kWarps * c.bytes);
    CpAsyncCommit();
  }
  float acc = 0;
  uint32_t at = 0, half = 0, groups_left = task.groups;
  LOWP_NO_UNROLL
  for (uint32_t first = warp * c.blocks, round = 0; round < task.blocks;
       first += round_blocks, round += round_blocks, half ^= 1) {
    if (stages == 3) {
      CpAsyncWait<1>();
    } else {
      CpAsyncWait<0>();
    }
    __syncwarp();
    const uint32_t next = first + (stages - 1) * round_blocks;
    if (next < task.blocks) BringChunk<kBits>(task, c, m0, n0, next, ring + (at == 0 ? stages - 1 : at - 1) * kWarps * c.bytes);
    CpAsyncCommit();
    float* mine = products + half * c.product_floats();
    if (first < task.blocks) Multiply<kBits, kDots>(task, c, ring + at * kWarps * c.bytes, mine + warp * c.groups * kThreads);
    __syncthreads();
    const uint32_t groups = min(groups_left, kWarps * c.groups);
    LOWP_NO_UNROLL
    for (uint32_t g = 0; g < groups; ++g) acc = __fadd_rn(acc, mine[g * kThreads + threadIdx.x]);
    groups_left -= groups;
    at = at + 1 == stages ? 0 : at + 1;
  }
  const uint32_t m = m0 + threadIdx.x % kRows, n = n0 + threadIdx.x / kRows;
  if (m < task.a.rows && n < task.n) StoreFloat(task.store, acc, m, n);
}

template <int kBits, bool kDots>
Status Start(CudaContext& context, NBitsTask task) {
  const uint64_t m_tiles = (uint64_t{task.a.rows} + kRows - 1) / kRows, n_tiles = task.cols / kNBitsCols;
  if (m_tiles * n_tiles > INT32_MAX)
    return {Code::kShape, "Expected at most 2147483647 tiles of a product but its sizes give more"};
  // Neighbouring blocks share weights.
  task.tiles = Divisor(static_cast<uint32_t>(m_tiles));
  uint32_t least = 2, stages = 3;
  if (Chunk(kBits, task.group, least).shared_bytes(stages) > context.device().shared_bytes) {
    least = 1;
    stages = 2;
  }
  return Launch(context, NBitsSkinny<kBits, kDots>, dim3(static_cast<uint32_t>(m_tiles * n_tiles)), dim3(kThreads),
                Chunk(kBits, task.group, least).shared_bytes(stages), task, least, stages);
}

}  // namespace

Status LaunchNBitsSkinny(CudaContext& context, uint32_t bits, NBitsTask task) {
  if (context.device().capability < kNBitsMmaCapability)
    return bits == 4 ? Start<4, true>(context, task) : Start<8, true>(context, task);
  return bits == 4 ? Start<4, false>(context, task) : Start<8, false>(context, task);
}

}  // namespace lowp
