// Backward through the projection of a layer's output (LSTM; Sak, Senior & Beaufays 2014,
// arXiv 1402.1128, section 2): h = W raw, where raw = o tanh(c).
#pragma once
#include "backward.h"

namespace rollcast::ROLLCAST_ROW {

// As recurrence_step, but dh is the gradient of the projected h: it is completed, kept in `projected`
// for the gradient of the projection, and replaced by the gradient of the raw output.
template <class C>
inline void projected_step(const Layer<C>& layer, const typename C::Element* w_h, int rows,
                           Slopes<C> after, typename C::Element* dh,
                           typename C::Element* projected, const typename C::Element* kept,
                           const typename C::Element* raw, const typename C::Element* c_before,
                           typename C::Element* carry, Slopes<C> slopes) {
  typedef typename C::Element T;
  const int stride = layer.width_vectors * layer.L;
  if (after.at)
    product(after.rows(layer, C::h_first, C::h_count), rows, w_h, layer.width_vectors,
            static_cast<const T*>(dh), layer.padded, projected, stride);
  else
    for (int r = 0; r < rows; ++r)
      copy(projected + size_t(r) * stride, dh + size_t(r) * layer.padded, stride);
  product(plain_rows<T>(projected, stride, layer.width), rows, w_h + layer.h_back(), layer.blocks,
          static_cast<const T*>(nullptr), 0, dh, layer.padded);
  recurrence_step<C>(layer, w_h, rows, Slopes<C>(), dh, kept, raw, raw, c_before, carry, slopes);
}

// gradient (packed) += raw' projected.
template <class C>
inline void projection_gradient(const Layer<C>& layer, const typename C::Element* raw,
                                const typename C::Element* projected, int rows,
                                typename C::Element* gradient) {
  constexpr int L = Layer<C>::L;
  gradient += layer.cell_packed();
  vector_groups<4>(layer.width_vectors, [&](int v, auto group) {
    constexpr int P = decltype(group)::value;
    outer<typename C::Element, P, P, P>(gradient, P * L, raw, layer.padded, layer.units,
                                        projected + v * L, layer.width_vectors * L, rows);
    gradient += size_t(layer.units) * P * L;
  });
}

}  // namespace rollcast::ROLLCAST_ROW
