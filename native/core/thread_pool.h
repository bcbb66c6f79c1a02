// One pool of worker threads for the process. It belongs to nobody's event loop: libuv's threads stay free for fs and dns.
//
// A parallel region is `tasks` independent pieces; the caller works on them too. Only one region runs at a time: a caller
// that finds the pool busy does all its pieces itself, so that two calls never wait for each other. Which thread does which
// piece is not fixed, so a piece's result may depend on its index only.
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

using ParallelBody = void (*)(void* context, size_t task);
void RunParallel(size_t tasks, size_t threads, ParallelBody body, void* context);

// Body: void(size_t task). It must not throw.
template <class Body>
void ParallelFor(size_t tasks, size_t threads, Body&& body) {
  if (tasks <= 1 || threads <= 1) {
    for (size_t task = 0; task < tasks; ++task) body(task);
    return;
  }
  using Plain = std::remove_reference_t<Body>;
  RunParallel(
      tasks, threads, [](void* context, size_t task) { (*static_cast<Plain*>(context))(task); }, &body);
}

}  // namespace lowp

#endif  // LOWP_CORE_THREAD_POOL_H_
