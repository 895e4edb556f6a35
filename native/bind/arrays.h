// What every binding needs: arrays as the engine reads them, sizes checked, the lock let go.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "../dispatch.h"
#include "../threads.h"
#include "../workspace.h"

namespace nb = nanobind;

namespace rollcast {

template <class T>
using In = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
template <class T>
using Out = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
template <class A>
using Maybe = std::optional<A>;

template <class T>
const Kernels<T>& kernels(const Engine& row = engine()) {
  if constexpr (sizeof(T) == 4) return row.single;
  else return row.twice;
}

// Lets other Python threads run. A daemon thread that asks for the lock while the interpreter shuts
// down is ended by Python through an unwinding that may not pass here or through nanobind, on pain of
// std::terminate; it is held where it is until the process has ended.
class WithoutLock {
  PyThreadState* state_ = PyEval_SaveThread();

 public:
  WithoutLock() = default;
  WithoutLock(const WithoutLock&) = delete;
  ~WithoutLock() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  }
};

inline void expect(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(std::string("rollcast engine: wrong size of ") + what);
}

template <class A>
auto data(const Maybe<A>& array, size_t size, const char* what) -> decltype(array->data()) {
  if (!array) return nullptr;
  expect(array->size() == size, what);
  return array->data();
}

// Under some ten million operations waking a second thread costs more than it brings.
inline int threads_for(double operations) { return operations < 4e6 ? 1 : thread_count(); }

// Steps, rows and widths are counted in int; sums of a few of them must fit too.
inline int length_of(size_t size, const char* what) {
  expect(size > 0 && size <= size_t(1) << 30, what);
  return int(size);
}

// Each file beside this one adds its entries to the module.
void define_stack(nb::module_& m);
void define_rollout(nb::module_& m);
void define_stream(nb::module_& m);
void define_linear(nb::module_& m);
void define_loss(nb::module_& m);
void define_sequence(nb::module_& m);
void define_dropout(nb::module_& m);
void define_update(nb::module_& m);
void define_windows(nb::module_& m);

}  // namespace rollcast
