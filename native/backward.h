// The tiles of backward through time: a step of the recurrence of a layer, and its weight gradient.
// The loops over them are in through_time.h.
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
      T* bias = h_part + size_t(layer.width) * N * C::h_count * L;
      const T* d = slopes + ptrdiff_t(from) * stride + block * C::panels * L;
      outer<T, N * C::x_count, C::x_count, C::panels>(x_part, N * C::x_count * L,
                                                      x + from * x_stride, x_stride, layer.input,
                                                      d + C::x_first * L, stride, count);
      outer<T, N * C::h_count, C::h_count, C::panels>(
          h_part, N * C::h_count * L, h_before + ptrdiff_t(from) * layer.padded, layer.padded,
          layer.width, d + C::h_first * L, stride, count);
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

}  // namespace rollcast::ROLLCAST_ROW
