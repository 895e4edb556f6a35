// The simple recurrent network (Elman 1990): h = tanh(sum) or max(sum, 0).
#pragma once
#include "../simd.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct RnnBase {
  typedef Vec<T> V;
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
  typedef Vec<T> V;
  static ROLLCAST_INLINE void forward(const V* sum, V, V, V& h, V&, V*) { h = tanh<T>(sum[0]); }
  static ROLLCAST_INLINE void backward(V dh, const V*, V, V, V h, V&, V* d) {
    d[0] = dh * (fill<T>(1) - h * h);
  }
};

template <class T>
struct RnnRelu : RnnBase<T> {
  typedef Vec<T> V;
  // Written so that NaN stays NaN.
  static ROLLCAST_INLINE void forward(const V* sum, V, V, V& h, V&, V*) {
    h = sum[0] < V{} ? V{} : sum[0];
  }
  static ROLLCAST_INLINE void backward(V dh, const V*, V, V, V h, V&, V* d) {
    d[0] = h > V{} ? dh : V{};
  }
};

}  // namespace rollcast::ROLLCAST_ROW
