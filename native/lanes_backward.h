// Exact backward through time for one slice with its rows in the lanes, chunk by chunk from the end.
#pragma once
#include "lanes_forward.h"
#include "lanes_product.h"

namespace rollcast::ROLLCAST_ROW {

// One step of some vectors of rows and a group of units: dh from the output and, through the recurrent
// weights, from the step after (null at the end); then slopes.
template <class T>
struct LaneSlopes {
  const T *w_h, *after, *dh, *kept, *h_before, *h, *c_before, *live;
  T *carry, *slopes;
  LaneRuns runs;
  ptrdiff_t width;
};

template <class C, int V, int N>
__attribute__((noinline)) void lane_slopes(const LaneSlopes<typename C::Element>& tile) {
  typedef typename C::Element T;
  const LaneSlopes<T> a = tile;  // see step_tile
  constexpr int L = lanes<T>;
  Vec<T> sums[V][N];
#pragma GCC unroll 12
  for (int v = 0; v < V; ++v)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) sums[v][n] = load(a.dh + n * a.width + v * L);
  if (a.after) lane_through<T, V, N>(sums, a.runs, a.w_h, a.after, a.width);
#pragma GCC unroll 12
  for (int v = 0; v < V; ++v)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) {
      const ptrdiff_t at = n * a.width + v * L;
      Several<T, 1> gates[C::saved + 1], d[C::panels], c = {};
#pragma GCC unroll 4
      for (int s = 0; s < C::saved; ++s)
        gates[s] = {load(a.kept + (n * C::saved + s) * a.width + v * L)};
      Several<T, 1> gradient = {sums[v][n]}, held = {load(a.carry + at)};
      if constexpr (C::has_cell) c = {load(a.c_before + at)};
      if constexpr (C::carry_reaches_h) gradient = gradient + held;
      gradient = {kept_lanes<T>(gradient.v[0], a.live + v * L)};
      C::backward(gradient, gates, {load(a.h_before + at)}, c, {load(a.h + at)}, held, d);
      store(a.carry + at, held.v[0]);
#pragma GCC unroll 4
      for (int p = 0; p < C::panels; ++p)
        store(a.slopes + (n * C::panels + p) * a.width + v * L, d[p].v[0]);
    }
}

template <class C>
inline void lane_slopes_step(const LaneLayer<C>& layer, LaneSlopes<typename C::Element> a) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const LaneSlopes<T> whole = a;
  a.runs = lane_runs<C>(layer.units, C::h_first, C::h_count);
  vector_groups<4>(layer.units, [&](int unit, auto group) {
    constexpr int N = decltype(group)::value;
    a.w_h = whole.w_h + size_t(layer.units) * C::h_count * unit;
    row_blocks<tile_rows<4>>(int(a.width) / L, [&](int v, auto count) {
      const ptrdiff_t row = ptrdiff_t(v) * L, at = unit * a.width + row;
      a.after = whole.after ? whole.after + row : nullptr;
      a.dh = whole.dh + at;
      a.kept = whole.kept + unit * C::saved * a.width + row;
      a.h_before = whole.h_before + at;
      a.h = whole.h + at;
      a.c_before = C::has_cell ? whole.c_before + at : nullptr;
      a.live = whole.live + row;
      a.carry = whole.carry + at;
      a.slopes = whole.slopes + unit * C::panels * a.width + row;
      lane_slopes<C, decltype(count)::value, N>(a);
    });
  });
}

// gradient (packed) += input' slopes, h' slopes, sum of slopes over the steps of a chunk.
template <class C>
inline void lane_weight_gradient(const LaneLayer<C>& layer, const typename C::Element* x,
                                 const typename C::Element* h_before,
                                 const typename C::Element* slopes, int steps, ptrdiff_t width,
                                 typename C::Element* gradient) {
  typedef typename C::Element T;
  const ptrdiff_t plane = layer.units * C::panels * width;
  vector_groups<group_blocks<C>>(layer.units, [&](int unit, auto group) {
    constexpr int N = decltype(group)::value;
    const T* d = slopes + unit * C::panels * width;
    lane_outer<T, N * C::x_count, C::x_count, C::panels>(gradient, x, layer.input,
                                                         d + C::x_first * width, plane, width, steps);
    gradient += size_t(layer.input) * N * C::x_count;
    lane_outer<T, N * C::h_count, C::h_count, C::panels>(gradient, h_before, layer.units,
                                                         d + C::h_first * width, plane, width, steps);
    gradient += size_t(layer.units) * N * C::h_count;
    lane_sums<T, N * C::panels>(gradient, d, plane, width, steps);
    gradient += N * C::panels;
  });
}

