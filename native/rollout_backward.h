// The gradient of a rollout, back through its loop: what a step sends to its input goes on to the output
// of the step before where that was fed. The weight gradient is summed chunk by chunk.
#pragma once
#include "rollout.h"
#include "through_time.h"

namespace rollcast::ROLLCAST_ROW {

// Scratch: the stack's, whose gradient is followed by the head's, weight (outputs, padded width) and
// bias, and that of the lags; then the gradient of a chunk's outputs, what the step after sent into the
// loop, the gradient of the first outputs of a chunk and as many steps after it as lags reach, and what
// that is for the chunk's values.
template <class C>
struct LoopScratch {
  typedef typename C::Element T;
  Scratch<C> stack;
  int chunk, rows, after;
  size_t output, looped, slopes, values, total;

  LoopScratch(const Rollout<T>& made, int rows, T* memory = nullptr)
      : stack(made.stack.stack, made.stack.time, rows, memory, gradient_size(made)),
        chunk(chunk_steps(rows, made.stack.time)),
        rows(rows),
        after(larger(0, made.lag_count - 1)) {
    Ruler<T> ruler{memory, stack.total};
    output = ruler.take(size_t(chunk) * rows * padded<T>(made.outputs));
    looped = ruler.take(size_t(rows) * made.feed);
    slopes = ruler.take(size_t(chunk + after) * rows);
    values = ruler.take(size_t(chunk) * rows);
    total = ruler.used;
  }

  static size_t head_size(const Rollout<T>& made) {
    const Stack& of = made.stack.stack;
    return size_t(made.outputs) * padded<T>(of.width(of.layers - 1)) + padded<T>(made.outputs);
  }
  static size_t gradient_size(const Rollout<T>& made) {
    return head_size(made) + made.lag_count;
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
  const int batch = made.stack.batch, feed = made.feed, top = stack.layers - 1;
  const LoopWorkspace<C> kept(made, rows, work);
  const LoopScratch<C> plan(made, rows, scratch);
  WayBack<C> way(call.stack, slice, kept.stack, plan.stack, work, scratch);
  const Layer<C> lowest(stack, 0), highest(stack, top);
  T* const head = scratch + plan.stack.sum + packed_size<C>(stack);
  T* const incoming = scratch + plan.stack.incoming;
  T* const output = scratch + plan.output;
  T* const looped = scratch + plan.looped;
  T* const slopes = scratch + plan.slopes;
  T* const values = scratch + plan.values;
  const size_t beyond = size_t(plan.after) * rows;
  zero(looped, size_t(rows) * feed);
  zero(slopes, beyond);

  while (way.enter()) {
    // Of the steps after this chunk lags want the first ones, which lie at the beginning yet.
    __builtin_memmove(slopes + size_t(way.steps) * rows, slopes, beyond * sizeof(T));
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
        for (int o = 0; o < feed; ++o) last[size_t(r) * stride + o] += looped[r * feed + o];
      zero(looped, size_t(rows) * feed);
      const size_t size = size_t(steps) * rows;
      T* const slope = slopes + size_t(from - way.first) * rows;
      for (size_t i = 0; i < size; ++i) slope[i] = d[i * stride];
      product(plain_rows<T>(d, stride, outputs), int(size), call.head, highest.width_vectors,
              static_cast<const T*>(nullptr), 0, incoming, highest.padded);
      for (int l = top; l >= 0; --l) {
        const Layer<C> layer(stack, l);
        way.recurrence(l, layer, from, steps, incoming);
        way.pass_below(l, layer, from, steps, incoming);
      }
      const int dx_stride = way.input_stride(0, lowest);
      if (made.lag_count) {
        zero(values, size);
        lagged_sums<T>(made.lags, made.lag_count, slope, rows, size, values);
        for (size_t i = 0; i < size; ++i) incoming[i * dx_stride] += values[i];
      }
      if (fed)
        for (int r = 0; r < rows; ++r)
          if (made.fed[size_t(from) * batch + slice.first + r]) {
            T* dx = incoming + size_t(r) * dx_stride;
            copy(looped + size_t(r) * feed, dx, feed);
            zero(dx, feed);
          }
      way.give_dx(lowest, from, steps, incoming);
    }
    for (int l = top; l >= 0; --l) way.weigh(l, Layer<C>(stack, l));
    const T* h = work + kept.stack.output(stack, top, highest, rows, way.first);
    head_gradient<T>(output, outputs, h, highest.padded, highest.width_vectors, way.steps * rows,
                     head);
    if (made.lag_count)
      lag_gradient<T>(slopes, work + kept.value(way.first), rows, size_t(way.steps) * rows,
                      made.lag_count, head + plan.head_size(made));
    if (call.doffset)
      for (int t = 0; t < way.steps; ++t)
        copy(call.doffset + size_t(way.first + t) * batch + slice.first, slopes + size_t(t) * rows,
             rows);
    way.flush();
  }
  way.finish();
}

template <class C>
void collect_rollout(const Rollout<typename C::Element>& made, typename C::Element* const* scratch,
                     int slices, typename C::Element* gradient, typename C::Element* dweight,
                     typename C::Element* dbias, typename C::Element* dlags) {
  typedef typename C::Element T;
  typedef LoopScratch<C> Plan;
  const Stack& stack = made.stack.stack;
  const size_t before = packed_size<C>(stack), size = Plan::gradient_size(made);
  collect<C>(stack, scratch, slices, gradient);
  T* head = scratch[0] + before;
  for (int s = 1; s < slices; ++s)
    for (size_t i = 0; i < size; ++i) head[i] += scratch[s][before + i];
  const int width = stack.width(stack.layers - 1), wide = padded<T>(width);
  for (int o = 0; o < made.outputs; ++o)
    copy(dweight + size_t(o) * width, head + size_t(o) * wide, width);
  copy(dbias, head + size_t(made.outputs) * wide, made.outputs);
  if (made.lag_count) copy(dlags, head + Plan::head_size(made), made.lag_count);
}

}  // namespace rollcast::ROLLCAST_ROW
