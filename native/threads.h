// Independent tasks over cores: on our own pool, or on the threads that a library beside us keeps.
// Threads take whole tasks; which thread takes which never shows in a result.
#pragma once

namespace rollcast {

// As set; otherwise as many as the shared team has, or the CPUs granted.
int thread_count();
void set_thread_count(int count);
// Runs tasks on the OpenMP team of a loaded library (PyTorch's libtorch_cpu) from here on; null: on our
// own pool again. False, and nothing changes, when it is not loaded or has no GNU-style OpenMP runtime.
bool share_team(const char* library);
// The CPUs this process may use: affinity, cgroup quota.
int granted_cpus();

// Runs task(context, i) for i in [0, tasks) and returns when all are done. Denormals are flushed to
// zero meanwhile, on every thread that works. A second caller at the same time works alone.
void run_tasks(int tasks, int threads, void (*task)(void*, int), void* context);

template <class F>
void parallel(int tasks, int threads, F&& f) {
  run_tasks(
      tasks, threads, [](void* context, int i) { (*static_cast<F*>(context))(i); }, &f);
}

}  // namespace rollcast
