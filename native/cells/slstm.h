// sLSTM (Beck et al. 2024, arXiv 2405.04517, equations 8 to 17) with an exponential input gate, a
// sigmoid forget gate and one head: states h, c, n and the stabiliser m.
//   m = max(log f + m', i~), f = exp(log f + m' - m), i = exp(i~ - m)
//   c = f c' + i tanh(g~), n = f n' + i, h = sigmoid(o~) c / n
// A state with n = 0 is empty: as if its m were minus infinity. From there n is never below 1.
#pragma once
#include "by_row_cell.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct Slstm : FourGates<T> {
  static constexpr int cells = 3, saved = 5;
  typedef Vec<T> V;

  template <class S>
  static ROLLCAST_INLINE void forward(const S* z, const S&, const S*, S* state, S& h, S* kept) {
    const S log_f = log_sigmoid(z[1]) + state[2];
    S m = each(log_f, z[0], [](V f, V i) { return f > i ? f : i; });
    for (int k = 0; k < int(sizeof(m.v) / sizeof(V)); ++k)
      m.v[k] = state[1].v[k] == V{} ? z[0].v[k] : m.v[k];
    const S f = each(state[1], exponential(log_f - m), [](V n, V e) { return n == V{} ? V{} : e; });
    const S i = exponential(z[0] - m), g = tanh(z[2]), o = T(1) / below_sigmoid(z[3]);
    state[0] = f * state[0] + i * g;
    state[1] = f * state[1] + i;
    state[2] = m;
    h = o * state[0] / state[1];
    kept[0] = i;
    kept[1] = f;
    kept[2] = g;
    kept[3] = o;
    kept[4] = T(1) / below_sigmoid(T(0) - z[1]);  // the slope of log sigmoid
  }

  // Of the two sides of the maximum the greater one has an exponential of 1.
  template <class S>
  static ROLLCAST_INLINE void backward(const S& dh, const S* kept, const S&, const S& h,
                                       const S* before, const S* state, const S*, S* carry, S* d,
                                       S*) {
    const T one = 1;
    const S i = kept[0], f = kept[1], g = kept[2], o = kept[3];
    const S through_n = dh / state[1];
    const S dc = carry[0] + through_n * o, dn = carry[1] - through_n * h;
    const S through_f = (dc * before[0] + dn * before[1]) * f, through_i = (dc * g + dn) * i;
    const S dm = carry[2] - through_f - through_i;
    S to_f = dm;
    for (int k = 0; k < int(sizeof(to_f.v) / sizeof(V)); ++k) {
      const V unit = fill<T>(1);
      to_f.v[k] = f.v[k] >= unit ? (i.v[k] < unit ? to_f.v[k] : V{}) : V{};
    }
    const S log_f = through_f + to_f;
    d[0] = through_i + dm - to_f;
    d[1] = log_f * kept[4];
    d[2] = dc * i * (one - g * g);
    d[3] = dh * h * (one - o);
    carry[0] = dc * f;
    carry[1] = dn * f;
    carry[2] = log_f;
  }
};

}  // namespace rollcast::ROLLCAST_ROW