template <class C>
void lane_backward(const Backward<typename C::Element>& call, Slice slice,
                   typename C::Element* work, typename C::Element* scratch) {
  typedef typename C::Element T;
  const Forward<T>& made = call.forward;
  const Stack& stack = made.stack;
  const int rows = slice.rows, top = stack.layers - 1;
  const LaneWorkspace<C> kept(made, rows, work);
  const LaneScratch<C> plan(made, rows, scratch);
  const int width = kept.width;
  zero(scratch + plan.gradient, plan.weights);

  size_t states[deepest], gradients[deepest], packs[deepest], state = 0, gradient = 0;
  size_t pack = lane_start_backward<C>(stack, call.dx != nullptr);
  for_lane_layers<C>(stack, [&](int l, const LaneLayer<C>& layer) {
    states[l] = state + size_t(slice.first) * layer.units;
    gradients[l] = gradient;
    packs[l] = pack;
    state += size_t(made.batch) * layer.units;
    gradient += layer.packed();
    pack += layer.h_back() + (l > 0 || call.dx ? layer.x_back() : 0);
    zero(scratch + plan.carry[l], size_t(layer.units) * width);
  });

  const int chunks = (made.time + plan.chunk - 1) / plan.chunk;
  T* incoming = scratch + plan.incoming;
  for (int chunk = chunks - 1; chunk >= 0; --chunk) {
    const int first = chunk * plan.chunk, steps = smaller(plan.chunk, made.time - first);
    for (int l = top; l >= 0; --l) {
      const LaneLayer<C> layer(stack, l);
      const size_t plane = size_t(layer.units) * width, slope_plane = plane * C::panels;
      const T* h = work + kept.h[l];
      const T* c = work + kept.c[l];
      T* slopes = scratch + plan.slopes[l];
      T* carry = scratch + plan.carry[l];
      if (chunk < chunks - 1) copy(slopes + steps * slope_plane, slopes, slope_plane);

      int marked = -1;
      for (int t = steps - 1; t >= 0; --t) {
        const int step = first + t;
        const int running = active_rows(made.lengths, slice, step);
        const int after = step + 1 < made.time ? active_rows(made.lengths, slice, step + 1) : 0;
        if (running != marked) mark_live(scratch + plan.live, width, running);
        marked = running;
        const size_t first_row = size_t(step) * made.batch + slice.first;
        T* dh = incoming + t * plane;
        // The gradient of the layer's output; below the top it was left there by the layer above.
        if (l == top)
          to_lanes(dh, width, call.dy ? call.dy + first_row * layer.units : nullptr,
                   call.dy ? running : 0, layer.units);
        // Rows that end with this step bring the gradients of their final states.
        for (int r = after; r < running; ++r)
          for (int u = 0; u < layer.units; ++u) {
            const size_t from = states[l] + size_t(r) * layer.units + u, at = size_t(u) * width + r;
            if (call.dhn) dh[at] += call.dhn[from];
            if (C::has_cell && call.dcn) carry[at] = call.dcn[from];
          }
        LaneSlopes<T> a = {};
        a.w_h = call.packed + packs[l];
        a.after = after > 0 ? slopes + (t + 1) * slope_plane : nullptr;
        a.dh = dh;
        a.kept = work + kept.kept[l] + step * C::saved * plane;
        a.h_before = h + step * plane;
        a.h = h + (step + 1) * plane;
        a.c_before = c + step * plane;
        a.live = scratch + plan.live;
        a.carry = carry;
        a.slopes = slopes + t * slope_plane;
        a.width = width;
        lane_slopes_step<C>(layer, a);
      }

      const T* x = work + (l > 0 ? kept.h[l - 1] + (first + 1) * size_t(layer.input) * width : 0);
      if (l == 0 || made.dropout.probability > 0) {
        x = scratch + plan.input;
        for (int t = 0; t < steps; ++t)
          lane_input<C>(made, slice, kept, l, first + t,
                        active_rows(made.lengths, slice, first + t), work,
                        scratch + plan.input + size_t(t) * layer.input * width);
      }
      lane_weight_gradient<C>(layer, x, h + first * plane, slopes, steps, width,
                              scratch + plan.gradient + gradients[l]);

      if (l == 0 && !call.dx) continue;
      const T* w_x = call.packed + packs[l] + layer.h_back();
      const LaneRuns runs = lane_runs<C>(layer.units, C::x_first, C::x_count);
      for (int t = 0; t < steps; ++t) {
        T* below = incoming + size_t(t) * layer.input * width;
        lane_product(runs, w_x, layer.input, slopes + t * slope_plane,
                     static_cast<const T*>(nullptr), below, width);
        const int running = active_rows(made.lengths, slice, first + t);
        if (l > 0 && made.dropout.probability > 0)
          for (int r = 0; r < running; ++r)
            drop(made.dropout, l - 1, first + t, row_index(made, slice.first + r), below + r,
                 layer.input, width);
        if (l > 0) continue;
        T* dx = call.dx + (size_t(first + t) * made.batch + slice.first) * layer.input;
        from_lanes(dx, layer.input, below, width, 0, running);
        zero(dx + size_t(running) * layer.input, size_t(rows - running) * layer.input);
      }
    }
  }

  // What the first step passes on to the initial states.
  for_lane_layers<C>(stack, [&](int l, const LaneLayer<C>& layer) {
    const T* carry = scratch + plan.carry[l];
    if (call.dh0) {
      lane_product(lane_runs<C>(layer.units, C::h_first, C::h_count), call.packed + packs[l],
                   layer.units, scratch + plan.slopes[l],
                   C::carry_reaches_h ? carry : static_cast<const T*>(nullptr), incoming, width);
      from_lanes(call.dh0 + states[l], layer.units, incoming, width, 0, rows);
    }
    if (C::has_cell && call.dc0)
      from_lanes(call.dc0 + states[l], layer.units, carry, width, 0, rows);
  });
}

}  // namespace rollcast::ROLLCAST_ROW
