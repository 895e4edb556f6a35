// Long short-term memory with forget gate (Hochreiter & Schmidhuber 1997; Gers, Schmidhuber &
// Cummins 2000): i, f, o = sigmoid, g = tanh; c = f c' + i g; h = o tanh(c).
#pragma once
#include "../simd.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct Lstm {
  typedef Vec<T> V;
  typedef T Element;
  static constexpr int gates = 4;
  // Sums of a unit, and which of them the products of x and of h reach, with their gates.
  static constexpr int panels = 4, x_first = 0, x_count = 4, h_first = 0, h_count = 4;
  static constexpr int x_gates[4] = {0, 1, 2, 3}, h_gates[4] = {0, 1, 2, 3};
  static constexpr int saved = 4;
  static constexpr bool has_cell = true;           // a second state, c
  static constexpr bool carry_reaches_h = false;   // what backward carries belongs to c

  static ROLLCAST_INLINE void forward(const V* z, V, V c_before, V& h, V& c, V* kept) {
    const Ratio<T> g = tanh_ratio<T>(z[2]);
    kept[0] = below_sigmoid<T>(z[0]);
    kept[1] = below_sigmoid<T>(z[1]);
    kept[2] = g.below;
    kept[3] = below_sigmoid<T>(z[3]);
    invert(kept[0], kept[1], kept[2], kept[3]);
    kept[2] *= g.above;
    c = kept[1] * c_before + kept[0] * kept[2];
    h = kept[3] * tanh<T>(c);
  }

  // carry: the gradient of c on the way in, of the c before on the way out.
  static ROLLCAST_INLINE void backward(V dh, const V* kept, V, V c_before, V h, V& carry, V* d) {
    const V one = fill<T>(1), i = kept[0], f = kept[1], g = kept[2], o = kept[3];
    const V tanh_c = h / o;  // o is never 0: exponents are held within a limit
    const V through_o = dh * o;
    const V dc = through_o * (one - tanh_c * tanh_c) + carry;
    const V di = dc * i;
    carry = dc * f;
    d[0] = di * g * (one - i);
    d[1] = carry * c_before * (one - f);
    d[2] = di * (one - g * g);
    d[3] = through_o * tanh_c * (one - o);
  }
};

}  // namespace rollcast::ROLLCAST_ROW
