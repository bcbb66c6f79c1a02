// What a kernel family answers: a code and, when it is not kOk, a sentence with both numbers in it.
#ifndef LOWP_CORE_STATUS_H_
#define LOWP_CORE_STATUS_H_

#include <string>
#include <utility>

namespace lowp {

enum class Code {
  kOk,
  kType,
  kShape,
  kValue,
  kAlias,
  kDetached,
  kDisposed,
  kHandle,
  kUnsupported,
  kNoMemory,
  kAborted,
  kDevice,
  kInternal
};

// The public spelling, e.g. "ERR_LOWP_SHAPE".
inline const char* CodeName(Code code) {
  switch (code) {
    case Code::kOk: return "OK";
    case Code::kType: return "ERR_LOWP_TYPE";
    case Code::kShape: return "ERR_LOWP_SHAPE";
    case Code::kValue: return "ERR_LOWP_VALUE";
    case Code::kAlias: return "ERR_LOWP_ALIAS";
    case Code::kDetached: return "ERR_LOWP_DETACHED";
    case Code::kDisposed: return "ERR_LOWP_DISPOSED";
    case Code::kHandle: return "ERR_LOWP_HANDLE";
    case Code::kUnsupported: return "ERR_LOWP_UNSUPPORTED";
    case Code::kNoMemory: return "ERR_LOWP_NOMEM";
    case Code::kAborted: return "ERR_LOWP_ABORTED";
    case Code::kDevice: return "ERR_LOWP_DEVICE";
    case Code::kInternal: return "ERR_LOWP_INTERNAL";
  }
  return "ERR_LOWP_INTERNAL";
}

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;  // empty and unallocated when ok
};

}  // namespace lowp

#endif  // LOWP_CORE_STATUS_H_
