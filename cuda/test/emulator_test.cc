// lowp_cuda_emulator_test: the emulated device against plain loops, and what it has to refuse.
#include "cuda/test/emulator_test.h"

int main() {
  using namespace lowp::test;
  TestEmulatedEnvironment();
  TestEmulatedRuntime();
  TestEmulatedFunctions();
  TestEmulatedCalls();
  TestEmulatedMma();
  TestEmulatedCopies();
  TestEmulatedWgmma();
  TestEmulatedOrder();
  std::printf("%zu passed, %zu failed\n", GetTotals().passed, GetTotals().failed);
  return GetTotals().failed == 0 ? 0 : 1;
}
