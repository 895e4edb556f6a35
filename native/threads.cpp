#include "threads.h"

#include <dlfcn.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace rollcast {
namespace {

// Denormals cost a hundred cycles each and carry nothing; flushed here, restored on the way out.
class FlushDenormals {
#if defined(__x86_64__)
  unsigned before_ = _mm_getcsr();

 public:
  FlushDenormals() { _mm_setcsr(before_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before_); }
#elif defined(__aarch64__)
  unsigned long before_;

 public:
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" ::"r"(before_ | (1ul << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(before_)); }
#else
 public:
  FlushDenormals() {}
#endif
};

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct Job {
  void (*task)(void*, int);
  void* context;
  int tasks;
  std::atomic<int> next{0};

  void work() {
    for (int i; (i = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) task(context, i);
  }
};

// A team that waits for its next work spinning keeps another pool's threads off the cores for
// milliseconds a call. So next to one, its threads do our tasks too. Never linked: the runtime is the
// one that the library itself uses (every OpenMP runtime on Linux has this entry of GNU's).
typedef void Parallel(void (*function)(void*), void* context, unsigned threads, unsigned flags);
std::atomic<Parallel*> team{nullptr};
std::atomic<int (*)()> team_size{nullptr};

void run_on(Parallel* team_parallel, Job& job, int threads) {
  const auto work = [](void* shared) {
    FlushDenormals flush;
    static_cast<Job*>(shared)->work();
  };
  // The whole team, however few the tasks: GNU's runtime ends threads that one region leaves out.
  team_parallel(work, &job, unsigned(threads), 0);
}

class Pool {
 public:
  // One job at a time; false when the pool is busy with another caller's.
  bool run(Job& job, int helpers) {
    std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (!turn.owns_lock()) return false;
    try {
      while (int(workers_.size()) < helpers) {
        const int index = int(workers_.size());
        workers_.emplace_back([this, index] { serve(index); });
      }
    } catch (const std::system_error&) {  // no more threads to be had: go on with those there are
      helpers = int(workers_.size());
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      helpers_ = helpers;
      working_.store(helpers, std::memory_order_relaxed);
      round_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    job.work();
    // Helpers that never woke find no task left; all must have let go of the job all the same.
    for (int spins = 0; working_.load(std::memory_order_acquire) > 0; ++spins)
      if (spins < 4096) pause();
      else std::this_thread::yield();
    return true;
  }

  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
      round_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

 private:
  void serve(int index) {
    FlushDenormals flush;
    unsigned seen = 0;
    for (;;) {
      // Steps of a training follow each other within microseconds: look out for a while, then sleep.
      for (int spins = 0; spins < 8192 && round_.load(std::memory_order_acquire) == seen; ++spins)
        pause();
      if (round_.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return round_.load(std::memory_order_acquire) != seen; });
      }
      Job* job;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        seen = round_.load(std::memory_order_acquire);
        if (stop_) return;
        job = index < helpers_ ? job_ : nullptr;
      }
      if (!job) continue;
      job->work();
      working_.fetch_sub(1, std::memory_order_release);
    }
  }

  std::mutex turn_, mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
  std::atomic<unsigned> round_{0};
  std::atomic<int> working_{0};
  Job* job_ = nullptr;
  int helpers_ = 0;
  bool stop_ = false;
};

// A child of fork has none of the parent's threads: it gets a pool of its own, and the old one, whose
// locks may be held by threads that no longer exist, is left alone. So is a team, which would wait for
// its lost threads for ever.
std::atomic<Pool*> pool{nullptr};
std::atomic<int> wanted{0};
[[maybe_unused]] const int forks = pthread_atfork(nullptr, nullptr, [] {
  pool = nullptr;
  team = nullptr;
});

Pool& the_pool() {
  if (!pool) {
    Pool* fresh = new Pool;
    Pool* none = nullptr;
    if (!pool.compare_exchange_strong(none, fresh)) delete fresh;
  }
  return *pool;
}

}  // namespace

int granted_cpus() {
  int cpus = int(std::max(1u, std::thread::hardware_concurrency()));
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cpus = std::max(1, CPU_COUNT(&set));
  if (FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    double quota = 0, period = 0;
    if (std::fscanf(file, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0)
      cpus = int(std::clamp(std::ceil(quota / period), 1.0, double(cpus)));
    std::fclose(file);
  }
#endif
  return cpus;
}

int thread_count() {
  const int count = wanted.load();
  if (count > 0) return count;
  if (const auto size = team_size.load()) return std::max(1, size());
  static const int granted = granted_cpus();
  return granted;
}

void set_thread_count(int count) { wanted = count; }

bool share_team(const char* library) {
  void* parallel = nullptr;
  void* size = nullptr;
  if (library) {
    void* handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    if (!handle) return false;
    // Looked up in the library and what it was linked with, in that order.
    parallel = dlsym(handle, "GOMP_parallel");
    size = dlsym(handle, "omp_get_max_threads");
    dlclose(handle);  // stays loaded: it was before
    if (!parallel || !size) return false;
  }
  team = reinterpret_cast<Parallel*>(parallel);
  team_size = reinterpret_cast<int (*)()>(size);
  return true;
}

void run_tasks(int tasks, int threads, void (*task)(void*, int), void* context) {
  FlushDenormals flush;
  Job job{task, context, tasks};
  const int helpers = std::min(threads, tasks) - 1;
  if (Parallel* const shared = helpers > 0 ? team.load() : nullptr) return run_on(shared, job, threads);
  if (helpers > 0 && the_pool().run(job, helpers)) return;
  job.work();
}

}  // namespace rollcast
