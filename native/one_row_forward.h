// Forward through time for a batch of one row: the product of x over a chunk of steps at once, then
// step by step the product of h by the matrix. Layers may run on threads of their own.
#pragma once
#include <sched.h>

#include "random.h"
#include "one_row.h"

namespace rollcast::ROLLCAST_ROW {

// Where a layer reads its chunk of input: the caller's x, or the output below, dropped into `buffer`.
template <class C>
inline const typename C::Element* row_input(const Forward<typename C::Element>& call,
                                            const RowWorkspace<C>& plan, int l, int first, int steps,
                                            const typename C::Element* work,
                                            typename C::Element* buffer, ptrdiff_t& stride) {
  const Layer<C> layer(call.stack, l);
  stride = layer.input;
  if (l == 0) return call.x + size_t(first) * layer.input;
  const Layer<C> below(call.stack, l - 1);
  const auto* output =
      work + plan.h[l - 1] + size_t((plan.whole ? first : 0) + 1) * below.padded;
  if (call.dropout.probability <= 0) {
    stride = below.padded;
    return output;
  }
  for (int t = 0; t < steps; ++t) {
    copy(buffer + size_t(t) * stride, output + size_t(t) * below.padded, stride);
    drop(call.dropout, l - 1, first + t, 0, buffer + size_t(t) * stride, layer.input);
  }
  return buffer;
}

// One step of one layer. projected: the sums of x with their biases, or null where x is multiplied
// here. kept is null where nothing is recorded.
template <class C>
ROLLCAST_INLINE void row_step(const Layer<C>& layer, const typename C::Element* packed,
                              bool backwards, const typename C::Element* projected,
                              const typename C::Element* x, const typename C::Element* h,
                              const typename C::Element* c, typename C::Element* h_out,
                              typename C::Element* c_out, typename C::Element* kept) {
  typedef typename C::Element T;
  row_tiles<group_blocks<C>>(layer.blocks, backwards, [&](int block, auto group)
                                                          __attribute__((always_inline)) {
    constexpr int L = lanes<T>, P = C::panels, N = decltype(group)::value;
    const T* w_x = packed + block * layer.block_size();
    const T* w_h = w_x + size_t(layer.input) * N * C::x_count * L;
    const T* bias = w_h + size_t(layer.units) * N * C::h_count * L;
    Vec<T> sums[N * P];
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n)
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const bool from_x = projected && p >= C::x_first && p < C::x_first + C::x_count;
        sums[n * P + p] = load(from_x ? projected + ((block + n) * C::x_count + p - C::x_first) * L
                                      : bias + (n * P + p) * L);
      }
    if (!projected)
      row_sums<T, N * C::x_count, C::x_count, P, C::x_first>(
          sums, w_x, plain_rows(x, ptrdiff_t(0), layer.input));
    row_sums<T, N * C::h_count, C::h_count, P, C::h_first>(
        sums, w_h, plain_rows(h, ptrdiff_t(0), layer.units));
    auto unit = [&](int i) { return ptrdiff_t(block + i) * L; };
    Several<T, N> z[P], h_new, c_new = {}, c_before = {}, values[C::saved + 1];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) z[p] = several<T, N>([&](int i) { return sums[i * P + p]; });
    if constexpr (C::has_cell) c_before = several<T, N>([&](int i) { return c + unit(i); });
    C::forward(z, several<T, N>([&](int i) { return h + unit(i); }), c_before, h_new, c_new, values);
    store(h_new, [&](int i) { return h_out + unit(i); });
    if constexpr (C::has_cell) store(c_new, [&](int i) { return c_out + unit(i); });
    if constexpr (C::saved > 0)
      if (kept)
#pragma GCC unroll 4
        for (int s = 0; s < C::saved; ++s)
          store(values[s], [&](int i) { return kept + (unit(i) * C::saved + s * L); });
  });
}

// Sums of x, with their biases, for all steps of a chunk.
template <class C>
inline void row_project(const Layer<C>& layer, const typename C::Element* packed,
                        const typename C::Element* x, ptrdiff_t x_stride, int steps,
                        typename C::Element* projected) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const ptrdiff_t stride = ptrdiff_t(layer.blocks) * C::x_count * L;
  vector_groups<group_blocks<C>>(layer.blocks, [&](int block, auto group) {
    constexpr int N = decltype(group)::value, P = N * C::x_count;
    static_assert(N == 1 || C::x_count == C::panels, "biases of x lie side by side");
    const T* w = packed + block * layer.block_size();
    const T* bias = w + (size_t(layer.input) * P + size_t(layer.units) * N * C::h_count) * L;
    row_blocks<tile_rows<P>>(steps, [&](int t, auto count) {
      product_tile<T, decltype(count)::value, P>(
          plain_rows(x + t * x_stride, x_stride, layer.input), w, bias + C::x_first * L, 0,
          projected + t * stride + block * C::x_count * L, stride);
    });
  });
}

