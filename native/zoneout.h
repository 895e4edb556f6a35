// Zoneout (Krueger et al. 2017, arXiv 1606.01305): while training each number of a state stays as it was
// with a probability p, drawn anew each step; otherwise it becomes p old + (1 - p) new, the mean.
#pragma once
#include "layout.h"
#include "random.h"

namespace rollcast::ROLLCAST_ROW {

// f(unit, how much of the old value stays) for a row's h, or for its c.
template <class T, class F>
inline void for_stay(const Forward<T>& call, bool of_c, int layer, int step, int row, int units, F f) {
  const double p = call.stack.zoneout;
  // Apart from the numbers that dropout draws.
  const uint64_t seed = call.dropout.seed ^ (of_c ? 0x7A6F6E656F757463u : 0x7A6F6E656F757468u);
  const uint64_t key = mix(mix(mix(mix(mix(seed) ^ call.dropout.step) ^ uint64_t(layer)) ^
                               uint64_t(step)) ^ uint64_t(row));
  for (int u = 0; u < units; ++u)
    f(u, !call.record ? T(p) : double(mix(key ^ uint64_t(u)) >> 40) * 0x1p-24 < p ? T(1) : T(0));
}

// One step: h from the cell's own (`raw`) and the one before; c in place.
template <class C>
void mix_states(const Forward<typename C::Element>& call, Slice slice, int l, const Layer<C>& layer,
                int step, int rows, const typename C::Element* h_before,
                const typename C::Element* raw, typename C::Element* h,
                const typename C::Element* c_before, typename C::Element* c) {
  typedef typename C::Element T;
  for (int r = 0; r < rows; ++r) {
    const ptrdiff_t at = ptrdiff_t(r) * layer.padded;
    const int row = call.order ? call.order[slice.first + r] : slice.first + r;
    auto mixed = [](T stay, T old, T now) { return stay * old + (T(1) - stay) * now; };
    zero(h + at + layer.units, layer.padded - layer.units);
    for_stay<T>(call, false, l, step, row, layer.units,
                [&](int u, T stay) { h[at + u] = mixed(stay, h_before[at + u], raw[at + u]); });
    if constexpr (C::has_cell)
      for_stay<T>(call, true, l, step, row, layer.units,
                  [&](int u, T stay) { c[at + u] = mixed(stay, c_before[at + u], c[at + u]); });
  }
}

}  // namespace rollcast::ROLLCAST_ROW
