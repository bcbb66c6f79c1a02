// What the tests of the plugin share. They know it by its table only, and so run on the emulated device and on a GPU.
#ifndef LOWP_CUDA_TEST_PLUGIN_TEST_H_
#define LOWP_CUDA_TEST_PLUGIN_TEST_H_

#include <cstddef>
#include <vector>

#include "cuda/plugin_abi.h"
#include "test/harness.h"

namespace lowp {
namespace test {

struct Plugin {
  const CudaApi& api;
  CudaContext* context;
};

inline void ExpectOk(int32_t code, const CudaError& error, const char* doing) {
  Expect(code == 0, std::string(doing) + ": " + (code == 0 ? "" : error.message));
}

// An array on the device that begins `offset` elements behind a boundary.
template <class T>
class PluginArray {
 public:
  PluginArray(const Plugin& plugin, size_t count, size_t offset = 0) : plugin_(plugin), count_(count), offset_(offset) {
    CudaError error;
    ExpectOk(plugin.api.runtime.allocate(plugin.context, (count + offset) * sizeof(T), &memory_, &error), error, "allocate");
  }
  PluginArray(const Plugin& plugin, const T* values, size_t count, size_t offset = 0) : PluginArray(plugin, count, offset) {
    CudaError error;
    ExpectOk(plugin.api.runtime.upload(plugin.context, data(), values, count * sizeof(T), &error), error, "upload");
  }
  PluginArray(const Plugin& plugin, const std::vector<T>& values, size_t offset = 0)
      : PluginArray(plugin, values.data(), values.size(), offset) {}
  ~PluginArray() { plugin_.api.runtime.free(plugin_.context, memory_); }
  PluginArray(const PluginArray&) = delete;
  T* data() { return static_cast<T*>(memory_) + offset_; }
  std::vector<T> Read() {
    std::vector<T> values(count_);
    CudaError error;
    ExpectOk(plugin_.api.runtime.download(plugin_.context, values.data(), data(), count_ * sizeof(T), &error), error, "download");
    return values;
  }

 private:
  const Plugin& plugin_;
  size_t count_, offset_;
  void* memory_ = nullptr;
};

void TestPluginQGemm(const Plugin& plugin, bool quick);
void TestPluginQuantize(const Plugin& plugin, bool quick);
void TestPluginSparse(const Plugin& plugin, bool quick);
void TestPluginConv(const Plugin& plugin, bool quick);
void TestPluginPool(const Plugin& plugin, bool quick);
void TestPluginSGemm(const Plugin& plugin, bool quick);
void TestPluginNBits(const Plugin& plugin, bool quick);
void TestPluginSvd(const Plugin& plugin, bool quick);

}  // namespace test
}  // namespace lowp

#endif  // LOWP_CUDA_TEST_PLUGIN_TEST_H_
