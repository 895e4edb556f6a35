// Calls of the engine on memory of exactly the size it may touch, for check_engine.cpp.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "../../native/dispatch.h"
#include "../../native/sequence.h"
#include "../../native/threads.h"
#include "../../native/windows.h"
#include "../../native/workspace.h"

using namespace rollcast;

// What workspaces and outputs hold before a call: what is read before it was written shows.
// `untouched` leaves that to valgrind.
enum class Fill { nan, zero, untouched };

// Heap memory of exactly `count` numbers, or null when absent. A caller's array begins one number
// past a 64-byte boundary, so that nothing may count on its alignment.
template <class T>
class Exact {
 public:
  Exact(size_t count, Fill fill, bool workspace = false, bool absent = false)
      : count_(absent ? 0 : count) {
    if (absent) return;
    const size_t skip = workspace ? 0 : 1;
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, (count + skip) * sizeof(T))) throw std::bad_alloc();
    start_ = static_cast<T*>(memory);
    at_ = start_ + skip;
    if (fill != Fill::untouched) std::memset(at_, fill == Fill::nan ? 0xFF : 0, count * sizeof(T));
  }
  Exact(Exact&& other) noexcept : start_(other.start_), at_(other.at_), count_(other.count_) {
    other.start_ = nullptr;
  }
  ~Exact() { std::free(start_); }

  T* get() const { return at_; }
  size_t size() const { return count_; }
  T& operator[](size_t i) const { return at_[i]; }
  std::vector<T> values() const { return std::vector<T>(at_, at_ + count_); }

 private:
  T* start_ = nullptr;
  T* at_ = nullptr;
  size_t count_;
};

// Numbers in [-1, 1), the same in every run.
class Draw {
  uint64_t state_;

 public:
  explicit Draw(uint64_t seed) : state_(seed) {}
  double operator()() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return double(state_ >> 11) * 0x1p-52 - 1;
  }
};

template <class T>
Exact<T> random(size_t count, uint64_t seed, bool absent = false) {
  Exact<T> array(count, Fill::zero, false, absent);
  Draw draw(seed);
  for (size_t i = 0; i < array.size(); ++i) array[i] = T(draw());
  return array;
}

template <class T>
const Kernels<T>& kernels() {
  if constexpr (sizeof(T) == 4) return engine().single;
  else return engine().twice;
}

struct Case {
  Cell cell;
  std::vector<int> sizes;
  int time, batch;
  bool record, lengths, dropout, states, outputs, need_x, recompute = false;
  int projection = 0;
  std::vector<int> dilation = {};
  bool residual = false;
  double zoneout = 0;

  Stack stack() const {
    return {cell, int(sizes.size()) - 1, sizes.data(), projection, 0,
            dilation.empty() ? nullptr : dilation.data(), residual, zoneout};
  }
  int width() const { return stack().width(stack().layers - 1); }
  size_t weights() const {
    size_t sum = 0;
    for (int l = 0; l + 1 < int(sizes.size()); ++l) sum += stack().weights(l);
    return sum;
  }
  // Of all rows: numbers in h, and in c.
  size_t h_count() const {
    size_t sum = 0;
    for (int l = 0; l + 1 < int(sizes.size()); ++l) sum += size_t(stack().width(l)) * stack().reach(l) * batch;
    return sum;
  }
  size_t c_count() const {
    size_t sum = 0;
    for (size_t l = 1; l < sizes.size(); ++l)
      sum += size_t(sizes[l]) * stack().reach(int(l) - 1) * batch;
    return sum * cell_shape(cell).cells;
  }
  size_t cost() const { return weights() * time * batch; }
};

// Every array that a call made.
template <class T>
struct Result {
  std::vector<std::vector<T>> arrays;
  std::vector<T> gradient;
  double loss = 0;

  bool same_bits(const Result& other) const {
    if (arrays.size() != other.arrays.size()) return false;
    for (size_t i = 0; i < arrays.size(); ++i)
      if (arrays[i].size() != other.arrays[i].size() ||
          (!arrays[i].empty() && std::memcmp(arrays[i].data(), other.arrays[i].data(),
                                             arrays[i].size() * sizeof(T))))
        return false;
    return true;
  }
  bool finite() const {
    for (const auto& array : arrays)
      for (T value : array)
        if (!std::isfinite(value)) return false;
    return true;
  }
};

// States besides h. Those of an sLSTM are divided by one another.
template <class T>
Exact<T> random_cells(const Case& c) {
  Exact<T> cells = random<T>(c.c_count(), 5, !c.states);
  for (size_t i = 0; c.cell == Cell::slstm && i < cells.size(); ++i) cells[i] += 2;
  return cells;
}

template <class T>
Exact<T> random_weights(const Case& c) {
  Exact<T> weights = random<T>(c.weights(), 1);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] *= T(1 / std::sqrt(double(c.sizes[1])));
  return weights;
}

