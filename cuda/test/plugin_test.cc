#include "cuda/test/plugin_test.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/thread_pool.h"

namespace lowp {
namespace test {

Plugin& Plugin::Get() {
  static Plugin plugin;
  return plugin;
}

void Must(int32_t code, const CudaError& error, const std::string& what) {
  if (code == 0) return;
  std::printf("FAILED %s: %s\n", what.c_str(), error.message);
  std::exit(1);
}

void Plugin::Open(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::printf("FAILED to open %s: %s\n", path, dlerror());
    std::exit(1);
  }
  const auto table = reinterpret_cast<const CudaApi* (*)()>(dlsym(library, "lowp_cuda_api"));
  api_ = table != nullptr ? table() : nullptr;
  if (api_ == nullptr || api_->version != kCudaAbiVersion || api_->bytes != sizeof(CudaApi)) {
    std::printf("FAILED: %s is not of this build\n", path);
    std::exit(1);
  }
  CudaError error{};
  CudaDeviceInfo info{};
  Must(api_->runtime.info(0, &info, &error), error, "the device");
  Must(api_->runtime.open(0, &context_, &error), error, "a context");
  capability_ = 10 * info.major + info.minor;
  emulated_ = info.emulated;
  std::printf("%s, capability %d.%d\n", info.name, info.major, info.minor);
  std::fflush(stdout);
}

void Plugin::Close() {
  CudaMemory memory{};
  api_->runtime.memory(context_, &memory);
  Expect(memory.used == 0, "device memory in use at the end: " + std::to_string(memory.used) + " bytes");
  api_->runtime.close(context_);
}

}  // namespace test
}  // namespace lowp

int main(int argc, char** argv) {
  using namespace lowp;
  using namespace lowp::test;
  const struct {
    const char* name;
    void (*run)(bool quick);
  } families[] = {
      {"sparse", TestCudaSparse},
      {"conv", TestCudaConv},
      {"pool", TestCudaPool},
  };
  if (argc < 2) {
    std::printf("Expected the path of the plugin\n");
    return 2;
  }
  bool quick = false, chosen = false;
  for (int i = 2; i < argc; ++i) {
    quick = quick || std::strcmp(argv[i], "--quick") == 0;
    chosen = chosen || argv[i][0] != '-';
  }
  RetainThreadPool();
  Plugin::Get().Open(argv[1]);
  for (const auto& family : families) {
    bool wanted = !chosen;
    for (int i = 2; i < argc; ++i) wanted = wanted || std::strcmp(argv[i], family.name) == 0;
    if (!wanted) continue;
    const size_t before = GetTotals().failed;
    family.run(quick);
    std::printf("%s: %s\n", family.name, GetTotals().failed == before ? "ok" : "FAILED");
    std::fflush(stdout);
  }
  Plugin::Get().Close();
  ReleaseThreadPool();
  std::printf("%zu passed, %zu failed\n", GetTotals().passed, GetTotals().failed);
  return GetTotals().failed == 0 ? 0 : 1;
}