// A layer's states before the first step.
template <class C>
inline void row_begin(const Forward<typename C::Element>& call, const RowWorkspace<C>& plan, int l,
                      typename C::Element* work) {
  typedef typename C::Element T;
  const Layer<C> layer(call.stack, l);
  const auto start = [&](T* to, const T* from) {
    if (from) copy_padded(to, layer.padded, from + plan.state[l], layer.units, 1);
    else zero(to, layer.padded);
  };
  start(work + plan.h[l], call.h0);
  if constexpr (C::has_cell) start(work + plan.c[l], call.c0);
}

// A chunk of steps of one layer.
template <class C>
__attribute__((noinline)) void row_chunk(const Forward<typename C::Element>& call,
                                         const RowWorkspace<C>& plan, int l, int first, int steps,
                                         typename C::Element* work) {
  typedef typename C::Element T;
  const Layer<C> layer(call.stack, l);
  const T* packed = call.packed + plan.packed[l];
  const int step = layer.padded, step_kept = layer.kept();
  const int step_projected = layer.blocks * C::x_count * layer.L;
  T* h = work + plan.h[l];
  T* c = work + plan.c[l];
  if (plan.whole) h += size_t(first) * step;
  else if (first > 0) copy(h, h + size_t(plan.chunk) * step, step);
  if (plan.record) c += size_t(first) * step;

  ptrdiff_t x_stride;
  const T* x = row_input<C>(call, plan, l, first, steps, work, work + plan.input[l], x_stride);
  T* projected = steps > 1 ? work + plan.projected[l] : nullptr;
  if (projected) row_project<C>(layer, packed, x, x_stride, steps, projected);
  T* kept = C::saved && plan.record ? work + plan.kept[l] + size_t(first) * step_kept : nullptr;
  const int step_c = plan.record ? step : 0;
  for (int t = 0; t < steps; ++t, h += step, c += step_c) {
    row_step<C>(layer, packed, t & 1, projected, x, h, c, h + step, c + step_c, kept);
    if (kept) kept += step_kept;
    if (projected) projected += step_projected;
  }

  if (l == call.stack.layers - 1 && call.y) {
    T* y = call.y + size_t(first) * layer.units;
    const T* output = h - ptrdiff_t(steps - 1) * step;
    for (int t = 0; t < steps; ++t, y += layer.units, output += step) copy(y, output, layer.units);
  }
  if (first + steps < row_time(call)) return;
  if (call.hn) copy(call.hn + plan.state[l], h, layer.units);
  if (C::has_cell && call.cn) copy(call.cn + plan.state[l], c, layer.units);
}

// What lies past the row's end is zero.
template <class T>
inline void row_end(const Forward<T>& call) {
  const int run = row_time(call);
  const size_t units = call.stack.sizes[call.stack.layers];
  if (call.y) zero(call.y + run * units, (call.time - run) * units);
}

template <class C>
void row_forward(const Forward<typename C::Element>& call, typename C::Element* work) {
  const RowWorkspace<C> plan(call, false, work);
  const int run = row_time(call);
  for (int l = 0; l < call.stack.layers; ++l) row_begin<C>(call, plan, l, work);
  for (int first = 0; first < run; first += plan.chunk)
    for (int l = 0; l < call.stack.layers; ++l)
      row_chunk<C>(call, plan, l, first, smaller(plan.chunk, run - first), work);
  row_end(call);
}

// Waits until the layer below has done so many steps.
inline void row_await(const int* progress, int steps) {
  for (int spins = 0; __atomic_load_n(progress, __ATOMIC_ACQUIRE) < steps; ++spins)
    if (spins < 4096) pause();
    else sched_yield();  // the other thread may be waiting for this processor
}

// One layer through all of time, behind the layer below: `progress` holds, for each layer on a cache
// line of its own, the steps done. The layer below must have been begun, by this or another thread.
template <class C>
void row_forward_layer(const Forward<typename C::Element>& call, int l, typename C::Element* work,
                       int* progress) {
  const RowWorkspace<C> plan(call, true, work);
  const int run = row_time(call);
  row_begin<C>(call, plan, l, work);
  for (int first = 0; first < run; first += plan.chunk) {
    const int steps = smaller(plan.chunk, run - first);
    if (l > 0) row_await(progress + (l - 1) * progress_stride, first + steps);
    row_chunk<C>(call, plan, l, first, steps, work);
    __atomic_store_n(progress + l * progress_stride, first + steps, __ATOMIC_RELEASE);
  }
  if (l == call.stack.layers - 1) row_end(call);
}

}  // namespace rollcast::ROLLCAST_ROW
