// Which element of a tile is in which lane and register, as the PTX ISA's section on warp-level matrix instructions defines it:
// plain integer functions, so that kernels, the emulator and tests on the host share one statement of each layout.
//
// A warp's lane is `lane`; `group` = lane / 4 and `quad` = lane % 4 there. Elements of a register count from its lowest bits.
#ifndef LOWP_CUDA_DEVICE_FRAGMENTS_H_
#define LOWP_CUDA_DEVICE_FRAGMENTS_H_

#include <stdint.h>

#ifdef __CUDACC__
#define LOWP_HD __host__ __device__
#else
#define LOWP_HD
#endif

namespace lowp {

struct Cell {
  int row, column;
};

// D and C of every m16n8: 16 x 8, four 32-bit registers.
//   d[0] d[1]  row group,     columns 2 quad, 2 quad + 1
//   d[2] d[3]  row group + 8
LOWP_HD constexpr Cell MmaCellD(int lane, int index) { return {lane / 4 + index / 2 * 8, lane % 4 * 2 + index % 2}; }

// A of m16n8k32 (8-bit elements): 16 x 32, four registers of 4. A of the sparse m16n8k64 likewise, in columns of what is stored.
//   a[0] row group,     columns 4 quad .. +3        a[2] row group,     columns 16 + 4 quad .. +3
//   a[1] row group + 8, columns 4 quad .. +3        a[3] row group + 8, columns 16 + 4 quad .. +3
LOWP_HD constexpr Cell MmaCellA8(int lane, int index, int element) {
  return {lane / 4 + index % 2 * 8, index / 2 * 16 + lane % 4 * 4 + element};
}

// B of m16n8k32: 32 x 8, two registers of 4; of the sparse m16n8k64: 64 x 8, four. Row k, column n.
//   b[i] rows 16 i + 4 quad .. +3, column group
LOWP_HD constexpr Cell MmaCellB8(int lane, int index, int element) { return {index * 16 + lane % 4 * 4 + element, lane / 4}; }

// A of m16n8k16 (16-bit): 16 x 16, four registers of 2.
//   a[0] row group, columns 2 quad, +1    a[1] row group + 8    a[2] row group, columns 8 + 2 quad, +1    a[3] row group + 8
LOWP_HD constexpr Cell MmaCellA16(int lane, int index, int element) {
  return {lane / 4 + index % 2 * 8, index / 2 * 8 + lane % 4 * 2 + element};
}

// B of m16n8k16: 16 x 8, two registers of 2: b[i] rows 8 i + 2 quad, +1, column group.
LOWP_HD constexpr Cell MmaCellB16(int lane, int index, int element) { return {index * 8 + lane % 4 * 2 + element, lane / 4}; }

// A of m16n8k8 (tf32): 16 x 8, four registers: a[0] (group, quad), a[1] (group + 8, quad), a[2] (group, quad + 4), a[3].
LOWP_HD constexpr Cell MmaCellATf32(int lane, int index) { return {lane / 4 + index % 2 * 8, index / 2 * 4 + lane % 4}; }

// B of m16n8k8: 8 x 8, two registers: b[i] row 4 i + quad, column group.
LOWP_HD constexpr Cell MmaCellBTf32(int lane, int index) { return {index * 4 + lane % 4, lane / 4}; }

// Metadata of the sparse m16n8k64: two bits for each stored element, its place within its four columns, ascending within a
// pair. A lane's 32 bits are those of 16 stored elements of one row, 32 columns of A:
//   quad 0 row group, columns 0..31     quad 2 row group, columns 32..63
//   quad 1 row group + 8                quad 3 row group + 8
// Row of A, and the first of the 16 columns of what is stored; element j's bits are 2 j and 2 j + 1.
LOWP_HD constexpr Cell MmaCellMetadata(int lane) { return {lane / 4 + lane % 2 * 8, lane % 4 / 2 * 16}; }

// ldmatrix: 8 x 8 of 16-bit elements; the row's address comes from lane 8 i + row for matrix i. Each lane gets two elements:
// d[i] row group, columns 2 quad, +1; transposed: rows 2 quad, +1, column group.
// Thus the four matrices (rows 0..7, 8..15) x (bytes 0..15, 16..31) of a row-major 16 x 32-byte tile in the order
// (0,0) (1,0) (0,1) (1,1) are A of m16n8k32 and of m16n8k16, and two (bytes 0..15, 16..31) of 8 rows of K-contiguous B are B.
LOWP_HD constexpr Cell LdMatrixCell(int lane, int element) { return {lane / 4, lane % 4 * 2 + element}; }

// D of wgmma m64nN: `thread` within the warpgroup's 128, index < N / 2.
//   d[4 j + i] row 16 (thread / 32) + group + 8 (i / 2), column 8 j + 2 quad + i % 2
LOWP_HD constexpr Cell WgmmaCellD(int thread, int index) {
  return {thread / 32 * 16 + thread % 32 / 4 + index / 2 % 2 * 8, index / 4 * 8 + thread % 4 * 2 + index % 2};
}

// Swizzles of shared memory, of offsets from a base that is a multiple of 1024 bytes: the 16-byte chunk's number within 128 (64,
// 32) bytes is changed by that of the row, so that 8 rows' chunks of one column lie in different banks. Their own inverse.
LOWP_HD constexpr uint32_t Swizzle128(uint32_t offset) { return offset ^ (offset >> 7 & 7u) << 4; }
LOWP_HD constexpr uint32_t Swizzle64(uint32_t offset) { return offset ^ (offset >> 7 & 3u) << 4; }
LOWP_HD constexpr uint32_t Swizzle32(uint32_t offset) { return offset ^ (offset >> 7 & 1u) << 4; }

// A matrix descriptor of wgmma (sm_90):
//   bits 0..13 start address / 16     16..29 leading byte offset / 16     32..45 stride byte offset / 16
//   bits 49..51 base offset (0 where the pattern starts on a multiple of 1024 bytes)     62..63 swizzle
enum class WgmmaSwizzle : uint32_t { kNone = 0, k128 = 1, k64 = 2, k32 = 3 };
LOWP_HD constexpr uint64_t WgmmaDescriptorBits(uint32_t address, uint32_t leading_bytes, uint32_t stride_bytes,
                                               WgmmaSwizzle swizzle) {
  return static_cast<uint64_t>((address & 0x3ffffu) >> 4) | static_cast<uint64_t>((leading_bytes & 0x3ffffu) >> 4) << 16 |
         static_cast<uint64_t>((stride_bytes & 0x3ffffu) >> 4) << 32 | static_cast<uint64_t>(swizzle) << 62;
}

// Where byte `column` of row `row` of a K-major operand lies, counted from the start of a tile of which each row's 128 bytes
// follow the last one's, groups of 8 rows 1024 bytes apart (WgmmaDescriptor128 in intrinsics.cuh): what a kernel has to write
// there. The next 32 bytes of K are 32 bytes further on: add 2 to the descriptor.
LOWP_HD constexpr uint32_t WgmmaOffset128(uint32_t row, uint32_t column) { return Swizzle128(row * 128 + column); }

}  // namespace lowp

#endif  // LOWP_CUDA_DEVICE_FRAGMENTS_H_
