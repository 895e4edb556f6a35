// The way back of a step with zoneout.
#pragma once
#include "backward.h"

namespace rollcast::ROLLCAST_ROW {

// As recurrence_step; raw: the cell's own h, h_before: the mixed one. stayed: the gradient that went
// straight to this step's h on the way in, to the h before on the way out. cells: room for a plane.
template <class C>
void zoned_step(const Forward<typename C::Element>& made, Slice slice, int l, const Layer<C>& layer,
                int step, int rows, const typename C::Element* w_h, Slopes<C> after,
                typename C::Element* dh, const typename C::Element* kept,
                const typename C::Element* h_before, const typename C::Element* raw,
                const typename C::Element* c_before, typename C::Element* carry,
                typename C::Element* stayed, typename C::Element* cells, Slopes<C> slopes) {
  typedef typename C::Element T;
  if (after.at)
    product(after.rows(layer, C::h_first, C::h_count), rows, w_h, layer.width_vectors,
            static_cast<const T*>(dh), layer.padded, dh, layer.padded);
  for (int r = 0; r < rows; ++r) {
    const ptrdiff_t at = ptrdiff_t(r) * layer.padded;
    const int row = made.order ? made.order[slice.first + r] : slice.first + r;
    for_stay<T>(made, false, l, step, row, layer.units, [&](int u, T stay) {
      T whole = dh[at + u] + stayed[at + u];
      if (C::carry_reaches_h) {
        whole += carry[at + u];
        carry[at + u] = 0;
      }
      stayed[at + u] = stay * whole;
      dh[at + u] = (T(1) - stay) * whole;
    });
    if constexpr (C::has_cell)
      for_stay<T>(made, true, l, step, row, layer.units, [&](int u, T stay) {
        cells[at + u] = stay * carry[at + u];
        carry[at + u] -= cells[at + u];
      });
  }
  recurrence_step<C>(layer, w_h, rows, Slopes<C>(), dh, kept, h_before, raw, c_before, carry, slopes);
  if constexpr (C::has_cell)
    for (int r = 0; r < rows; ++r)
      for (int u = 0; u < layer.units; ++u)
        carry[ptrdiff_t(r) * layer.padded + u] += cells[ptrdiff_t(r) * layer.padded + u];
}

}  // namespace rollcast::ROLLCAST_ROW
