// The two forms of a native function, from one description of the call.
#ifndef LOWP_ADDON_ASYNC_CALL_H_
#define LOWP_ADDON_ASYNC_CALL_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "addon/addon_data.h"
#include "addon/args.h"
#include "addon/async.h"

namespace lowp {

// A result of `count` rows, `ld` elements apart.
struct ResultRows {
  size_t count, length, ld;
};

// Room in the job's inputs for copies of so many bytes.
void ReserveInputs(Job& job, size_t bytes);

// The result is copied into out at completion.
void CopiesOut(Job& job, const ResultRows& rows, size_t element_size);
void ReserveResult(Job& job, size_t bytes);

// Decides where the job's result goes; returns the memory and sets the row stride in elements.
void* PrepareResult(Job& job, bool owns_out, const ResultRows& rows, const ArrayView& out, size_t* ld);

// Call has
//   Slot                      of its control block, with job
//   kOut                      which argument out is
//   Call(arguments, ctl)      reads and checks everything
//   Run(stop)
//   Hold()                    keeps packed weights alive, of which a synchronous call only has a reference
//   EachInput(visit)          visit(pointer, bytes) for each array that is read, which may be null
//   OwnsOut(ctl), out, result(), SetResult(data, ld)
// and is copied into the job.
template <class Call>
napi_value CallSync(Arguments& arguments) {
  const Control ctl(arguments.env, arguments.values[0], Call::Slot::length);
  Check(Call(arguments, ctl).Run(nullptr));
  return nullptr;
}

template <class Call>
napi_value CallAsync(Arguments& arguments) {
  const Control ctl(arguments.env, arguments.values[0], Call::Slot::length);
  Call call(arguments, ctl);
  auto job = std::make_unique<Job>();
  job->id = ctl.Number(Call::Slot::job);
  size_t bytes = 0;
  call.EachInput([&](const auto* from, size_t size) { bytes += from == nullptr ? 0 : RoundUp(size, kCacheLine); });
  ReserveInputs(*job, bytes);
  uint8_t* to = job->inputs.data();
  call.EachInput([&](auto*& from, size_t size) {
    if (from == nullptr) return;
    std::memcpy(to, from, size);
    from = reinterpret_cast<std::remove_reference_t<decltype(from)>>(to);
    to += RoundUp(size, kCacheLine);
  });
  const ResultRows rows = call.result();
  size_t ld = rows.ld;
  void* result = PrepareResult(*job, Call::OwnsOut(ctl), rows, call.out, &ld);
  call.SetResult(result, ld);
  call.Hold();
  job->run = [call = std::move(call)](Job& self) mutable { return call.Run(&self.stop); };
  return DataOf(arguments).queue.Submit(std::move(job), arguments.values[Call::kOut]);
}

}  // namespace lowp

#endif  // LOWP_ADDON_ASYNC_CALL_H_
