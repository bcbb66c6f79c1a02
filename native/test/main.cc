// lowp_test [--quick] [--require isa,isa]: every kernel that this machine runs against plain loops. --require fails where one of
// the named ISAs is missing.
#include <cstdio>
#include <cstring>
#include <string>

#include "core/isa.h"
#include "core/thread_pool.h"
#include "test/harness.h"

int main(int argc, char** argv) {
  using namespace lowp;
  bool quick = false;
  std::string required;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) quick = true;
    if (std::strcmp(argv[i], "--require") == 0 && i + 1 < argc) required = std::string(",") + argv[++i] + ",";
  }
  std::printf("ISAs:");
  for (const IsaInfo& info : AllIsas()) {
    const bool runs = info.built && info.supported;
    if (runs) std::printf(" %s", info.name);
    if (required.find(std::string(",") + info.name + ",") != std::string::npos)
      test::Expect(runs, std::string("required ISA ") + info.name);
  }
  std::printf("\n");
  std::fflush(stdout);
  RetainThreadPool();
  test::TestQuantize(quick);
  test::TestEpilogue(quick);
  test::TestQGemm(quick);
  test::TestSGemm(quick);
  test::TestSearch(quick);
  test::TestNBits(quick);
  test::TestSparse(quick);
  test::TestConv(quick);
  test::TestWinograd(quick);
  test::TestPool(quick);
  test::TestSvd(quick);
  test::TestLowRank(quick);
  test::TestThreads(quick);
  ReleaseThreadPool();
  std::printf("%zu passed, %zu failed\n", test::GetTotals().passed, test::GetTotals().failed);
  return test::GetTotals().failed == 0 ? 0 : 1;
}
