// A stack rolled forward in a closed loop: a linear head gives an output at every step, and where the
// caller says so that output is what the next step reads.
//
// Chunks of time are those of an ordinary call. Within a chunk, steps without a fed row run together,
// a step with one runs alone through all layers.
#pragma once
#include "lags.h"
#include "forward.h"
#include "linear.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
inline bool fed_step(const Rollout<T>& call, Slice slice, int step) {
  const uint8_t* fed = call.fed + size_t(step) * call.stack.batch + slice.first;
  for (int r = 0; r < slice.rows; ++r)
    if (fed[r]) return true;
  return false;
}

// How many steps from `first` on run together, before `end`.
template <class T>
inline int together(const Rollout<T>& call, Slice slice, int first, int end) {
  int steps = 1;
  if (!fed_step(call, slice, first))
    while (first + steps < end && !fed_step(call, slice, first + steps)) ++steps;
  return steps;
}

// The workspace: the stack's, the head's output of a chunk and its bias; then the values that lags
// weigh, of a chunk, or of all steps if recorded, behind those before, and what they add in a chunk.
template <class C>
struct LoopWorkspace {
  typedef typename C::Element T;
  Workspace<C> stack;
  int rows, before;  // steps before the first that lags reach
  size_t output, bias, values, added, total;

  LoopWorkspace(const Rollout<T>& call, int rows, T* memory = nullptr)
      : stack(call.stack, rows, memory, true), rows(rows), before(larger(0, call.lag_count - 1)) {
    Ruler<T> ruler{memory, stack.total};
    output = ruler.take(size_t(stack.chunk) * rows * padded<T>(call.outputs));
    bias = ruler.take(padded<T>(call.outputs));
    const size_t steps = call.stack.record ? call.stack.time : stack.chunk;
    values = ruler.take(call.lag_count ? (before + steps) * rows : 0);
    added = ruler.take(adds(call) ? size_t(stack.chunk) * rows : 0);
    total = ruler.used;
  }

  size_t value(int step) const { return values + (before + stack.own_step(step)) * rows; }

  static bool adds(const Rollout<T>& call) { return call.lag_count || call.offset; }
};

// The values before a chunk, where lags look for them.
template <class C>
void enter_values(const Rollout<typename C::Element>& call, Slice slice,
                  const LoopWorkspace<C>& plan, int first, typename C::Element* work) {
  typedef typename C::Element T;
  T* const to = work + plan.values;
  const size_t size = size_t(plan.before) * slice.rows;
  if (first == 0)
    for (int t = 0; t < plan.before; ++t)
      if (call.past)
        copy(to + size_t(t) * slice.rows, call.past + size_t(t) * call.stack.batch + slice.first,
             slice.rows);
      else zero(to + size_t(t) * slice.rows, slice.rows);
  else if (!call.stack.record)
    __builtin_memmove(to, to + size_t(plan.stack.chunk) * slice.rows, size * sizeof(T));
}

// Adds lags and offset to the first output of some steps.
template <class C>
void add_lags(const Rollout<typename C::Element>& call, Slice slice, const LoopWorkspace<C>& plan,
              int first, int steps, typename C::Element* work) {
  typedef typename C::Element T;
  const size_t size = size_t(steps) * slice.rows;
  T* const added = work + plan.added;
  zero(added, size);
  if (call.offset)
    for (int t = 0; t < steps; ++t)
      copy(added + size_t(t) * slice.rows,
           call.offset + size_t(first + t) * call.stack.batch + slice.first, slice.rows);
  if (call.lag_count) {
    const int width = call.stack.stack.sizes[0];
    const T* read = work + plan.stack.own + plan.stack.own_step(first) * slice.rows * width;
    T* const values = work + plan.value(first);
    for (size_t i = 0; i < size; ++i) values[i] = read[i * width];
    lagged_sums<T>(call.lags, call.lag_count, values, -slice.rows, size, added);
  }
  const int stride = padded<T>(call.outputs);
  for (size_t i = 0; i < size; ++i) work[plan.output + i * stride] += added[i];
}

// The input of some steps: the caller's, and over it what is fed.
template <class C>
void enter_steps(const Rollout<typename C::Element>& call, Slice slice, const Workspace<C>& plan,
                 int first, int steps, typename C::Element* work) {
  typedef typename C::Element T;
  const int width = call.stack.stack.sizes[0], batch = call.stack.batch;
  T* to = work + plan.own + plan.own_step(first) * slice.rows * width;
  for (int t = 0; t < steps; ++t)
    copy(to + size_t(t) * slice.rows * width,
         call.stack.x + (size_t(first + t) * batch + slice.first) * width,
         size_t(slice.rows) * width);
  for (int t = 0; t < steps; ++t) {
    const size_t at = size_t(first + t) * batch + slice.first;
    for (int r = 0; r < slice.rows; ++r)
      if (call.fed[at + r])
        copy(to + (size_t(t) * slice.rows + r) * width, call.y + (at + r - batch) * call.outputs,
             call.feed);
  }
}

template <class C>
void rollout(const Rollout<typename C::Element>& call, Slice slice, typename C::Element* work) {
  typedef typename C::Element T;
  const Forward<T>& stack = call.stack;
  const LoopWorkspace<C> plan(call, slice.rows, work);
  const Layer<C> top(stack.stack, stack.stack.layers - 1);
  const int stride = padded<T>(call.outputs);
  T* output = work + plan.output;
  zero(work + plan.bias, stride);
  copy(work + plan.bias, call.bias, call.outputs);
  start_states<C>(stack, slice, plan.stack, work);

  for (int first = 0; first < stack.time; first += plan.stack.chunk) {
    enter_chunk<C>(stack, slice.rows, plan.stack, first, work);
    enter_values<C>(call, slice, plan, first, work);
    const int end = smaller(first + plan.stack.chunk, stack.time);
    for (int step = first, steps; step < end; step += steps) {
      steps = together(call, slice, step, end);
      enter_steps<C>(call, slice, plan.stack, step, steps, work);
      run_steps<C>(stack, slice, plan.stack, step, steps, work);
      const T* h = work + plan.stack.output(stack.stack, stack.stack.layers - 1, top, slice.rows, step);
      product(plain_rows(h, top.padded, top.width), steps * slice.rows, call.head,
              stride / lanes<T>, static_cast<const T*>(work + plan.bias), 0, output, stride);
      if (plan.adds(call)) add_lags<C>(call, slice, plan, step, steps, work);
      for (int row = 0; row < steps * slice.rows; ++row)
        copy(call.y + (size_t(step + row / slice.rows) * stack.batch + slice.first +
                       row % slice.rows) * call.outputs,
             output + size_t(row) * stride, call.outputs);
    }
  }
}

}  // namespace rollcast::ROLLCAST_ROW
