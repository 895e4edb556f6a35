// A stack rolled forward in a closed loop: a linear head gives an output at every step, and where the
// caller says so that output is what the next step reads. The gradient goes back through the loop.
//
// Chunks of time are those of an ordinary call. Within a chunk, steps without a fed row run together,
// a step with one runs alone through all layers; the chunk's weight gradient is summed at once.
#pragma once
#include "linear.h"
#include "through_time.h"

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

// The workspace: the stack's, then the head's output of a chunk and its bias.
template <class C>
struct LoopWorkspace {
  typedef typename C::Element T;
  Workspace<C> stack;
  size_t output, bias, total;

  LoopWorkspace(const Rollout<T>& call, int rows, T* memory = nullptr)
      : stack(call.stack, rows, memory, true) {
    Ruler<T> ruler{memory, stack.total};
    output = ruler.take(size_t(stack.chunk) * rows * padded<T>(call.outputs));
    bias = ruler.take(padded<T>(call.outputs));
    total = ruler.used;
  }
};

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
             call.outputs);
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
    const int end = smaller(first + plan.stack.chunk, stack.time);
    for (int step = first, steps; step < end; step += steps) {
      steps = together(call, slice, step, end);
      enter_steps<C>(call, slice, plan.stack, step, steps, work);
      run_steps<C>(stack, slice, plan.stack, step, steps, work);
      const T* h = work + plan.stack.h[stack.stack.layers - 1] +
                   size_t(step - plan.stack.base(step) + 1) * slice.rows * top.padded;
      product(plain_rows(h, top.padded, top.width), steps * slice.rows, call.head,
              stride / lanes<T>, static_cast<const T*>(work + plan.bias), 0, output, stride);
      for (int row = 0; row < steps * slice.rows; ++row)
        copy(call.y + (size_t(step + row / slice.rows) * stack.batch + slice.first +
                       row % slice.rows) * call.outputs,
             output + size_t(row) * stride, call.outputs);
    }
  }
}

// Scratch: the stack's, whose gradient is followed by the head's: weight (outputs, padded width), bias;
// then the gradient of a chunk's outputs and what the step after sent into the loop.
template <class C>
struct LoopScratch {
  typedef typename C::Element T;
  Scratch<C> stack;
  size_t output, looped, total;

  LoopScratch(const Stack& of, int outputs, int time, int rows, T* memory = nullptr)
      : stack(of, time, rows, memory, head_size(of, outputs)) {
    Ruler<T> ruler{memory, stack.total};
    output = ruler.take(size_t(chunk_steps(rows, time)) * rows * padded<T>(outputs));
    looped = ruler.take(size_t(rows) * outputs);
    total = ruler.used;
  }

  static size_t head_size(const Stack& of, int outputs) {
    return size_t(outputs) * padded<T>(of.width(of.layers - 1)) + padded<T>(outputs);
  }
};

// head (packed) += output' h, sum of output, over rows.
template <class T>
inline void head_gradient(const T* output, int outputs, const T* h, int h_stride, int vectors,
                          int rows, T* head) {
  constexpr int L = lanes<T>;
  const int stride = padded<T>(outputs);
  vector_groups<4>(vectors, [&](int v, auto group) {
    constexpr int P = decltype(group)::value;
    outer<T, P, P, P>(head + v * L, vectors * L, output, stride, outputs, h + v * L, h_stride, rows);
  });
  T* bias = head + size_t(outputs) * vectors * L;
  for (int r = 0; r < rows; ++r, output += stride)
    for (int o = 0; o < outputs; ++o) bias[o] += output[o];
}

