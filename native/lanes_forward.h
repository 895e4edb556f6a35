// Forward through time for one slice with its rows in the lanes: recording, or keeping nothing.
#pragma once
#include "forward.h"
#include "lanes_pack.h"

namespace rollcast::ROLLCAST_ROW {

// One step of some vectors of rows and one group of units.
template <class T>
struct LaneTile {
  const T *w_x, *w_h, *bias, *x, *h, *h_group, *c_before, *live;
  T *h_out, *c_out, *kept;  // kept null: not recording
  int input, units;
  ptrdiff_t width;
};

template <class C, int V, int N>
__attribute__((noinline)) void lane_tile(const LaneTile<typename C::Element>& tile) {
  typedef typename C::Element T;
  const LaneTile<T> a = tile;  // see step_tile
  constexpr int L = lanes<T>, P = C::panels;
  Vec<T> sums[V][N * P];
#pragma GCC unroll 12
  for (int v = 0; v < V; ++v)
#pragma GCC unroll 4
    for (int p = 0; p < N * P; ++p) sums[v][p] = fill<T>(a.bias[p]);
  lane_multiply<T, V, N * C::x_count, C::x_count, P, C::x_first>(sums, a.w_x, a.x, a.width, a.input);
  lane_multiply<T, V, N * C::h_count, C::h_count, P, C::h_first>(sums, a.w_h, a.h, a.width, a.units);
#pragma GCC unroll 12
  for (int v = 0; v < V; ++v)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) {
      const ptrdiff_t at = n * a.width + v * L;
      Several<T, 1> z[P], h, c = {}, c_before = {}, kept[C::saved + 1];
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) z[p] = {sums[v][n * P + p]};
      if constexpr (C::has_cell) c_before = {load(a.c_before + at)};
      C::forward(z, {load(a.h_group + at)}, c_before, h, c, kept);
      store(a.h_out + at, kept_lanes<T>(h.v[0], a.live + v * L));
      if constexpr (C::has_cell) store(a.c_out + at, kept_lanes<T>(c.v[0], a.live + v * L));
      if constexpr (C::saved > 0)
        if (a.kept)
#pragma GCC unroll 4
          for (int s = 0; s < C::saved; ++s)
            store(a.kept + (n * C::saved + s) * a.width + v * L, kept[s].v[0]);
    }
}

// All rows and units of one layer and step.
template <class C>
inline void lane_step(const LaneLayer<C>& layer, LaneTile<typename C::Element> a,
                      const typename C::Element* packed) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const LaneTile<T> whole = a;
  vector_groups<group_blocks<C>>(layer.units, [&](int unit, auto group) {
    constexpr int N = decltype(group)::value;
    a.w_x = packed + unit * layer.unit_size();
    a.w_h = a.w_x + size_t(layer.input) * N * C::x_count;
    a.bias = a.w_h + size_t(layer.units) * N * C::h_count;
    row_blocks<tile_rows<4>>(int(a.width) / L, [&](int v, auto count) {
      const ptrdiff_t row = ptrdiff_t(v) * L, at = unit * a.width + row;
      a.x = whole.x + row;
      a.h = whole.h + row;
      a.h_group = whole.h + at;
      a.h_out = whole.h_out + at;
      a.live = whole.live + row;
      if constexpr (C::has_cell) {
        a.c_before = whole.c_before + at;
        a.c_out = whole.c_out + at;
      }
      if (whole.kept) a.kept = whole.kept + unit * C::saved * a.width + row;
      lane_tile<C, decltype(count)::value, N>(a);
    });
  });
}

// The input of layer l at a step: the caller's x, or the dropped output below, in `buffer`.
template <class C>
inline const typename C::Element* lane_input(const Forward<typename C::Element>& call, Slice slice,
                                             const LaneWorkspace<C>& plan, int l, int step,
                                             int running, const typename C::Element* work,
                                             typename C::Element* buffer) {
  typedef typename C::Element T;
  const LaneLayer<C> layer(call.stack, l);
  if (l == 0) {
    const T* x = call.x + (size_t(step) * call.batch + slice.first) * layer.input;
    to_lanes(buffer, plan.width, x, running, layer.input);
    return buffer;
  }
  const size_t plane = size_t(layer.input) * plan.width;
  const T* output = work + plan.h[l - 1] + plan.after(step) * plane;
  if (call.dropout.probability <= 0) return output;
  copy(buffer, output, plane);
  for (int r = 0; r < running; ++r)
    drop(call.dropout, l - 1, step, row_index(call, slice.first + r), buffer + r, layer.input,
         plan.width);
  return buffer;
}

template <class C>
void lane_forward(const Forward<typename C::Element>& call, Slice slice,
                  typename C::Element* work) {
  typedef typename C::Element T;
  const Stack& stack = call.stack;
  const LaneWorkspace<C> plan(call, slice.rows, work);
  const int width = plan.width;

  size_t state = 0;  // start of a layer in h0, c0, hn, cn
  for_lane_layers<C>(stack, [&](int l, const LaneLayer<C>& layer) {
    const size_t first = state + size_t(slice.first) * layer.units;
    auto start = [&](T* to, const T* from) {
      to_lanes(to, width, from ? from + first : nullptr, from ? slice.rows : 0, layer.units);
    };
    start(work + plan.h[l], call.h0);
    if constexpr (C::has_cell) start(work + plan.c[l], call.c0);
    state += size_t(call.batch) * layer.units;
  });

  int running = -1;
  for (int step = 0; step < call.time; ++step) {
    const int now = active_rows(call.lengths, slice, step);
    const int next = step + 1 < call.time ? active_rows(call.lengths, slice, step + 1) : 0;
    if (now != running) mark_live(work + plan.live, width, now);
    running = now;
    const T* packed = call.packed + lane_start<C>(stack);
    state = 0;
    for_lane_layers<C>(stack, [&](int l, const LaneLayer<C>& layer) {
      const size_t plane = size_t(layer.units) * width;
      LaneTile<T> a = {};
      a.x = lane_input<C>(call, slice, plan, l, step, running, work, work + plan.input);
      a.h = work + plan.h[l] + plan.before(step) * plane;
      a.h_out = work + plan.h[l] + plan.after(step) * plane;
      a.c_before = work + plan.c[l] + (call.record ? step * plane : 0);
      a.c_out = work + plan.c[l] + (call.record ? (step + 1) * plane : 0);
      a.kept = call.record && C::saved ? work + plan.kept[l] + step * C::saved * plane : nullptr;
      a.live = work + plan.live;
      a.input = layer.input;
      a.units = layer.units;
      a.width = width;
      lane_step<C>(layer, a, packed);

      if (l == stack.layers - 1 && call.y) {
        T* y = call.y + (size_t(step) * call.batch + slice.first) * layer.units;
        from_lanes(y, layer.units, a.h_out, width, 0, running);
        zero(y + size_t(running) * layer.units, size_t(slice.rows - running) * layer.units);
      }
      // Rows that end with this step leave their final states.
      const size_t to = state + size_t(slice.first) * layer.units;
      if (call.hn) from_lanes(call.hn + to, layer.units, a.h_out, width, next, running);
      if (C::has_cell && call.cn)
        from_lanes(call.cn + to, layer.units, a.c_out, width, next, running);
      packed += layer.packed();
      state += size_t(call.batch) * layer.units;
    });
  }
}

}  // namespace rollcast::ROLLCAST_ROW
