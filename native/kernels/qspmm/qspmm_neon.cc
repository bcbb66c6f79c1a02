// Quads here save indices alone; see qspmm_neondot.cc for those that multiply four bytes at a time.
#include "kernels/qspmm/qspmm_neon.h"

#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector_neon.h"
#include "kernels/sparse/sparse_transpose_neon.h"

namespace lowp {

extern const QSpmmKernel kQSpmmNeon;
const QSpmmKernel kQSpmmNeon = {{"qspmm_s8u8s32_1x64__neon",
                                 false,
                                 {Ukernel<1, 1>, Ukernel<kSparseHeight, 1>},
                                 {QSpmv<Traits, 1>, QSpmv<Traits, kSparseHeight>},
                                 FillRowsPlainly<Traits>,
                                 FillColumnsPlainly<Traits>},
                                {"qspmm_quads_s8u8s32_1x64__neon",
                                 false,
                                 {Ukernel<1, kSparseWidth>, Ukernel<kSparseHeight, kSparseWidth>},
                                 {QSpmvQuads<Traits, 1>, QSpmvQuads<Traits, kSparseHeight>},
                                 FillRowsPlainly<Traits>,
                                 FillColumnsPlainly<Traits>},
                                {kWholeQuads, kWholeQuads},
                                nullptr,
                                sizeof(Traits::Value),
                                Traits::kGroup,
                                kSparseNb * sizeof(Traits::Element),
                                TransposeBy<int32_t, 4, TransposeSquare<int32_t>>,
                                StoreIntTile<VectorNeon, kSparseNb>};

}  // namespace lowp