template <class C>
void rollout_backward(const RolloutBackward<typename C::Element>& call, Slice slice,
                      typename C::Element* work, typename C::Element* scratch) {
  typedef typename C::Element T;
  const Rollout<T>& made = call.made;
  const Stack& stack = made.stack.stack;
  const int rows = slice.rows, outputs = made.outputs, stride = padded<T>(outputs);
  const int batch = made.stack.batch, top = stack.layers - 1;
  const LoopWorkspace<C> kept(made, rows, work);
  const LoopScratch<C> plan(stack, outputs, made.stack.time, rows, scratch);
  WayBack<C> way(call.stack, slice, kept.stack, plan.stack, work, scratch);
  const Layer<C> lowest(stack, 0), highest(stack, top);
  T* const head = scratch + plan.stack.sum + packed_size<C>(stack);
  T* const incoming = scratch + plan.stack.incoming;
  T* const output = scratch + plan.output;
  T* const looped = scratch + plan.looped;
  zero(looped, size_t(rows) * outputs);

  while (way.enter()) {
    for (int t = 0; t < way.steps; ++t) {
      const size_t at = (size_t(way.first + t) * batch + slice.first) * outputs;
      if (call.dy) copy_padded(output + size_t(t) * rows * stride, stride, call.dy + at, outputs, rows);
      else zero(output + size_t(t) * rows * stride, size_t(rows) * stride);
    }
    for (int end = way.first + way.steps, steps; end > way.first; end -= steps) {
      // Backwards: a step with a fed row alone, otherwise all before it that have none.
      const bool fed = fed_step(made, slice, end - 1);
      steps = 1;
      if (!fed)
        while (end - steps > way.first && !fed_step(made, slice, end - steps - 1)) ++steps;
      const int from = end - steps;
      T* d = output + size_t(from - way.first) * rows * stride;
      T* last = d + size_t(steps - 1) * rows * stride;
      for (int r = 0; r < rows; ++r)
        for (int o = 0; o < outputs; ++o) last[size_t(r) * stride + o] += looped[r * outputs + o];
      zero(looped, size_t(rows) * outputs);
      product(plain_rows<T>(d, stride, outputs), steps * rows, call.head, highest.width_vectors,
              static_cast<const T*>(nullptr), 0, incoming, highest.padded);
      for (int l = top; l >= 0; --l) {
        const Layer<C> layer(stack, l);
        way.recurrence(l, layer, from, steps, incoming);
        way.pass_below(l, layer, from, steps, incoming);
      }
      if (fed)
        for (int r = 0; r < rows; ++r)
          if (made.fed[size_t(from) * batch + slice.first + r]) {
            T* dx = incoming + size_t(r) * way.input_stride(0, lowest);
            copy(looped + size_t(r) * outputs, dx, outputs);
            zero(dx, outputs);
          }
      way.give_dx(lowest, from, steps, incoming);
    }
    for (int l = top; l >= 0; --l) way.weigh(l, Layer<C>(stack, l));
    const T* h = work + kept.stack.h[top] +
                 size_t(way.first - kept.stack.base(way.first) + 1) * rows * highest.padded;
    head_gradient<T>(output, outputs, h, highest.padded, highest.width_vectors, way.steps * rows,
                     head);
    way.flush();
  }
  way.finish();
}

template <class C>
void collect_rollout(const Stack& stack, int outputs, typename C::Element* const* scratch,
                     int slices, typename C::Element* gradient, typename C::Element* dweight,
                     typename C::Element* dbias) {
  typedef typename C::Element T;
  const size_t before = packed_size<C>(stack), size = LoopScratch<C>::head_size(stack, outputs);
  collect<C>(stack, scratch, slices, gradient);
  T* head = scratch[0] + before;
  for (int s = 1; s < slices; ++s)
    for (size_t i = 0; i < size; ++i) head[i] += scratch[s][before + i];
  const int width = stack.width(stack.layers - 1), wide = padded<T>(width);
  for (int o = 0; o < outputs; ++o)
    copy(dweight + size_t(o) * width, head + size_t(o) * wide, width);
  copy(dbias, head + size_t(outputs) * wide, outputs);
}

}  // namespace rollcast::ROLLCAST_ROW
