// minGRU (Feng et al. 2024, arXiv 2410.01201, section 3.1): z = sigmoid(x-part), n = x-part;
// h = (1 - z) h' + z n.
#pragma once
#include "by_row_cell.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct MinGru : InputGates<T> {
  static constexpr int gates = 2, panels = 2, x_count = 2, saved = 2;

  template <class S>
  static ROLLCAST_INLINE void forward(const S* sum, const S& h_before, const S*, S*, S& h, S* kept) {
    const S z = T(1) / below_sigmoid(sum[0]);
    h = h_before + z * (sum[1] - h_before);
    kept[0] = z;
    kept[1] = sum[1];
  }

  template <class S>
  static ROLLCAST_INLINE void backward(const S& dh, const S* kept, const S& h_before, const S&,
                                       const S*, const S*, const S*, S* carry, S* d, S*) {
    const S z = kept[0], rest = T(1) - z;
    d[1] = dh * z;
    d[0] = d[1] * (kept[1] - h_before) * rest;
    carry[0] = dh * rest;
  }
};

}  // namespace rollcast::ROLLCAST_ROW
