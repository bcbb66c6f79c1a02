#include "addon/args.h"

#include <new>

#include "addon/addon_data.h"

namespace lowp {
namespace {

const char* TypeName(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array: return "Int8Array";
    case napi_uint8_array: return "Uint8Array";
    case napi_uint8_clamped_array: return "Uint8ClampedArray";
    case napi_int16_array: return "Int16Array";
    case napi_uint16_array: return "Uint16Array";
    case napi_int32_array: return "Int32Array";
    case napi_uint32_array: return "Uint32Array";
    case napi_float32_array: return "Float32Array";
    case napi_float64_array: return "Float64Array";
    default: return "another typed array";
  }
}

bool TryReadArray(napi_env env, napi_value value, ArrayView* view) {
  // Without asking for the ArrayBuffer: that route fails on SharedArrayBuffer.
  view->present = napi_get_typedarray_info(env, value, &view->type, &view->length, &view->data, nullptr, nullptr) == napi_ok;
  return view->present;
}

bool TryReadArray(const Arguments& arguments, size_t index, ArrayView* view) {
  if (TryReadArray(arguments.env, arguments.values[index], view)) return true;
  if (arguments.device == nullptr) return false;
  const CudaArray* array = TryReadCudaArray(arguments.env, arguments.values[index], *DataOf(arguments).handles);
  if (array == nullptr) return false;
  if (array->device() != *arguments.device) Fail(Code::kHandle, "Expected arrays of this environment's CUDA device");
  *view = array->view();
  return true;
}

[[noreturn]] void RefuseArray(const char* name) { Fail(Code::kType, std::string("Expected a typed array for ") + name); }

std::string Describe(const ArrayView& view) { return std::string(TypeName(view.type)) + "(" + std::to_string(view.length) + ")"; }

void CheckType(const ArrayView& view, const char* name, napi_typedarray_type type) {
  if (view.type != type)
    Fail(Code::kType, std::string("Expected ") + TypeName(type) + " for " + name + " but received " + Describe(view));
}

}  // namespace

napi_value MakeErrorObject(napi_env env, const Status& status) {
  napi_value object = nullptr, code = nullptr, message = nullptr;
  napi_create_object(env, &object);
  napi_create_string_utf8(env, CodeName(status.code()), NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, status.message().c_str(), status.message().size(), &message);
  napi_set_named_property(env, object, "code", code);
  napi_set_named_property(env, object, "message", message);
  return object;
}

Status CurrentExceptionStatus() {
  try {
    throw;
  } catch (const StatusError& error) {
    return error.status;
  } catch (const std::bad_alloc&) {
    return {Code::kNoMemory, "The system gave no memory"};
  } catch (const std::exception& error) {
    return {Code::kInternal, error.what()};
  } catch (...) {
    return {Code::kInternal, "An unknown exception reached the boundary"};
  }
}

ArrayView ReadArray(napi_env env, napi_value value, const char* name) {
  ArrayView view;
  if (!TryReadArray(env, value, &view)) RefuseArray(name);
  return view;
}

ArrayView ReadArray(napi_env env, napi_value value, const char* name, napi_typedarray_type type) {
  const ArrayView view = ReadArray(env, value, name);
  CheckType(view, name, type);
  return view;
}

ArrayView ReadArray(const Arguments& arguments, size_t index, const char* name) {
  ArrayView view;
  if (!TryReadArray(arguments, index, &view)) RefuseArray(name);
  return view;
}

ArrayView ReadArray(const Arguments& arguments, size_t index, const char* name, napi_typedarray_type type) {
  const ArrayView view = ReadArray(arguments, index, name);
  CheckType(view, name, type);
  return view;
}

ArrayView ReadOptionalArray(const Arguments& arguments, size_t index, const char* name) {
  if (index >= arguments.count) return {};
  ArrayView view;
  if (TryReadArray(arguments, index, &view)) return view;
  napi_valuetype type = napi_undefined;
  napi_typeof(arguments.env, arguments.values[index], &type);
  if (type != napi_undefined && type != napi_null) RefuseArray(name);
  return {};
}

double ReadNumber(const Arguments& arguments, size_t index, const char* name) {
  double number = 0;
  if (napi_get_value_double(arguments.env, arguments.values[index], &number) != napi_ok)
    Fail(Code::kType, std::string("Expected a number for ") + name);
  return number;
}

Control::Control(napi_env env, napi_value value, size_t slots) {
  const ArrayView view = ReadArray(env, value, "the control block", napi_uint8_array);
  CheckLength(view, slots * sizeof(double), "the control block");
  if (reinterpret_cast<uintptr_t>(view.data) % alignof(double) != 0)
    Fail(Code::kType, "Expected the bytes of float64 slots for the control block but received others");
  data_ = view.As<const double>();
}

void Control::RefuseSize(double x, const char* name) {
  Fail(Code::kValue, std::string("Expected a whole number from 0 to 2^40 for ") + name + " but received " + std::to_string(x));
}

void Control::RefuseInt(double x, const char* name) {
  Fail(Code::kValue, std::string("Expected a 32-bit integer for ") + name + " but received " + std::to_string(x));
}

size_t Extent(size_t batch, size_t batch_stride, size_t rows, size_t ld, size_t cols) {
  if (batch == 0 || rows == 0 || cols == 0) return 0;
  return SaturatingAdd(SaturatingAdd(SaturatingMul(batch - 1, batch_stride), SaturatingMul(rows - 1, ld)), cols);
}

void CheckExtent(const ArrayView& view, size_t extent, const char* name) {
  if (extent > view.length) {
    Fail(Code::kShape, "Expected at least " + std::to_string(extent) + " elements ((rows-1)*ld + cols) for " + name +
                           " but received " + Describe(view));
  }
}

void CheckLength(const ArrayView& view, size_t length, const char* name) {
  if (view.length < length)
    Fail(Code::kShape,
         "Expected at least " + std::to_string(length) + " elements for " + name + " but received " + Describe(view));
}

void RefuseAlias(const char* name) {
  Fail(Code::kAlias, std::string("Expected out to share no memory with ") + name + " but they overlap");
}

}  // namespace lowp
