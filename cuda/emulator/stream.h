// Streams and events: a stream is a thread with a queue.
#ifndef LOWP_CUDA_EMULATOR_STREAM_H_
#define LOWP_CUDA_EMULATOR_STREAM_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace lowp {
namespace emulator {

class Stream {
 public:
  Stream();
  ~Stream();  // runs what is queued
  Stream(const Stream&) = delete;

  void Queue(std::function<void()> work);
  bool IsIdle();
  void Drain();

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool running_ = false, closing_ = false;
  std::thread thread_;
};

// How often it was recorded and how many of the records have been reached.
class EventState {
 public:
  using Time = std::chrono::steady_clock::time_point;

  uint64_t Record();
  void Reach(uint64_t record);
  void Wait();  // until the latest record
  void WaitFor(uint64_t record);
  bool IsReached();
  uint64_t recorded();
  bool TimeOf(Time* time);  // of the latest record, once it is reached

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t recorded_ = 0, reached_ = 0;
  Time time_;
};

// Within a callback of a stream.
bool InCallback();
void CallBack(const std::function<void()>& callback);

}  // namespace emulator
}  // namespace lowp

struct CUstream_st {
  std::shared_ptr<lowp::emulator::Stream> stream;
};
struct CUevent_st {
  std::shared_ptr<lowp::emulator::EventState> state;
};

#endif  // LOWP_CUDA_EMULATOR_STREAM_H_
