// The simple recurrent network (Elman 1990): h = tanh(sum) or max(sum, 0).
#pragma once
#include "../several.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct RnnBase {
  typedef T Element;
  static constexpr int gates = 1;
  static constexpr int panels = 1, x_first = 0, x_count = 1, h_first = 0, h_count = 1;
  static constexpr int x_gates[1] = {0}, h_gates[1] = {0};
  static constexpr int saved = 0;  // h itself is enough
  static constexpr bool has_cell = false;
  static constexpr bool carry_reaches_h = false;
};

template <class T>
struct RnnTanh : RnnBase<T> {
  template <class S>  // vectors side by side
  static ROLLCAST_INLINE void forward(const S* sum, const S&, const S&, S& h, S&, S*) {
    h = tanh(sum[0]);
  }
  template <class S>
  static ROLLCAST_INLINE void backward(const S& dh, const S*, const S&, const S&, const S& h, S&,
                                       S* d) {
    d[0] = dh * (T(1) - h * h);
  }
};

template <class T>
struct RnnRelu : RnnBase<T> {
  typedef Vec<T> V;
  // Written so that NaN stays NaN.
  template <class S>
  static ROLLCAST_INLINE void forward(const S* sum, const S&, const S&, S& h, S&, S*) {
    h = each(sum[0], [](V v) { return v < V{} ? V{} : v; });
  }
  template <class S>
  static ROLLCAST_INLINE void backward(const S& dh, const S*, const S&, const S&, const S& h, S&,
                                       S* d) {
    d[0] = each(h, dh, [](V v, V slope) { return v > V{} ? slope : V{}; });
  }
};

}  // namespace rollcast::ROLLCAST_ROW
