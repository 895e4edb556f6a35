// LSTM with layer normalisation (Ba, Kiros & Hinton 2016, arXiv 1607.06450, equations 20 to 22): of the
// products of x and of h, over all four gates each, and of c on its way to h. The paper's three biases
// of a gate are two: bias_ih and bias_hh.
#pragma once
#include "../by_row.h"
#include "../by_row_backward.h"
#include "by_row_cell.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct LstmLayerNorm : ByRowCell<T> {
  static constexpr int gates = 4;
  static constexpr int panels = 8, x_first = 0, x_count = 4, h_first = 4, h_count = 4;
  static constexpr int x_gates[4] = {0, 1, 2, 3}, h_gates[4] = {0, 1, 2, 3};
  static constexpr bool whole = true, bias_in_sums = false;
  static constexpr bool has_cell = true, carry_reaches_h = false;
  static constexpr int cells = 1;
  // Gains of x and of h, four each, gain and bias of c.
  static constexpr int vectors = 10, of_c = 8;
  // Kept: normalised x, h (four each) and c, then the gates; of a row three reciprocal deviations.
  static constexpr int saved = 13, row_saved = 3, normal_c = 8, gate = 9;
  static constexpr T epsilon = T(1e-5);
  static constexpr int L = lanes<T>;
  typedef Vec<T> V;
  typedef Several<T, 1> S;

  // Ones for units, zeros for padding.
  static ROLLCAST_INLINE V held(int first, int units) {
    T ones[L];
    for (int j = 0; j < L; ++j) ones[j] = first + j < units ? T(1) : T(0);
    return load(ones);
  }
  static ROLLCAST_INLINE T total(V v) {
    T sum = 0;
    for (int j = 0; j < L; ++j) sum += v[j];
    return sum;
  }

  // from (panels, wide) less its mean over its deviation, 0 in padding; returns 1 / deviation.
  static T normalize(const T* from, int panels, int units, int wide, T* to) {
    const T share = T(1) / T(panels * units);
    V sum = {};
    for (int k = 0; k < panels * wide; k += L) sum += load(from + k);
    const V mean = fill<T>(total(sum) * share);
    V squares = {};
    for (int p = 0; p < panels; ++p)
      for (int u = 0; u < wide; u += L) {
        const V away = (load(from + p * wide + u) - mean) * held(u, units);
        store(to + p * wide + u, away);
        squares += away * away;
      }
    const T scale = T(1) / T(__builtin_sqrt(total(squares) * share + epsilon));
    for (int k = 0; k < panels * wide; k += L) store(to + k, load(to + k) * fill<T>(scale));
    return scale;
  }

  // d: the gradient of what `normalize` gave, becomes that of what it was given.
  static void back(const T* normal, T scale, int panels, int units, int wide, T* d) {
    const T share = T(1) / T(panels * units);
    V sum = {}, along = {};
    for (int k = 0; k < panels * wide; k += L) {
      sum += load(d + k);
      along += load(d + k) * load(normal + k);
    }
    const V mean = fill<T>(total(sum) * share), tilt = fill<T>(total(along) * share);
    for (int p = 0; p < panels; ++p)
      for (int u = 0; u < wide; u += L) {
        T* at = d + p * wide + u;
        const V level = load(at) - mean - load(normal + p * wide + u) * tilt;
        store(at, level * fill<T>(scale) * held(u, units));
      }
  }

  // What lies in `sums` is written over where nothing is kept.
  static void forward(const Row<T>& a) {
    const int wide = a.wide;
    T* normal = a.kept ? a.kept : const_cast<T*>(a.sums);
    T* normal_of_c = a.kept ? a.kept + normal_c * wide : normal;
    T deviations[3];
    for (int side = 0; side < 2; ++side)
      deviations[side] =
          normalize(a.sums + side * 4 * wide, 4, a.units, wide, normal + side * 4 * wide);
    // o waits in h until c is known.
    for (int u = 0; u < wide; u += L) {
      S z[4];
      for (int k = 0; k < 4; ++k) {
        const int x = k * wide + u, h = (4 + k) * wide + u;
        z[k] = {load(normal + x) * load(a.vectors + x) + load(a.bias + x) +
                load(normal + h) * load(a.vectors + h) + load(a.bias + h)};
      }
      const S i = T(1) / below_sigmoid(z[0]), f = T(1) / below_sigmoid(z[1]), g = tanh(z[2]);
      const S o = T(1) / below_sigmoid(z[3]), c = f * S{load(a.c_before + u)} + i * g;
      store(a.c + u, c.v[0]);
      store(a.h + u, o.v[0]);
      if (!a.kept) continue;
      const S gate_values[4] = {i, f, g, o};
      for (int k = 0; k < 4; ++k) store(a.kept + (gate + k) * wide + u, gate_values[k].v[0]);
    }
    deviations[2] = normalize(a.c, 1, a.units, wide, normal_of_c);
    for (int u = 0; u < wide; u += L) {
      const V scaled = load(normal_of_c + u) * load(a.vectors + of_c * wide + u);
      const S squashed = tanh(S{scaled + load(a.vectors + (of_c + 1) * wide + u)});
      store(a.h + u, load(a.h + u) * squashed.v[0] * held(u, a.units));
    }
    if (a.kept) copy(a.kept + saved * wide, deviations, 3);
  }

  static void backward(const RowBack<T>& a) {
    const int wide = a.wide;
    const V one = fill<T>(1);
    const T* deviations = a.kept + saved * wide;
    auto add = [](T* to, V v) { store(to, load(to) + v); };
    // The gradient of normalised c lies in the first panel of slopes, that of o's sum in the fourth.
    for (int u = 0; u < wide; u += L) {
      const V o = load(a.kept + (gate + 3) * wide + u), squashed = load(a.h + u) / o;
      const V through_o = load(a.dh + u) * o;
      const V scaled = through_o * (one - squashed * squashed);
      add(a.dvectors + of_c * wide + u, scaled * load(a.kept + normal_c * wide + u));
      add(a.dvectors + (of_c + 1) * wide + u, scaled);
      store(a.slopes + u, scaled * load(a.vectors + of_c * wide + u));
      store(a.slopes + 3 * wide + u, through_o * squashed * (one - o));
    }
    back(a.kept + normal_c * wide, deviations[2], 1, a.units, wide, a.slopes);
    for (int u = 0; u < wide; u += L) {
      const V i = load(a.kept + gate * wide + u), f = load(a.kept + (gate + 1) * wide + u);
      const V g = load(a.kept + (gate + 2) * wide + u);
      const V dc = load(a.carry + u) + load(a.slopes + u);
      store(a.carry + u, dc * f);
      const V d[4] = {dc * g * i * (one - i), dc * load(a.c_before + u) * f * (one - f),
                      dc * i * (one - g * g), load(a.slopes + 3 * wide + u)};
      for (int k = 0; k < 8; ++k) {
        const int at = k * wide + u;
        add(a.dbias + at, d[k % 4]);
        add(a.dvectors + at, d[k % 4] * load(a.kept + at));
        store(a.slopes + at, d[k % 4] * load(a.vectors + at));
      }
    }
    for (int side = 0; side < 2; ++side)
      back(a.kept + side * 4 * wide, deviations[side], 4, a.units, wide, a.slopes + side * 4 * wide);
  }
};

}  // namespace rollcast::ROLLCAST_ROW
