#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/winograd/winograd_ukernel.h"

namespace lowp {

extern const WinogradKernel kWinogradAvx2;
const WinogradKernel kWinogradAvx2 = {"winograd_3x3__avx2", kWinogradF2<Vector256>, kWinogradF4<Vector256>,
                                      StoreFloatTile<Vector256, kWinogradNb>};

}  // namespace lowp
