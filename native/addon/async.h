// Work off the event loop. One dispatcher thread for the process takes jobs in order of arrival and runs each on the thread
// pool; an idle dispatcher sleeps. An environment that ends takes its jobs with it: queued ones are dropped, a running one
// is told to stop and waited for.
#ifndef LOWP_ADDON_ASYNC_H_
#define LOWP_ADDON_ASYNC_H_

#include <napi.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "addon/args.h"
#include "core/aligned_buffer.h"
#include "core/status.h"

namespace lowp {

class AsyncQueue;
class CudaDevice;

// One call. What it reads is its own: copies of the arguments, shared packed weights.
struct Job {
  std::function<Status(Job&)> run;
  AlignedBuffer inputs;
  std::atomic<bool> stop{false};

  // Where the result goes: straight into memory that only this call knows, or into `result`, copied at completion.
  AlignedBuffer result;
  std::shared_ptr<const uint8_t> fetched;  // in place of `result`
  size_t rows = 0, row_bytes = 0, out_stride_bytes = 0, out_bytes = 0;
  bool copy_out = false;

  AsyncQueue* queue = nullptr;
  double id = 0;
  Status status;
  napi_deferred deferred = nullptr;
  napi_ref out = nullptr;
};

// Of one environment; lives on its JavaScript thread.
class AsyncQueue {
 public:
  explicit AsyncQueue(napi_env env) : env_(env) {}
  ~AsyncQueue();
  AsyncQueue(const AsyncQueue&) = delete;

  // Returns the promise.
  napi_value Submit(std::unique_ptr<Job> job, napi_value out);
  // The job is done when what is queued on the device has run.
  napi_value SubmitToDevice(std::unique_ptr<Job> job, const std::shared_ptr<CudaDevice>& device, napi_value out);
  // True if the job had not finished.
  bool Cancel(double id);
  size_t pending() const { return pending_; }

 private:
  void Open();
  // Makes the promise.
  napi_value Accept(Job& job, napi_value out);
  static void OnDeviceDone(void* job, int32_t code, const char* message);
  static void OnDone(napi_env env, napi_value, void* context, void* data);
  static void OnCleanup(void* queue);
  void Settle(Job& job);
  void CopyOut(Job& job);

  napi_env env_;
  napi_threadsafe_function done_ = nullptr;
  size_t pending_ = 0;
  std::shared_ptr<CudaDevice> device_;  // once it was used
  friend class Dispatcher;
};

// Environments hold the dispatcher while they live; the last one joins its thread.
void RetainDispatcher();
void ReleaseDispatcher();

}  // namespace lowp

#endif  // LOWP_ADDON_ASYNC_H_
