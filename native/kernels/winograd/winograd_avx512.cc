#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector512.h"
#include "kernels/winograd/winograd_ukernel.h"

namespace lowp {

extern const WinogradKernel kWinogradAvx512;
const WinogradKernel kWinogradAvx512 = {"winograd_3x3__avx512", kWinogradF2<Vector512>, kWinogradF4<Vector512>,
                                        StoreFloatTile<Vector512, kWinogradNb>};

}  // namespace lowp
