// The pool: every piece runs once, callers on several threads do not wait for each other, and it starts and ends at will.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "core/thread_pool.h"
#include "test/harness.h"

namespace lowp {
namespace test {

void TestThreads(bool quick) {
  const size_t callers = quick ? 2 : 8, rounds = quick ? 20 : 300;
  std::atomic<size_t> wrong{0};
  std::vector<std::thread> threads;
  for (size_t caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&] {
      for (size_t round = 0; round < rounds; ++round) {
        RetainThreadPool();
        std::vector<std::atomic<int>> runs(1 + round % 40);
        // A long first piece leaves the rest of its thread's share to the others.
        ParallelFor(runs.size(), 1 + round % 5, [&](size_t task) {
          if (task == 0 && round % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          ++runs[task];
        });
        for (const std::atomic<int>& count : runs) wrong += count != 1;
        ReleaseThreadPool();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Expect(wrong == 0, "pool: every piece runs once");
}

}  // namespace test
}  // namespace lowp
