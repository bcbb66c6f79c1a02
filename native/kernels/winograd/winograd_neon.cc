#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_neon.h"
#include "kernels/winograd/winograd_ukernel.h"

namespace lowp {

extern const WinogradKernel kWinogradNeon;
const WinogradKernel kWinogradNeon = {"winograd_3x3__neon", kWinogradF2<VectorNeon>, kWinogradF4<VectorNeon>,
                                      StoreFloatTile<VectorNeon, kWinogradNb>};

}  // namespace lowp
