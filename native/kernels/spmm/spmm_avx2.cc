#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/sparse/sparse_transpose256.h"
#include "kernels/spmm/spmm_fma128.h"
#include "kernels/spmm/spmm_ukernel.h"

namespace lowp {
namespace {

struct Fma256 {
  using F = __m256;
  static constexpr size_t kWidth = 8;
  static constexpr int kStrip = 2;  // 8 sums, 2 of the tile, 1 value
  static F Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, F x) { _mm256_storeu_ps(p, x); }
  static F Set(float x) { return _mm256_set1_ps(x); }
  static F Add(F x, F y) { return _mm256_add_ps(x, y); }
  static F Fma(F x, F y, F sum) { return _mm256_fmadd_ps(x, y, sum); }
  static float FmaOne(float x, float y, float sum) { return __builtin_fmaf(x, y, sum); }
};

// Eight entries lie in 16 columns: four in the first eight, four in the second, and the low three bits of an index say where. So
// two permutations fetch what eight loads would (512x512: 53 -> 29 us; 768x3072: 497 -> 205).
void SpmvTwoOfFour(const SpmmBlock& block, const float* x, float* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const float* value = block.values;
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    const size_t count = row->count, whole = count / 16 * 16;
    __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (size_t i = 0; i < whole; i += 16) {
#pragma GCC unroll 2
      for (size_t j = 0; j < 2; ++j) {
        const __m256i at = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(index + i + 8 * j)));
        const float* from = x + 2 * (i + 8 * j);
        const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(from), at);
        const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(from + 8), at);
        sums[j] = _mm256_fmadd_ps(_mm256_loadu_ps(value + i + 8 * j), _mm256_blend_ps(low, high, 0xf0), sums[j]);
      }
    }
    const __m256 eight = _mm256_add_ps(sums[0], sums[1]);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    float sum = _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    for (size_t i = whole; i < count; ++i) sum = Fma256::FmaOne(value[i], x[index[i]], sum);
    acc[row->row] = accumulate ? acc[row->row] + sum : sum;
    index += count;
    value += count;
  }
}

}  // namespace

extern const SpmmKernel kSpmmAvx2;
const SpmmKernel kSpmmAvx2 = {{"spmm_f32_1x64__avx2", {Spmm1<Fma256, 1>, Spmm4<Fma256, 1>}, {Spmv1<Fma256>, Spmv4<Fma256>}},
                              {"spmm_quads_f32_1x64__avx2",
                               {Spmm1<Fma256, kSparseWidth>, Spmm4<Fma256, kSparseWidth>},
                               {SpmvQuads1<Fma128>, SpmvQuads4<Fma128>}},
                              {kWholeQuads, kWholeQuads},
                              SpmvTwoOfFour,
                              TransposeBy<float, 8, TransposeSquare<float>>,
                              StoreFloatTile<Vector256, kSparseNb>};

}  // namespace lowp
