// The tiles of backward through time: a step of the recurrence of a layer, and its weight gradient.
// The loops over them are in through_time.h.
#pragma once
#include "forward.h"

namespace rollcast::ROLLCAST_ROW {

// From the gradient of h (dh, in place on entry) to the gate gradients of some rows and blocks. Strides
// are copied, since for all the compiler knows a store of numbers changes them.
template <class C>
ROLLCAST_INLINE void gate_slopes(const Layer<C>& layer, int rows, int blocks,
                                 const typename C::Element* dh, const typename C::Element* kept,
                                 const typename C::Element* h_before,
                                 const typename C::Element* h, const typename C::Element* c_before,
                                 typename C::Element* carry, const Slopes<C>& of, int first_row,
                                 int first_block) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const ptrdiff_t stride = layer.padded, kept_stride = layer.kept();
  const ptrdiff_t next_row = of.row, next_block = of.block;
  T* d = of.at + first_row * next_row + first_block * next_block;
  for (int r = 0; r < rows; ++r)
    for (int b = 0; b < blocks; ++b) {
      const ptrdiff_t at = r * stride + b * L;
      Several<T, 1> gates[C::saved + 1], slopes[C::panels];
#pragma GCC unroll 4
      for (int s = 0; s < C::saved; ++s) gates[s] = {load(kept + r * kept_stride + (b * C::saved + s) * L)};
      Several<T, 1> gradient = {load(dh + at)}, held = {load(carry + at)}, c = {};
      if constexpr (C::has_cell) c = {load(c_before + at)};
      if constexpr (C::carry_reaches_h) gradient = gradient + held;
      C::backward(gradient, gates, {load(h_before + at)}, c, {load(h + at)}, held, slopes);
      store(carry + at, held.v[0]);
#pragma GCC unroll 4
      for (int p = 0; p < C::panels; ++p)
        store(d + r * next_row + b * next_block + p * L, slopes[p].v[0]);
    }
}

// gradient (packed) += input' slopes, h' slopes, sum of slopes.
template <class C>
inline void weight_gradient(const Layer<C>& layer, const typename C::Element* x, ptrdiff_t x_stride,
                            const typename C::Element* h_before,
                            Slopes<C> slopes, int rows, typename C::Element* gradient) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const ptrdiff_t stride = slopes.row;
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
      const T* d = slopes.at + from * slopes.row + block * slopes.block;
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

// out += x w for one tile, where w is not null. ask(r) for every row r, spread over the product.
template <int R, int P, class T, class F>
ROLLCAST_INLINE void through_tile(const Rows<T>& x, const T* w, T* out, ptrdiff_t out_stride, F ask) {
  constexpr int L = lanes<T>;
  if (!w) {
    for (int r = 0; r < R; ++r) ask(r);
    return;
  }
  Vec<T> sums[R][P];
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) sums[r][p] = load(out + r * out_stride + p * L);
  const T* at = x.at;
  const int total = x.runs * x.depth;
  for (int r = 0, done = 0, within = 0; r < R; ++r) {
    ask(r);
    for (const int end = total * (r + 1) / R; done < end;) {
      const int depth = smaller(x.depth - within, end - done);
      multiply<T, R, P, P, P, P, 0>(sums, w, at + within, x.stride, depth);
      w += ptrdiff_t(depth) * P * L;
      done += depth;
      within += depth;
      if (within == x.depth) within = 0, at += x.gap;
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) store(out + r * out_stride + p * L, sums[r][p]);
}

// One layer, one step: dh += slopes of the step after, through the recurrent weights; then slopes.
template <class C>
inline void recurrence_step(const Layer<C>& layer, const typename C::Element* w_h, int rows,
                            Slopes<C> after, typename C::Element* dh, const typename C::Element* kept,
                            const typename C::Element* h_before,
                            const typename C::Element* h, const typename C::Element* c_before,
                            typename C::Element* carry, Slopes<C> slopes) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const Rows<T> left = after.rows(layer, C::h_first, C::h_count);
  const ptrdiff_t depth = ptrdiff_t(left.runs) * left.depth;
  vector_groups<4>(layer.blocks, [&](int block, auto group) {
    constexpr int P = decltype(group)::value;
    const ptrdiff_t column = ptrdiff_t(block) * L;
    row_blocks<tile_rows<P>>(rows, [&](int r, auto count) {
      constexpr int R = decltype(count)::value;
      const ptrdiff_t at = ptrdiff_t(r) * layer.padded + column;
      const T* gates = kept + ptrdiff_t(r) * layer.kept() + column * C::saved;
      // What the gates' maths needs comes from far away. It is asked for row by row, between stretches
      // of the product that hides the wait: only a few lines can be on their way at once.
      // Inline, or the compiler takes a function that only asks for one without effect and drops it.
      auto ask = [&](int i) __attribute__((always_inline)) {
        for (int s = 0; s < P * C::saved; ++s)
          __builtin_prefetch(gates + ptrdiff_t(i) * layer.kept() + s * L);
        for (int p = 0; p < P; ++p) {
          __builtin_prefetch(h + at + ptrdiff_t(i) * layer.padded + p * L);
          if constexpr (C::has_cell)
            __builtin_prefetch(c_before + at + ptrdiff_t(i) * layer.padded + p * L);
        }
      };
      Rows<T> tile = left;
      tile.at += r * left.stride;
      through_tile<R, P>(tile, after.at ? w_h + depth * column : nullptr, dh + at, layer.padded, ask);
      gate_slopes<C>(layer, R, P, dh + at, gates, h_before + at, h + at,
                     C::has_cell ? c_before + at : nullptr, carry + at, slopes, r, block);
    });
  });
}

}  // namespace rollcast::ROLLCAST_ROW