// Runs a case as module.cpp does; the loss is the sum of outputs and final states, each times the
// gradient that is sent back into it.
template <class T>
Result<T> run(const Case& c, const Exact<T>& weights, int threads, Fill fill) {
  const Kernels<T>& k = kernels<T>();
  const bool has_cell = c.c_count() > 0;
  const size_t steps = size_t(c.time) * c.batch, hs = c.h_count(), cs = c.c_count();
  const int width = c.width();
  Exact<T> x = random<T>(steps * c.sizes[0], 2), dy = random<T>(steps * width, 3, !c.outputs);
  const Exact<T> h0 = random<T>(hs, 4, !c.states), c0 = random_cells<T>(c);
  const Exact<T> dhn = random<T>(hs, 6, !c.states), dcn = random<T>(cs, 7, !c.states || !has_cell);
  const Exact<T> y(steps * width, fill, false, !c.outputs);
  const Exact<T> hn(hs, fill, false, !c.states), cn(cs, fill, false, !c.states || !has_cell);

  const Exact<int> lengths(c.batch, Fill::zero, false, !c.lengths), order(c.batch, Fill::zero, false, !c.lengths);
  if (c.lengths)
    for (int b = 0; b < c.batch; ++b) {
      lengths[b] = (c.time + 1) / 2 - int(long(c.time - 1) / 2 * b / c.batch);
      if (b < c.batch / 2) lengths[b] = c.time;
      order[b] = c.batch - 1 - b;
      // What lies past a row's end is never read.
      for (int t = lengths[b]; t < c.time; ++t) {
        for (int i = 0; i < c.sizes[0]; ++i) x[(size_t(t) * c.batch + b) * c.sizes[0] + i] = T(NAN);
        for (int i = 0; c.outputs && i < width; ++i)
          dy[(size_t(t) * c.batch + b) * width + i] = T(NAN);
      }
    }

  const Stack stack = c.stack();
  const Exact<T> packed(k.packed_size(stack), fill, true);
  k.pack(stack, weights.get(), packed.get());
  const Forward<T> forward = {stack, c.time, c.batch, x.get(), packed.get(), h0.get(), c0.get(),
                              lengths.get(), order.get(), y.get(), hn.get(), cn.get(),
                              {c.dropout ? 0.3 : 0.0, 11, 12}, c.record, c.recompute};
  const int slices = slice_count(c.batch);
  std::vector<Exact<T>> work;
  if (one_row(forward) && threads > 1) {  // layer by layer
    work.emplace_back(k.layers_workspace_size(forward), fill, true);
    const Exact<int> progress(stack.layers * progress_stride, Fill::zero);
    parallel(stack.layers, threads,
             [&](int l) { k.forward_layer(forward, l, work[0].get(), progress.get()); });
  } else {
    for (int s = 0; s < slices; ++s)
      work.emplace_back(k.workspace_size(forward, slice_of(c.batch, s).rows), fill, true);
    parallel(slices, threads,
             [&](int s) { k.forward(forward, slice_of(c.batch, s), work[s].get()); });
  }

  Result<T> result;
  result.arrays = {y.values(), hn.values(), cn.values()};
  const Exact<T>* sent[] = {&dy, &dhn, &dcn};
  for (int a = 0; a < 3; ++a)
    for (size_t i = 0; i < sent[a]->size(); ++i)
      if (!std::isnan((*sent[a])[i])) result.loss += double(result.arrays[a][i] * (*sent[a])[i]);
  if (!c.record) return result;

  const Exact<T> panels(k.packed_backward_size(stack, c.need_x), fill, true);
  k.pack_backward(stack, weights.get(), c.need_x, panels.get());
  const Exact<T> gradient(c.weights(), fill), dx(x.size(), fill, false, !c.need_x);
  const Exact<T> dh0(hs, fill, false, !c.states), dc0(cs, fill, false, !c.states || !has_cell);
  Backward<T> backward = {forward, panels.get(), dy.get(), dhn.get(), dcn.get(),
                          dx.get(), dh0.get(), dc0.get()};
  backward.forward.y = backward.forward.hn = backward.forward.cn = nullptr;
  std::vector<Exact<T>> scratch;
  std::vector<T*> pointers;
  for (int s = 0; s < slices; ++s) {
    scratch.emplace_back(k.scratch_size(backward, slice_of(c.batch, s).rows), fill, true);
    pointers.push_back(scratch.back().get());
  }
  parallel(slices, threads, [&](int s) {
    k.backward(backward, slice_of(c.batch, s), work[s].get(), scratch[s].get());
  });
  k.collect(backward, pointers.data(), slices, gradient.get());
  result.gradient = gradient.values();
  for (const Exact<T>* array : {&gradient, &dx, &dh0, &dc0}) result.arrays.push_back(array->values());
  return result;
}
