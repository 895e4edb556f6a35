// The way back of one step of the cells of by_row.h.
#pragma once
#include "backward.h"

namespace rollcast::ROLLCAST_ROW {

// As Row; gradients of biases and vectors are added to.
template <class T>
struct RowBack {
  int units, wide, padded;
  const T *vectors, *dh, *kept, *h_before, *h, *c_before, *c;
  T *carry, *slopes, *dbias, *dvectors;
};

// As recurrence_step. packed: the layer's weights as forward reads them, gradient in the same form.
template <ByRow C>
void by_row_recurrence(const Layer<C>& layer, const typename C::Element* packed,
                       const typename C::Element* w_h, int rows, Slopes<C> after,
                       typename C::Element* dh, const typename C::Element* kept,
                       const typename C::Element* h_before, const typename C::Element* h,
                       const typename C::Element* c_before, const typename C::Element* c,
                       typename C::Element* carry, Slopes<C> slopes,
                       typename C::Element* gradient) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const int wide = layer.wide;
  if constexpr (C::h_count > 0)
    if (after.at)
      product(after.rows(layer, C::h_first, C::h_count), rows, w_h, layer.width_vectors,
              static_cast<const T*>(dh), layer.padded, dh, layer.padded);
  const T* vectors = packed + layer.vector_start();
  T* dvectors = gradient + layer.vector_start();
  constexpr int carries = larger(1, C::cells);
  for (int r = 0; r < rows; ++r) {
    const ptrdiff_t at = ptrdiff_t(r) * layer.padded, c_at = at * C::cells;
    const T* saved = kept + ptrdiff_t(r) * layer.kept();
    T* d = slopes.at + r * slopes.row;
    T* held = carry + at * carries;
    if constexpr (C::whole) {
      C::backward(RowBack<T>{layer.units, wide, layer.padded, vectors, dh + at, saved, h_before + at,
                             h + at, c_before + c_at, c + c_at, held, d,
                             gradient + layer.bias_start(), dvectors});
    } else {
      for (int u = 0; u < wide; u += L) {
        Several<T, 1> values[C::saved], states[C::cells + 1], after_it[C::cells + 1], weight[C::vectors + 1];
        Several<T, 1> carried[carries], slope[C::panels], dweight[C::vectors + 1] = {};
        auto read = [&](const T* from) { return Several<T, 1>{load(from + u)}; };
        for (int s = 0; s < C::saved; ++s) values[s] = read(saved + s * wide);
        for (int s = 0; s < C::cells; ++s) {
          states[s] = read(c_before + c_at + s * layer.padded);
          after_it[s] = read(c + c_at + s * layer.padded);
        }
        for (int v = 0; v < C::vectors; ++v) weight[v] = read(vectors + v * wide);
        for (int s = 0; s < carries; ++s) carried[s] = read(held + s * layer.padded);
        Several<T, 1> incoming = read(dh + at);
        if constexpr (C::carry_reaches_h) incoming = incoming + carried[0];
        C::backward(incoming, values, read(h_before + at), read(h + at), states, after_it, weight,
                    carried, slope, dweight);
        for (int s = 0; s < carries; ++s) store(held + s * layer.padded + u, carried[s].v[0]);
        for (int p = 0; p < C::panels; ++p) store(d + p * wide + u, slope[p].v[0]);
        for (int v = 0; v < C::vectors; ++v) {
          T* to = dvectors + v * wide + u;
          store(to, load(to) + dweight[v].v[0]);
        }
      }
    }
  }
}

// As weight_gradient in backward.h.
template <ByRow C>
void weight_gradient(const Layer<C>& layer, const typename C::Element* x, ptrdiff_t x_stride,
                     const typename C::Element* h_before, Slopes<C> slopes, int rows,
                     typename C::Element* gradient) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  auto part = [&](T* to, const T* left, ptrdiff_t stride, int depth, int first, int count) {
    const T* d = slopes.at + first * layer.wide;
    vector_groups<4>(count * layer.blocks, [&](int v, auto group) {
      constexpr int P = decltype(group)::value;
      outer<T, P, P, P>(to, P * L, left, stride, depth, d + v * L, slopes.row, rows);
      to += size_t(depth) * P * L;
    });
  };
  part(gradient, x, x_stride, layer.input, C::x_first, C::x_count);
  if constexpr (C::h_count > 0)
    part(gradient + layer.h_start(), h_before, layer.padded, layer.width, C::h_first, C::h_count);
  if constexpr (C::bias_in_sums)
    for (int u = 0; u < C::panels * layer.wide; u += L) {
      T* to = gradient + layer.bias_start() + u;
      Vec<T> sum = load(to);
      for (int r = 0; r < rows; ++r) sum += load(slopes.at + r * slopes.row + u);
      store(to, sum);
    }
}

}  // namespace rollcast::ROLLCAST_ROW
