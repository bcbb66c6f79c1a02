// Reading arguments. Everything that could corrupt memory is checked here, whoever calls; TypeScript has explained it before.
#ifndef LOWP_ADDON_ARGS_H_
#define LOWP_ADDON_ARGS_H_

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "core/status.h"

namespace lowp {

// Thrown inside the addon only; Guard() turns it into a plain { code, message } object, because an Error made by native
// code would belong to the wrong realm under vm contexts.
struct StatusError {
  Status status;
};

[[noreturn]] inline void Fail(Code code, std::string message) { throw StatusError{Status(code, std::move(message))}; }
inline void Check(Status status) {
  if (!status.ok()) throw StatusError{std::move(status)};
}

napi_value MakeErrorObject(napi_env env, const Status& status);
// Call from a catch (...) block.
Status CurrentExceptionStatus();

class CudaArray;
class CudaDevice;

// Raw Node-API where every nanosecond of a small call counts: node-addon-api's CallbackInfo allocates beyond six arguments.
struct Arguments {
  static constexpr size_t kMax = 8;
  napi_env env;
  size_t count = kMax;  // given by the caller
  napi_value values[kMax];
  void* data;
  const std::shared_ptr<CudaDevice>* device = nullptr;  // set: arrays may be on it

  Arguments(napi_env e, napi_callback_info info) : env(e) {
    if (napi_get_cb_info(env, info, &count, values, nullptr, &data) != napi_ok)
      Fail(Code::kInternal, "The call's arguments could not be read");
  }
};

template <napi_value (*kBody)(Arguments&)>
napi_value Guard(napi_env env, napi_callback_info info) {
  Status status;
  try {
    Arguments arguments(env, info);
    return kBody(arguments);
  } catch (...) {
    status = CurrentExceptionStatus();
  }
  napi_throw(env, MakeErrorObject(env, status));
  return nullptr;
}

struct ArrayView {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  bool present = false;
  const CudaArray* on_device = nullptr;
  size_t element_size() const {
    switch (type) {
      case napi_int16_array:
      case napi_uint16_array: return 2;
      case napi_int32_array:
      case napi_uint32_array:
      case napi_float32_array: return 4;
      case napi_float64_array:
      case napi_bigint64_array:
      case napi_biguint64_array: return 8;
      default: return 1;
    }
  }
  size_t bytes() const { return length * element_size(); }
  template <class T>
  T* As() const {
    return static_cast<T*>(data);
  }
};

ArrayView ReadArray(napi_env env, napi_value value, const char* name);
ArrayView ReadArray(napi_env env, napi_value value, const char* name, napi_typedarray_type type);
// What may be on the device, if the call is.
ArrayView ReadArray(const Arguments& arguments, size_t index, const char* name);
ArrayView ReadArray(const Arguments& arguments, size_t index, const char* name, napi_typedarray_type type);
// undefined, null and what the caller left away give a view that is not present. Leaving away is the fastest.
ArrayView ReadOptionalArray(const Arguments& arguments, size_t index, const char* name);

double ReadNumber(const Arguments& arguments, size_t index, const char* name);

// The control block, its slots checked as they are read. It comes as a Uint8Array of their bytes, which Node-API reads in
// 22 ns; for a Float64Array, of which it asks after eight other element types first, it takes 48. Not as a DataView (15 ns),
// because of those over a resizable buffer Node 20 tells a length that may have passed.
class Control {
 public:
  Control(napi_env env, napi_value value, size_t slots);
  double Number(size_t slot) const { return data_[slot]; }
  float Float(size_t slot) const { return static_cast<float>(data_[slot]); }
  // A whole number from 0 to 2^40.
  size_t Size(size_t slot, const char* name) const {
    constexpr double kMax = 1099511627776.0;  // 2^40
    const double x = data_[slot];
    if (!(x >= 0 && x <= kMax && x == static_cast<double>(static_cast<int64_t>(x)))) RefuseSize(x, name);
    return static_cast<size_t>(static_cast<int64_t>(x));
  }
  int32_t Int(size_t slot, const char* name) const {
    const double x = data_[slot];
    if (!(x >= -2147483647.0 && x <= 2147483647.0 && x == static_cast<double>(static_cast<int32_t>(x)))) RefuseInt(x, name);
    return static_cast<int32_t>(x);
  }
  bool Flag(size_t slot) const { return data_[slot] != 0; }

 private:
  [[noreturn]] static void RefuseSize(double x, const char* name);
  [[noreturn]] static void RefuseInt(double x, const char* name);

  const double* data_;
};

// Sizes whose products may overflow stick at the maximum, which no array reaches.
inline size_t SaturatingMul(size_t x, size_t y) {
  return y != 0 && x > std::numeric_limits<size_t>::max() / y ? std::numeric_limits<size_t>::max() : x * y;
}
inline size_t SaturatingAdd(size_t x, size_t y) {
  return x > std::numeric_limits<size_t>::max() - y ? std::numeric_limits<size_t>::max() : x + y;
}

// Elements that a strided matrix spans: (batch - 1) * batch_stride + (rows - 1) * ld + cols, or 0 where it is empty.
size_t Extent(size_t batch, size_t batch_stride, size_t rows, size_t ld, size_t cols);

[[noreturn]] void RefuseAlias(const char* name);
void CheckExtent(const ArrayView& view, size_t extent, const char* name);
void CheckLength(const ArrayView& view, size_t length, const char* name);
// Refuses an `out` that shares bytes with `input`: it would be overwritten while it is read.
inline void CheckAlias(const ArrayView& out, const ArrayView& input, const char* name) {
  const uintptr_t from = reinterpret_cast<uintptr_t>(out.data), in_from = reinterpret_cast<uintptr_t>(input.data);
  if (out.length > 0 && input.length > 0 && from < in_from + input.bytes() && in_from < from + out.bytes()) RefuseAlias(name);
}

}  // namespace lowp

#endif  // LOWP_ADDON_ARGS_H_
