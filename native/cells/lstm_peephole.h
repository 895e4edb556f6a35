// LSTM whose gates see the cell state (Gers, Schraudolph & Schmidhuber 2002; Graves 2013, arXiv
// 1308.0850, equations 7 to 11): i and f see c before, o sees c after, each unit its own.
#pragma once
#include "by_row_cell.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct LstmPeephole : FourGates<T> {
  static constexpr int vectors = 3, saved = 4;

  template <class S>
  static ROLLCAST_INLINE void forward(const S* z, const S&, const S* peep, S* c, S& h, S* kept) {
    const S i = T(1) / below_sigmoid(z[0] + peep[0] * c[0]);
    const S f = T(1) / below_sigmoid(z[1] + peep[1] * c[0]);
    const S g = tanh(z[2]);
    c[0] = f * c[0] + i * g;
    const S o = T(1) / below_sigmoid(z[3] + peep[2] * c[0]);
    h = o * tanh(c[0]);
    kept[0] = i;
    kept[1] = f;
    kept[2] = g;
    kept[3] = o;
  }

  template <class S>
  static ROLLCAST_INLINE void backward(const S& dh, const S* kept, const S&, const S& h,
                                       const S* c_before, const S* c, const S* peep, S* carry, S* d,
                                       S* dpeep) {
    const T one = 1;
    const S i = kept[0], f = kept[1], g = kept[2], o = kept[3];
    const S tanh_c = h / o;  // o is never 0: exponents are held within a limit
    const S through_o = dh * o;
    d[3] = through_o * tanh_c * (one - o);
    const S dc = through_o * (one - tanh_c * tanh_c) + d[3] * peep[2] + carry[0];
    d[0] = dc * g * i * (one - i);
    d[1] = dc * c_before[0] * f * (one - f);
    d[2] = dc * i * (one - g * g);
    carry[0] = dc * f + d[0] * peep[0] + d[1] * peep[1];
    dpeep[0] = d[0] * c_before[0];
    dpeep[1] = d[1] * c_before[0];
    dpeep[2] = d[3] * c[0];
  }
};

}  // namespace rollcast::ROLLCAST_ROW
