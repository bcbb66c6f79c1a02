#include "addon/async.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "addon/cuda.h"

namespace lowp {
namespace {

// Waking a sleeping thread costs tens of microseconds, and who awaits one call after another makes the next one sooner than
// that. So an idle dispatcher looks for work for this long, yielding the core in between, before it sleeps.
constexpr std::chrono::microseconds kPatience{50};

}  // namespace

class Dispatcher {
 public:
  void Retain() {
    std::lock_guard<std::mutex> lock(lifetime_mutex_);
    ++holders_;
  }

  void Release() {
    std::lock_guard<std::mutex> lifetime(lifetime_mutex_);
    if (--holders_ > 0 || !thread_.joinable()) return;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
    stop_ = false;
  }

  // Throws where the system gives no thread.
  void Start() {
    std::lock_guard<std::mutex> lifetime(lifetime_mutex_);
    if (!thread_.joinable()) thread_ = std::thread([this] { Serve(); });
  }

  void Push(Job* job) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      jobs_.push_back(job);
      queued_.store(jobs_.size(), std::memory_order_release);
    }
    wake_.notify_one();  // no system call where the dispatcher is awake
  }

  // Jobs are told apart by their queue, because ids are each environment's own.
  bool Cancel(const AsyncQueue* queue, double id) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto wanted = [&](const Job* job) { return job->queue == queue && job->id == id; };
    const auto queued = std::find_if(jobs_.begin(), jobs_.end(), wanted);
    Job* job = queued != jobs_.end() ? *queued : running_ != nullptr && wanted(running_) ? running_ : nullptr;
    if (job == nullptr) return false;
    job->stop = true;
    return true;
  }

  // Afterwards no job of this queue exists on this side.
  void Drain(const AsyncQueue* queue) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto end = std::stable_partition(jobs_.begin(), jobs_.end(), [&](const Job* job) { return job->queue != queue; });
    std::for_each(end, jobs_.end(), [](Job* job) { delete job; });
    jobs_.erase(end, jobs_.end());
    queued_.store(jobs_.size(), std::memory_order_relaxed);
    if (running_ != nullptr && running_->queue == queue) running_->stop = true;
    idle_.wait(lock, [&] { return running_ == nullptr || running_->queue != queue; });
  }

 private:
  // Returns when there is work, or after kPatience.
  void Look() {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (queued_.load(std::memory_order_acquire) == 0) {
      if (std::chrono::steady_clock::now() > end) return;
      std::this_thread::yield();
    }
  }

  void Serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      if (jobs_.empty() && !stop_) {
        lock.unlock();
        Look();
        lock.lock();
      }
      wake_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      Job* job = running_ = jobs_.front();
      jobs_.pop_front();
      queued_.store(jobs_.size(), std::memory_order_relaxed);
      lock.unlock();
      Run(*job);
      // Never blocks: the function's queue has no limit. The environment waits in Drain until running_ changes, so
      // the function is alive.
      const bool delivered = napi_call_threadsafe_function(job->queue->done_, job, napi_tsfn_nonblocking) == napi_ok;
      lock.lock();
      running_ = nullptr;
      idle_.notify_all();
      if (!delivered) delete job;
    }
  }

  static void Run(Job& job) {
    if (job.stop) {
      job.status = {Code::kAborted, "The call was cancelled"};
      return;
    }
    try {
      job.status = job.run(job);
    } catch (...) {
      job.status = CurrentExceptionStatus();
    }
  }

  std::mutex lifetime_mutex_;  // guards thread_ and holders_
  std::thread thread_;
  size_t holders_ = 0;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_, idle_;
  std::deque<Job*> jobs_;
  std::atomic<size_t> queued_{0};  // jobs_.size(), to be read without the mutex
  Job* running_ = nullptr;
  bool stop_ = false;
};

namespace {

// Never destroyed: a static destructor would race with a thread that outlives main.
Dispatcher& GetDispatcher() {
  static Dispatcher* dispatcher = new Dispatcher;
  return *dispatcher;
}

}  // namespace

void RetainDispatcher() { GetDispatcher().Retain(); }
void ReleaseDispatcher() { GetDispatcher().Release(); }

AsyncQueue::~AsyncQueue() {
  if (done_ != nullptr) OnCleanup(this);
}

