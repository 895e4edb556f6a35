// Exact backward through time for one slice, chunk by chunk from the end: the recurrence of a layer,
// then, while its gate gradients are still in the cache, its weight gradient and what goes below.
#pragma once
#include "forward.h"

namespace rollcast::ROLLCAST_ROW {

// From the gradient of h (dh, in place on entry) to the gate gradients of some rows and blocks.
template <class C>
ROLLCAST_INLINE void gate_slopes(const Layer<C>& layer, int rows, int blocks,
                                 const typename C::Element* dh, const typename C::Element* kept,
                                 const typename C::Element* h_before,
                                 const typename C::Element* h, const typename C::Element* c_before,
                                 typename C::Element* carry, typename C::Element* slopes) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  for (int r = 0; r < rows; ++r)
    for (int b = 0; b < blocks; ++b) {
      const ptrdiff_t at = ptrdiff_t(r) * layer.padded + b * L;
      Vec<T> gates[C::saved + 1], d[C::panels];
#pragma GCC unroll 4
      for (int s = 0; s < C::saved; ++s)
        gates[s] = load(kept + ptrdiff_t(r) * layer.kept() + (b * C::saved + s) * L);
      Vec<T> gradient = load(dh + at), held = load(carry + at);
      if constexpr (C::carry_reaches_h) gradient += held;
      C::backward(gradient, gates, load(h_before + at),
                  C::has_cell ? load(c_before + at) : Vec<T>{}, load(h + at), held, d);
      store(carry + at, held);
#pragma GCC unroll 4
      for (int p = 0; p < C::panels; ++p)
        store(slopes + ptrdiff_t(r) * layer.slopes() + (b * C::panels + p) * L, d[p]);
    }
}

// The slopes that a product of h (or x) reaches, as the left-hand side of a product.
template <class C>
ROLLCAST_INLINE Rows<typename C::Element> slope_rows(const Layer<C>& layer,
                                                     const typename C::Element* slopes, int first,
                                                     int count) {
  constexpr int L = Layer<C>::L;
  if (count == C::panels || !slopes) return plain_rows(slopes, layer.slopes(), layer.slopes());
  return {slopes + first * L, layer.slopes(), layer.blocks, count * L, C::panels * L};
}

// gradient (packed) += input' slopes, h' slopes, sum of slopes.
template <class C>
inline void weight_gradient(const Layer<C>& layer, const typename C::Element* x, ptrdiff_t x_stride,
                            const typename C::Element* h_before,
                            const typename C::Element* slopes, int rows,
                            typename C::Element* gradient) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const int stride = layer.slopes();
  // Stretches of rows short enough that x and h stay in the first cache for every group of units.
  const int stretches = (rows + 127) / 128;
  for (int s = 0; s < stretches; ++s) {
    const int from = int(long(rows) * s / stretches);
    const int count = int(long(rows) * (s + 1) / stretches) - from;
    vector_groups<group_blocks<C>>(layer.blocks, [&](int block, auto group) {
      constexpr int N = decltype(group)::value;
      T* x_part = gradient + block * layer.block_size();
      T* h_part = x_part + size_t(layer.input) * N * C::x_count * L;
      T* bias = h_part + size_t(layer.units) * N * C::h_count * L;
      const T* d = slopes + ptrdiff_t(from) * stride + block * C::panels * L;
      outer<T, N * C::x_count, C::x_count, C::panels>(x_part, N * C::x_count * L,
                                                      x + from * x_stride, x_stride, layer.input,
                                                      d + C::x_first * L, stride, count);
      outer<T, N * C::h_count, C::h_count, C::panels>(
          h_part, N * C::h_count * L, h_before + ptrdiff_t(from) * layer.padded, layer.padded,
          layer.units, d + C::h_first * L, stride, count);
      Vec<T> sums[N * C::panels];
      for (int p = 0; p < N * C::panels; ++p) sums[p] = load(bias + p * L);
      for (int r = 0; r < count; ++r)
#pragma GCC unroll 4
        for (int p = 0; p < N * C::panels; ++p) sums[p] += load(d + ptrdiff_t(r) * stride + p * L);
      for (int p = 0; p < N * C::panels; ++p) store(bias + p * L, sums[p]);
    });
  }
}

