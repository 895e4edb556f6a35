// Vectors that go through one formula side by side, and the few functions that a cell needs.
//
// A result is waited for much longer than it takes to compute, and what a processor can look ahead ends
// before the next row's formula begins. So the text itself puts rows next to each other.
#pragma once
#include "simd.h"

namespace rollcast::ROLLCAST_ROW {

template <class T, int N>
struct Several {
  Vec<T> v[N];
};

// at(0), at(1), ...: vectors, or where they lie.
template <class T, int N, class F>
ROLLCAST_INLINE Several<T, N> several(F at) {
  Several<T, N> result;
#pragma GCC unroll 4
  for (int i = 0; i < N; ++i)
    if constexpr (requires { load<T>(at(i)); }) result.v[i] = load<T>(at(i));
    else result.v[i] = at(i);
  return result;
}
template <class T, int N, class F>
ROLLCAST_INLINE void store(const Several<T, N>& a, F at) {
#pragma GCC unroll 4
  for (int i = 0; i < N; ++i) store(at(i), a.v[i]);
}

// f of every vector, or of every two.
template <class T, int N, class F>
ROLLCAST_INLINE Several<T, N> each(const Several<T, N>& a, F f) {
  return several<T, N>([&](int i) { return f(a.v[i]); });
}
template <class T, int N, class F>
ROLLCAST_INLINE Several<T, N> each(const Several<T, N>& a, const Several<T, N>& b, F f) {
  return several<T, N>([&](int i) { return f(a.v[i], b.v[i]); });
}
#define ROLLCAST_OPERATOR(sign)                                                                  \
  template <class T, int N>                                                                      \
  ROLLCAST_INLINE Several<T, N> operator sign(const Several<T, N>& a, const Several<T, N>& b) {  \
    return each(a, b, [](Vec<T> x, Vec<T> y) { return x sign y; });                              \
  }                                                                                              \
  template <class T, int N>                                                                      \
  ROLLCAST_INLINE Several<T, N> operator sign(const Several<T, N>& a, T b) {                     \
    return each(a, [&](Vec<T> x) { return x sign fill<T>(b); });                                 \
  }                                                                                              \
  template <class T, int N>                                                                      \
  ROLLCAST_INLINE Several<T, N> operator sign(T a, const Several<T, N>& b) {                     \
    return each(b, [&](Vec<T> y) { return fill<T>(a) sign y; });                                 \
  }
ROLLCAST_OPERATOR(+)
ROLLCAST_OPERATOR(-)
ROLLCAST_OPERATOR(*)
ROLLCAST_OPERATOR(/)
#undef ROLLCAST_OPERATOR

// How many side by side leave registers for a formula's constants.
constexpr int side_by_side = registers == 32 ? 3 : 2;

// f(first, count) for `Total` things in groups of nearly equal size.
template <int Total, int First = 0, class F>
ROLLCAST_INLINE void in_groups(F f) {
  if constexpr (First < Total) {
    constexpr int left = Total - First, groups = (left + side_by_side - 1) / side_by_side;
    f(Fixed<First>{}, Fixed<left / groups>{});
    in_groups<Total, First + left / groups>(f);
  }
}

// 2^z = scale * (1 + fraction), z held within the limit.
template <class S>
struct Power {
  S scale, fraction;
};

template <class T, int N>
ROLLCAST_INLINE Power<Several<T, N>> power_of_two(Several<T, N> z, T limit = Number<T>::limit) {
  typedef Number<T> K;
  typedef typename VectorTypes<T>::Bits Bits;
  z = each(z, [&](Vec<T> v) { return clamp(v, limit); });
  const Several<T, N> shifted = z + K::magic, r = z - (shifted - K::magic);
  Several<T, N> p = r * K::series[K::terms - 1] + K::series[K::terms - 2];
#pragma GCC unroll 16
  for (int k = K::terms - 3; k >= 0; --k) p = p * r + K::series[k];
  return {each(shifted, [](Vec<T> v) { return (Vec<T>)((Bits)v << K::shift); }), p * r};
}

// Sigmoid and tanh as ratios, so that the gates of a unit can share one division.
template <class T, int N>
ROLLCAST_INLINE Several<T, N> below_sigmoid(const Several<T, N>& x) {  // 1 + e^-x
  const auto e = power_of_two(x * T(-1.44269504088896340736));
  return T(1) + e.scale + e.scale * e.fraction;
}
template <class S>
struct Ratio {
  S above, below;
};
template <class T, int N>
ROLLCAST_INLINE Ratio<Several<T, N>> tanh_ratio(const Several<T, N>& x) {  // e^2x - 1 over e^2x + 1
  const auto e = power_of_two(x * T(2.88539008177792681472));
  const Several<T, N> above = e.scale * e.fraction + (e.scale - T(1));
  return {above, above + T(2)};
}
template <class T, int N>
ROLLCAST_INLINE Several<T, N> tanh(const Several<T, N>& x) {
  const auto ratio = tanh_ratio(x);
  return ratio.above / ratio.below;
}

// e^x wherever that is no denormal, held at that end of the range.
template <class T, int N>
ROLLCAST_INLINE Several<T, N> exponential(const Several<T, N>& x) {
  const auto e = power_of_two(x * T(1.44269504088896340736), T(sizeof(T) == 4 ? 126 : 1022));
  return e.scale + e.scale * e.fraction;
}

// log sigmoid(x) = min(x, 0) - log(1 + u), u = e^-|x|; the logarithm is twice the area tangent of
// u / (2 + u), at most 1/3, whose series is cut where it falls below half a unit in the last place.
template <class T, int N>
ROLLCAST_INLINE Several<T, N> log_sigmoid(const Several<T, N>& x) {
  const Several<T, N> u = exponential(each(x, [](Vec<T> v) { return v > Vec<T>{} ? -v : v; }));
  const Several<T, N> s = u / (u + T(2)), square = s * s;
  constexpr int terms = sizeof(T) == 4 ? 8 : 17;
  Several<T, N> sum = square * T(0) + T(1.0 / (2 * terms - 1));
#pragma GCC unroll 17
  for (int k = terms - 2; k >= 0; --k) sum = sum * square + T(1.0 / (2 * k + 1));
  return each(x, [](Vec<T> v) { return v > Vec<T>{} ? Vec<T>{} : v; }) - T(2) * s * sum;
}

// Two numbers become their reciprocals by one division, four by one.
template <class T, int N>
ROLLCAST_INLINE void invert(Several<T, N>& a, Several<T, N>& b) {
  const Several<T, N> both = T(1) / (a * b), b_before = b;
  b = both * a;
  a = both * b_before;
}
template <class T, int N>
ROLLCAST_INLINE void invert(Several<T, N>& a, Several<T, N>& b, Several<T, N>& c,
                            Several<T, N>& d) {
  Several<T, N> left = a * b, right = c * d;
  invert(left, right);
  const Several<T, N> a_before = a, c_before = c;
  a = left * b;
  b = left * a_before;
  c = right * d;
  d = right * c_before;
}

}  // namespace rollcast::ROLLCAST_ROW
