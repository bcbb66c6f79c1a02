// Microseconds of 3x3 depthwise layers, one core of a Zen 3, fastest samples: reading the image in place with sliding sums
// against copied strips of 16 channels, interleaved runs.
//
//   int8      32 @112  144 @56  96 @112 s2  576 @14  960 @7        float32  32 @112  144 @56  96 @112 s2  576 @14  960 @7
//   in place      149      187         169       56      32                     244      217         308       62      31
//   strips        213      277         259       82      45                     254      293         365       87      41
//
// Of the 8.6 cycles for 8 int8 sums of 3x3 the microkernel takes 4.8 and the store 3 to 4 where all lies in L1; vpmaddwd alone
// would take 2.5. Narrow rows pay for their calls: 7 pixels take twice as long each as 56.
#include "kernels/conv/conv_int256.h"
#include "kernels/conv/conv_ukernel.h"
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/sparse/sparse_transpose256.h"
#include "kernels/sparse/sparse_transpose_bytes.h"

namespace lowp {
namespace {

struct Fma256 {
  using F = __m256;
  static constexpr size_t kWidth = 8;
  static F Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, F x) { _mm256_storeu_ps(p, x); }
  static F Set(float x) { return _mm256_set1_ps(x); }
  static F Add(F x, F y) { return _mm256_add_ps(x, y); }
  static F Fma(F x, F y, F sum) { return _mm256_fmadd_ps(x, y, sum); }
};

}  // namespace

extern const ConvKernel kConvAvx2;
const ConvKernel kConvAvx2 = {"conv_depthwise_16__avx2",
                              ConvFloat<Fma256>,
                              ConvInt256,
                              StoreFloatTile<Vector256, kConvNb>,
                              StoreIntTile<Vector256, kConvNb>,
                              TransposeBy<float, 8, TransposeSquare<float>>,
                              TransposeBy<uint8_t, 16, TransposeBytes>};

}  // namespace lowp
