#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_scalar.h"
#include "kernels/winograd/winograd_ukernel.h"

namespace lowp {

extern const WinogradKernel kWinogradScalar;
const WinogradKernel kWinogradScalar = {"winograd_3x3__scalar", kWinogradF2<VectorScalar>, kWinogradF4<VectorScalar>,
                                        StoreFloatTile<VectorScalar, kWinogradNb>};

}  // namespace lowp