// One layer, one step: dh += slopes of the step after, through the recurrent weights; then slopes.
template <class C>
inline void recurrence_step(const Layer<C>& layer, const typename C::Element* w_h, int rows,
                            const typename C::Element* after, typename C::Element* dh,
                            const typename C::Element* kept, const typename C::Element* h_before,
                            const typename C::Element* h, const typename C::Element* c_before,
                            typename C::Element* carry, typename C::Element* slopes) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const Rows<T> left = slope_rows<C>(layer, after, C::h_first, C::h_count);
  const ptrdiff_t depth = ptrdiff_t(left.runs) * left.depth;
  vector_groups<4>(layer.blocks, [&](int block, auto group) {
    constexpr int P = decltype(group)::value;
    const ptrdiff_t column = ptrdiff_t(block) * L;
    row_blocks<tile_rows<P>>(rows, [&](int r, auto count) {
      constexpr int R = decltype(count)::value;
      const ptrdiff_t at = ptrdiff_t(r) * layer.padded + column;
      const T* gates = kept + ptrdiff_t(r) * layer.kept() + column * C::saved;
      // These come from far away; ask for them before the product hides the wait.
      for (int i = 0; i < R; ++i) {
        for (int s = 0; s < P * C::saved; ++s)
          __builtin_prefetch(gates + ptrdiff_t(i) * layer.kept() + s * L);
        for (int p = 0; p < P; ++p) {
          __builtin_prefetch(h + at + ptrdiff_t(i) * layer.padded + p * L);
          if constexpr (C::has_cell)
            __builtin_prefetch(c_before + at + ptrdiff_t(i) * layer.padded + p * L);
        }
      }
      if (after) {
        Rows<T> block_rows = left;
        block_rows.at += r * left.stride;
        product_tile<T, R, P>(block_rows, w_h + depth * column, dh + at, layer.padded, dh + at,
                              layer.padded);
      }
      gate_slopes<C>(layer, R, P, dh + at, gates, h_before + at, h + at,
                     C::has_cell ? c_before + at : nullptr, carry + at,
                     slopes + ptrdiff_t(r) * layer.slopes() + column * C::panels);
    });
  });
}

