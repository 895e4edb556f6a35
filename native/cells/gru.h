// Gated recurrent unit (Cho et al. 2014, arXiv 1406.1078) in the form of cuDNN and PyTorch, where the
// reset gate acts on the product: r, z = sigmoid; n = tanh(x-part + r (h-part)); h = n + z (h' - n).
#pragma once
#include "../several.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct Gru {
  typedef T Element;
  static constexpr int gates = 3;
  // Sums: n from x, r, z, n from h. The x- and h-parts of n stay apart, and the order lets either
  // product reach three sums side by side. PyTorch's gates are r, z, n.
  static constexpr int panels = 4, x_first = 0, x_count = 3, h_first = 1, h_count = 3;
  static constexpr int x_gates[3] = {2, 0, 1}, h_gates[3] = {0, 1, 2};
  static constexpr int saved = 4;
  static constexpr bool has_cell = false;
  static constexpr bool carry_reaches_h = true;  // z dh goes straight to the h before

  // S: vectors side by side.
  template <class S>
  static ROLLCAST_INLINE void forward(const S* sum, const S& h_before, const S&, S& h, S&, S* kept) {
    // Not one division for both: a last digit less in z is many less in 1 - z where z is nearly 1.
    const S r = T(1) / below_sigmoid(sum[1]), z = T(1) / below_sigmoid(sum[2]);
    const S n = tanh(sum[0] + r * sum[3]);
    h = n + z * (h_before - n);
    kept[0] = n;
    kept[1] = r;
    kept[2] = z;
    kept[3] = sum[3];
  }

  template <class S>
  static ROLLCAST_INLINE void backward(const S& dh, const S* kept, const S& h_before, const S&,
                                       const S&, S& carry, S* d) {
    const T one = 1;
    const S n = kept[0], r = kept[1], z = kept[2];
    const S dn = dh * (one - z) * (one - n * n);
    carry = dh * z;
    d[0] = dn;
    d[1] = dn * kept[3] * r * (one - r);
    d[2] = carry * (h_before - n) * (one - z);
    d[3] = dn * r;
  }
};

}  // namespace rollcast::ROLLCAST_ROW
