// Long short-term memory with forget gate (Hochreiter & Schmidhuber 1997; Gers, Schmidhuber &
// Cummins 2000): i, f, o = sigmoid, g = tanh; c = f c' + i g; h = o tanh(c).
#pragma once
#include "../several.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct Lstm {
  typedef T Element;
  static constexpr int gates = 4;
  // Sums of a unit, and which of them the products of x and of h reach, with their gates.
  static constexpr int panels = 4, x_first = 0, x_count = 4, h_first = 0, h_count = 4;
  static constexpr int x_gates[4] = {0, 1, 2, 3}, h_gates[4] = {0, 1, 2, 3};
  static constexpr int saved = 4;
  static constexpr bool has_cell = true;           // a second state, c
  static constexpr bool carry_reaches_h = false;   // what backward carries belongs to c

  // S: vectors side by side.
  template <class S>
  static ROLLCAST_INLINE void forward(const S* z, const S&, const S& c_before, S& h, S& c, S* kept) {
    const Ratio<S> g = tanh_ratio(z[2]);
    kept[0] = below_sigmoid(z[0]);
    kept[1] = below_sigmoid(z[1]);
    kept[2] = g.below;
    kept[3] = below_sigmoid(z[3]);
    invert(kept[0], kept[1], kept[2], kept[3]);
    kept[2] = kept[2] * g.above;
    c = kept[1] * c_before + kept[0] * kept[2];
    h = kept[3] * tanh(c);
  }

  // carry: the gradient of c on the way in, of the c before on the way out.
  template <class S>
  static ROLLCAST_INLINE void backward(const S& dh, const S* kept, const S&, const S& c_before,
                                       const S& h, S& carry, S* d) {
    const T one = 1;
    const S i = kept[0], f = kept[1], g = kept[2], o = kept[3];
    const S tanh_c = h / o;  // o is never 0: exponents are held within a limit
    const S through_o = dh * o;
    const S dc = through_o * (one - tanh_c * tanh_c) + carry;
    const S di = dc * i;
    carry = dc * f;
    d[0] = di * g * (one - i);
    d[1] = carry * c_before * (one - f);
    d[2] = di * (one - g * g);
    d[3] = through_o * tanh_c * (one - o);
  }
};

}  // namespace rollcast::ROLLCAST_ROW
