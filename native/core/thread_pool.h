// One pool of worker threads for the process. It belongs to nobody's event loop: libuv's threads stay free for fs and dns.
//
// A parallel region is `tasks` independent pieces; the caller works on them too. Only one region runs at a time: a caller
// that finds the pool busy does all its pieces itself, so that two calls never wait for each other. Each thread has a share of
// consecutive pieces, so that what it fetched or packed for one serves the next, and takes from the end of another's share
// when its own is done. Which thread does which piece is not fixed, so a piece's result may depend on its index only.
#ifndef LOWP_CORE_THREAD_POOL_H_
#define LOWP_CORE_THREAD_POOL_H_

#include <cstddef>
#include <type_traits>

namespace lowp {

// The default for calls that do not say: LOWP_THREADS or the usable cores. At least 1.
size_t DefaultThreads();
void SetDefaultThreads(size_t threads);
inline constexpr size_t kMaxThreads = 256;

// Environments (main thread and workers) hold the pool while they live; when the last lets go the threads are joined.
void RetainThreadPool();
void ReleaseThreadPool();

class TaskShares;

// The pieces of a region that one thread does.
class Tasks {
 public:
  // All of them, on the calling thread.
  explicit Tasks(size_t count) : count_(count) {}
  Tasks(TaskShares& shares, size_t seat) : shares_(&shares), seat_(seat) {}

  // False: there are none left.
  bool Next(size_t* task) {
    if (shares_ != nullptr) return Claim(task);
    *task = next_;
    return next_++ < count_;
  }

 private:
  bool Claim(size_t* task);

  TaskShares* shares_ = nullptr;
  size_t seat_ = 0, next_ = 0, count_ = 0;
};

using ParallelBody = void (*)(void* context, Tasks& tasks);
void RunParallel(size_t tasks, size_t threads, ParallelBody body, void* context);

// Body: void(Tasks& tasks), once on each thread; it takes pieces until there are none left, and may keep things from one to
// the next. It must not throw.
template <class Body>
void ParallelEach(size_t tasks, size_t threads, Body&& body) {
  if (tasks <= 1 || threads <= 1) {
    Tasks all(tasks);
    body(all);
    return;
  }
  using Plain = std::remove_reference_t<Body>;
  RunParallel(
      tasks, threads, [](void* context, Tasks& mine) { (*static_cast<Plain*>(context))(mine); }, &body);
}

// Body: void(size_t task). It must not throw.
template <class Body>
void ParallelFor(size_t tasks, size_t threads, Body&& body) {
  ParallelEach(tasks, threads, [&](Tasks& mine) {
    for (size_t task; mine.Next(&task);) body(task);
  });
}

}  // namespace lowp

#endif  // LOWP_CORE_THREAD_POOL_H_
