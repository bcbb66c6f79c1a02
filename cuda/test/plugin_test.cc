// lowp_cuda_test PLUGIN [--quick] [family ...]: the functions of the plugin's families against those of the processor or plain
// loops. PLUGIN is lowp_cuda.so or lowp_cuda_emulated.so; see cuda/emulator/emulator.h for the latter's orders and capabilities.
#include "cuda/test/plugin_test.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstring>

#include "core/thread_pool.h"

namespace lowp {
namespace test {
namespace {

const struct {
  const char* name;
  void (*run)(const Plugin& plugin, bool quick);
} kFamilies[] = {
    {"qgemm", TestPluginQGemm}, {"quantize", TestPluginQuantize}, {"sparse", TestPluginSparse}, {"conv", TestPluginConv},
    {"pool", TestPluginPool},   {"sgemm", TestPluginSGemm},       {"nbits", TestPluginNBits},   {"svd", TestPluginSvd},
};

const CudaApi* Open(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::printf("FAILED to open %s: %s\n", path, dlerror());
    return nullptr;
  }
  const auto table = reinterpret_cast<const CudaApi* (*)()>(dlsym(library, "lowp_cuda_api"));
  const CudaApi* api = table != nullptr ? table() : nullptr;
  if (api != nullptr && api->version == kCudaAbiVersion && api->bytes == sizeof(CudaApi)) return api;
  std::printf("FAILED: %s is not of this build\n", path);
  return nullptr;
}

bool IsWanted(const char* name, int argc, char** argv) {
  bool all = true;
  for (int i = 2; i < argc; ++i) {
    if (std::strcmp(argv[i], name) == 0) return true;
    all = all && std::strcmp(argv[i], "--quick") == 0;
  }
  return all;
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::printf("Expected the path of the plugin\n");
    return 2;
  }
  bool quick = false;
  for (int i = 2; i < argc; ++i) quick = quick || std::strcmp(argv[i], "--quick") == 0;
  const CudaApi* api = Open(argv[1]);
  if (api == nullptr) return 1;
  CudaError error{};
  CudaDeviceInfo info{};
  CudaContext* context = nullptr;
  if (api->runtime.info(0, &info, &error) != 0 || api->runtime.open(0, &context, &error) != 0) {
    std::printf("FAILED to open a device: %s\n", error.message);
    return 1;
  }
  std::printf("%s, capability %d.%d\n", info.name, info.major, info.minor);
  std::fflush(stdout);
  RetainThreadPool();
  const Plugin plugin{*api, context};
  for (const auto& family : kFamilies) {
    if (!IsWanted(family.name, argc, argv)) continue;
    const size_t failed = GetTotals().failed;
    family.run(plugin, quick);
    std::printf("%s: %s\n", family.name, GetTotals().failed == failed ? "ok" : "FAILED");
    std::fflush(stdout);
  }
  CudaMemory memory{};
  api->runtime.memory(context, &memory);
  Expect(memory.used == 0, "device memory in use at the end: " + std::to_string(memory.used) + " bytes");
  api->runtime.close(context);
  ReleaseThreadPool();
  std::printf("%zu passed, %zu failed\n", GetTotals().passed, GetTotals().failed);
  return GetTotals().failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace test
}  // namespace lowp

int main(int argc, char** argv) { return lowp::test::Main(argc, argv); }