template <class C>
void backward(const Backward<typename C::Element>& call, Slice slice, typename C::Element* work,
              typename C::Element* scratch) {
  typedef typename C::Element T;
  constexpr int flush_chunks = 32;  // sums in two levels: fewer roundings over long series
  const Forward<T>& made = call.forward;
  const Stack& stack = made.stack;
  const int rows = slice.rows, top = stack.layers - 1;
  const Workspace<C> kept(stack, made.time, rows, true, work);
  const Scratch<C> plan(stack, made.time, rows, scratch);
  const size_t weights = packed_size<C>(stack);
  zero(scratch + plan.gradient, weights);
  zero(scratch + plan.sum, weights);

  size_t states[deepest], gradients[deepest], packs[deepest], state = 0, gradient = 0, pack = 0;
  for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
    states[l] = state + size_t(slice.first) * layer.units;
    gradients[l] = gradient;
    packs[l] = pack;
    state += size_t(made.batch) * layer.units;
    gradient += layer.packed();
    const int padded_input = (layer.input + layer.L - 1) / layer.L * layer.L;
    pack += size_t(layer.padded) * C::h_count * layer.padded;
    if (l > 0 || call.dx) pack += size_t(layer.padded) * C::x_count * padded_input;
    T* carry = scratch + plan.carry[l];
    if (C::has_cell && call.dcn)
      copy_padded(carry, layer.padded, call.dcn + states[l], layer.units, rows);
    else
      zero(carry, size_t(rows) * layer.padded);
  });

  const int chunks = (made.time + kept.chunk - 1) / kept.chunk;
  T* incoming = scratch + plan.incoming;
  for (int chunk = chunks - 1; chunk >= 0; --chunk) {
    const int first = chunk * kept.chunk, steps = smaller(kept.chunk, made.time - first);
    for (int l = top; l >= 0; --l) {
      const Layer<C> layer(stack, l);
      const size_t plane = size_t(rows) * layer.padded;
      const size_t slope_plane = size_t(rows) * layer.slopes();
      const T* w_h = call.packed + packs[l];
      const T* w_x = w_h + size_t(layer.padded) * C::h_count * layer.padded;
      const T* h = work + kept.h[l];
      const T* c = work + kept.c[l];
      T* slopes = scratch + plan.slopes[l];

      // The gradient of the layer's output; below the top it was left there by the layer above.
      if (l == top)
        for (int t = 0; t < steps; ++t) {
          const size_t at = (size_t(first + t) * made.batch + slice.first) * layer.units;
          if (call.dy) copy_padded(incoming + t * plane, layer.padded, call.dy + at, layer.units, rows);
          else zero(incoming + t * plane, plane);
        }
      if (chunk < chunks - 1) copy(slopes + steps * slope_plane, slopes, slope_plane);

      for (int t = steps - 1; t >= 0; --t) {
        const int step = first + t;
        const int running = active_rows(made.lengths, slice, step);
        const int after = step + 1 < made.time ? active_rows(made.lengths, slice, step + 1) : 0;
        T* dh = incoming + t * plane;
        T* d = slopes + t * slope_plane;
        // Rows that end with this step: nothing comes from later, but the final state's gradient.
        for (int r = after; r < running; ++r) {
          zero(d + slope_plane + size_t(r) * layer.slopes(), layer.slopes());
          if (call.dhn)
            for (int u = 0; u < layer.units; ++u)
              dh[size_t(r) * layer.padded + u] += call.dhn[states[l] + size_t(r) * layer.units + u];
        }
        if (running > 0)
          recurrence_step<C>(layer, w_h, running, after > 0 ? d + slope_plane : nullptr, dh,
                             work + kept.kept[l] + size_t(step) * rows * layer.kept(),
                             h + step * plane, h + (step + 1) * plane,
                             C::has_cell ? c + step * plane : nullptr, scratch + plan.carry[l], d);
        zero(d + size_t(running) * layer.slopes(), size_t(rows - running) * layer.slopes());
      }

      ptrdiff_t x_stride;
      const T* x = chunk_input<C>(made, slice, kept, l, first, steps, 0, work,
                                  scratch + plan.input, x_stride);
      T* sum = scratch + plan.sum + gradients[l];
      if (!made.lengths)
        weight_gradient<C>(layer, x, x_stride, h + first * plane, slopes, steps * rows, sum);
      else  // rows past their end may hold anything, so they are left out
        for (int t = 0; t < steps; ++t)
          weight_gradient<C>(layer, x + size_t(t) * rows * x_stride, x_stride,
                             h + (first + t) * plane, slopes + t * slope_plane,
                             active_rows(made.lengths, slice, first + t), sum);

      if (l == 0 && !call.dx) continue;
      const int vectors = (layer.input + layer.L - 1) / layer.L, width = vectors * layer.L;
      product(slope_rows<C>(layer, slopes, C::x_first, C::x_count), steps * rows, w_x, vectors,
              static_cast<const T*>(nullptr), 0, incoming, width);
      if (l > 0 && made.dropout.probability > 0)
        for (int row = 0; row < steps * rows; ++row)
          drop(made.dropout, l - 1, first + row / rows, row_index(made, slice.first + row % rows),
               incoming + size_t(row) * width, layer.input);
      if (l == 0)
        for (int row = 0; row < steps * rows; ++row)
          copy(call.dx + (size_t(first + row / rows) * made.batch + slice.first + row % rows) *
                             layer.input,
               incoming + size_t(row) * width, layer.input);
    }
    if (chunk == 0 || (chunks - chunk) % flush_chunks == 0)
      for (size_t i = 0; i < weights; ++i) {
        scratch[plan.gradient + i] += scratch[plan.sum + i];
        scratch[plan.sum + i] = 0;
      }
  }

  // What the first step passes on to the initial states.
  for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
    const T* carry = scratch + plan.carry[l];
    if (call.dh0) {
      const Rows<T> left =
          slope_rows<C>(layer, scratch + plan.slopes[l], C::h_first, C::h_count);
      product(left, rows, call.packed + packs[l], layer.blocks,
              C::carry_reaches_h ? carry : static_cast<const T*>(nullptr), layer.padded, incoming,
              layer.padded);
      for (int r = 0; r < rows; ++r)
        copy(call.dh0 + states[l] + size_t(r) * layer.units, incoming + size_t(r) * layer.padded,
             layer.units);
    }
    if (C::has_cell && call.dc0)
      for (int r = 0; r < rows; ++r)
        copy(call.dc0 + states[l] + size_t(r) * layer.units, carry + size_t(r) * layer.padded,
             layer.units);
  });
}

}  // namespace rollcast::ROLLCAST_ROW
