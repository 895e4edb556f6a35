// minLSTM (Feng et al. 2024, arXiv 2410.01201, section 3.2): f, i = sigmoid(x-part), n = x-part;
// h = f' h' + i' n with f' = f / (f + i), i' = i / (f + i).
#pragma once
#include "by_row_cell.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct MinLstm : InputGates<T> {
  static constexpr int gates = 3, panels = 3, x_count = 3, saved = 5;

  template <class S>
  static ROLLCAST_INLINE void forward(const S* sum, const S& h_before, const S*, S*, S& h, S* kept) {
    const S below_f = below_sigmoid(sum[0]), below_i = below_sigmoid(sum[1]);
    const S both = T(1) / (below_f + below_i);
    const S share_f = below_i * both, share_i = below_f * both;
    h = share_f * h_before + share_i * sum[2];
    kept[0] = share_f;
    kept[1] = share_i;
    kept[2] = T(1) / below_f;
    kept[3] = T(1) / below_i;
    kept[4] = sum[2];
  }

  template <class S>
  static ROLLCAST_INLINE void backward(const S& dh, const S* kept, const S& h_before, const S&,
                                       const S*, const S*, const S*, S* carry, S* d, S*) {
    const T one = 1;
    const S share_f = kept[0], share_i = kept[1];
    const S turn = dh * (kept[4] - h_before) * share_f * share_i;
    d[0] = T(0) - turn * (one - kept[2]);
    d[1] = turn * (one - kept[3]);
    d[2] = dh * share_i;
    carry[0] = dh * share_f;
  }
};

}  // namespace rollcast::ROLLCAST_ROW