void AsyncQueue::OnCleanup(void* queue) {
  auto* self = static_cast<AsyncQueue*>(queue);
  GetDispatcher().Drain(self);
  // Jobs on the device call done_ when it has come to them. An error has been told to each of them.
  if (self->device_ != nullptr) static_cast<void>(self->device_->Synchronize());
  self->done_ = nullptr;
}

void AsyncQueue::Open() {
  napi_value name;
  napi_create_string_utf8(env_, "lowp", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env_, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, OnDone, &done_) != napi_ok) {
    Fail(Code::kInternal, "The environment takes no asynchronous work");
  }
  napi_unref_threadsafe_function(env_, done_);  // an idle queue does not keep the process alive
  // After the function was made, so that this hook runs before the function's own (last in, first out).
  napi_add_env_cleanup_hook(env_, OnCleanup, this);
}

napi_value AsyncQueue::Accept(Job& job, napi_value out) {
  if (done_ == nullptr) Open();
  napi_value promise;
  if (napi_create_reference(env_, out, 1, &job.out) != napi_ok || napi_create_promise(env_, &job.deferred, &promise) != napi_ok) {
    Fail(Code::kInternal, "The environment takes no asynchronous work");
  }
  if (pending_++ == 0) napi_ref_threadsafe_function(env_, done_);
  job.queue = this;
  return promise;
}

napi_value AsyncQueue::Submit(std::unique_ptr<Job> job, napi_value out) {
  GetDispatcher().Start();
  const napi_value promise = Accept(*job, out);
  GetDispatcher().Push(job.release());
  return promise;
}

napi_value AsyncQueue::SubmitToDevice(std::unique_ptr<Job> job, const std::shared_ptr<CudaDevice>& device, napi_value out) {
  const napi_value promise = Accept(*job, out);
  device_ = device;
  Job* const waiting = job.release();
  const Status status =
      CudaDevice::Call(device->api().runtime.notify, device->context(), &OnDeviceDone, static_cast<void*>(waiting));
  if (!status.ok()) OnDeviceDone(waiting, static_cast<int32_t>(status.code()), status.message().c_str());
  return promise;
}

// On a thread of the driver, or on our own where the device took no more.
void AsyncQueue::OnDeviceDone(void* waiting, int32_t code, const char* message) {
  Job* job = static_cast<Job*>(waiting);
  if (code != 0) job->status = {static_cast<Code>(code), message};
  if (napi_call_threadsafe_function(job->queue->done_, job, napi_tsfn_nonblocking) != napi_ok) delete job;
}

bool AsyncQueue::Cancel(double id) { return GetDispatcher().Cancel(this, id); }

void AsyncQueue::CopyOut(Job& job) {
  napi_value value;
  ArrayView view;
  if (napi_get_reference_value(env_, job.out, &value) != napi_ok || value == nullptr ||
      napi_get_typedarray_info(env_, value, &view.type, &view.length, &view.data, nullptr, nullptr) != napi_ok ||
      view.length * view.element_size() < job.out_bytes) {
    job.status = {Code::kDetached, "Expected out to keep its " + std::to_string(job.out_bytes) +
                                       " bytes until the call ended but it was detached or shrunk"};
    return;
  }
  const uint8_t* from = job.fetched != nullptr ? job.fetched.get() : job.result.data();
  for (size_t row = 0; row < job.rows && job.row_bytes > 0; ++row) {
    std::memcpy(view.As<uint8_t>() + row * job.out_stride_bytes, from + row * job.row_bytes, job.row_bytes);
  }
}

// The statuses of Node-API calls are ignored on purpose: a terminating worker refuses them, and nothing is left to tell.
void AsyncQueue::Settle(Job& job) {
  if (job.status.ok() && job.copy_out) CopyOut(job);
  napi_delete_reference(env_, job.out);
  if (job.status.ok()) {
    napi_value undefined;
    napi_get_undefined(env_, &undefined);
    napi_resolve_deferred(env_, job.deferred, undefined);
  } else {
    napi_reject_deferred(env_, job.deferred, MakeErrorObject(env_, job.status));
  }
  if (--pending_ == 0 && done_ != nullptr) napi_unref_threadsafe_function(env_, done_);
}

void AsyncQueue::OnDone(napi_env env, napi_value, void* context, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  if (env != nullptr) static_cast<AsyncQueue*>(context)->Settle(*job);  // null: the environment is gone
}

}  // namespace lowp
