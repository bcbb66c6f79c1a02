#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector512.h"
#include "kernels/sparse/sparse_transpose256.h"
#include "kernels/spmm/spmm_fma128.h"
#include "kernels/spmm/spmm_ukernel.h"

namespace lowp {
namespace {

struct Fma512 {
  using F = __m512;
  static constexpr size_t kWidth = 16;
  static constexpr int kStrip = 2;  // 8 sums, 2 of the tile, 1 value
  static F Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static F Set(float x) { return _mm512_set1_ps(x); }
  static F Add(F x, F y) { return _mm512_add_ps(x, y); }
  static F Fma(F x, F y, F sum) { return _mm512_fmadd_ps(x, y, sum); }
  static float FmaOne(float x, float y, float sum) { return __builtin_fmaf(x, y, sum); }
};

// 16 entries lie in 32 columns, and the low five bits of an index say where: a permutation of two vectors fetches what 16 loads
// would.
void SpmvTwoOfFour(const SpmmBlock& block, const float* x, float* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const float* value = block.values;
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    const size_t count = row->count, whole = count / 32 * 32;
    __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (size_t i = 0; i < whole; i += 32) {
#pragma GCC unroll 2
      for (size_t j = 0; j < 2; ++j) {
        const __m512i at = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(index + i + 16 * j)));
        const float* from = x + 2 * (i + 16 * j);
        const __m512 picked = _mm512_permutex2var_ps(_mm512_loadu_ps(from), at, _mm512_loadu_ps(from + 16));
        sums[j] = _mm512_fmadd_ps(_mm512_loadu_ps(value + i + 16 * j), picked, sums[j]);
      }
    }
    float sum = _mm512_reduce_add_ps(_mm512_add_ps(sums[0], sums[1]));
    for (size_t i = whole; i < count; ++i) sum = Fma512::FmaOne(value[i], x[index[i]], sum);
    acc[row->row] = accumulate ? acc[row->row] + sum : sum;
    index += count;
    value += count;
  }
}

}  // namespace

extern const SpmmKernel kSpmmAvx512;
const SpmmKernel kSpmmAvx512 = {{"spmm_f32_1x64__avx512", {Spmm1<Fma512, 1>, Spmm4<Fma512, 1>}, {Spmv1<Fma512>, Spmv4<Fma512>}},
                                {"spmm_quads_f32_1x64__avx512",
                                 {Spmm1<Fma512, kSparseWidth>, Spmm4<Fma512, kSparseWidth>},
                                 {SpmvQuads1<Fma128>, SpmvQuads4<Fma128>}},
                                {kWholeQuads, kWholeQuads},
                                SpmvTwoOfFour,
                                TransposeBy<float, 8, TransposeSquare<float>>,
                                StoreFloatTile<Vector512, kSparseNb>};

}  // namespace lowp
