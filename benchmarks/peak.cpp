// How many float32 multiplications and additions a second this processor reaches, with nothing but
// registers: peak THREADS SECONDS prints the most of any 60 microseconds or so, and the mean of all
// that time, which heat, neighbours and the clock of wide vectors hold down. The width follows the
// instruction set it is compiled for.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
constexpr int lanes = 16, chains = 24;  // of 32 registers
#elif defined(__AVX__)
constexpr int lanes = 8, chains = 12;  // of 16
#else
constexpr int lanes = 4, chains = 24;  // NEON has 32
#endif
typedef float Vector __attribute__((vector_size(4 * lanes)));

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// As many independent chains as hide the latency of one multiply-add.
static float chained(long rounds, float seed) {
  Vector sum[chains], a = seed - Vector{} - 0.001f, b = seed - Vector{} - 1.0f;
#pragma GCC unroll 24
  for (int k = 0; k < chains; ++k) sum[k] = a * float(k);
  for (long round = 0; round < rounds; ++round) {
#if defined(__x86_64__)
    asm volatile("" : "+x"(a), "+x"(b));  // the compiler must not see that nothing changes
#else
    asm volatile("" : "+w"(a), "+w"(b));
#endif
#pragma GCC unroll 24
    for (int k = 0; k < chains; ++k) sum[k] = sum[k] * a + b;
  }
  Vector all = sum[0];
#pragma GCC unroll 24
  for (int k = 1; k < chains; ++k) all += sum[k];
  float result = 0;
  for (int lane = 0; lane < lanes; ++lane) result += all[lane];
  return result;
}

int main(int count, char** words) {
  const int threads = count > 1 ? std::atoi(words[1]) : 1;
  const double seconds = count > 2 ? std::atof(words[2]) : 0.05;
  constexpr long rounds = 20000;
  std::atomic<int> ready{0};
  std::vector<double> bursts(threads), means(threads);
  std::vector<std::thread> team;
  volatile float sink = 0;
  for (int thread = 0; thread < threads; ++thread) {
    team.emplace_back([&, thread] {
      ++ready;
      while (ready < threads) std::this_thread::yield();
      constexpr double work = 2.0 * lanes * chains * rounds;
      const double begin = now();
      double best = 0, end = begin;
      long done = 0;
      for (; end - begin < seconds; ++done) {
        const double start = now();
        sink = chained(rounds, 1.0f);
        end = now();
        const double rate = work / (end - start);
        if (rate > best) best = rate;
      }
      bursts[thread] = best;
      means[thread] = work * done / (end - begin);
    });
  }
  double burst = 0, mean = 0;
  for (int thread = 0; thread < threads; ++thread) {
    team[thread].join();
    burst += bursts[thread];
    mean += means[thread];
  }
  std::printf("%.6g %.6g\n", burst / 1e9, mean / 1e9);
}
