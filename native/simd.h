// A vector of numbers and the few functions of it that a cell needs, over the compiler's own
// vector types, so that one text serves every instruction set.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace rollcast::ROLLCAST_ROW {

#if defined(ROLLCAST_ROW_avx512)
constexpr int row_bytes = 64, registers = 32;
#elif defined(ROLLCAST_ROW_avx2)
constexpr int row_bytes = 32, registers = 16;
#elif defined(ROLLCAST_ROW_neon)
constexpr int row_bytes = 16, registers = 32;
#else
constexpr int row_bytes = 16, registers = 16;
#endif

#define ROLLCAST_INLINE inline __attribute__((always_inline))

template <class T>
struct Number;
template <>
struct Number<float> {
  typedef uint32_t Bits;
  // 1.5 * 2^23: added to a number, leaves its nearest integer in the low bits.
  static constexpr float magic = 12582912.0f;
  static constexpr int bias = 127, shift = 23, degree = 7;
  static constexpr float exponent_limit = 126.0f, tanh_limit = 30.0f;
};
template <>
struct Number<double> {
  typedef uint64_t Bits;
  static constexpr double magic = 6755399441055744.0;
  static constexpr int bias = 1023, shift = 52, degree = 14;
  static constexpr double exponent_limit = 1022.0, tanh_limit = 80.0;
};

template <class T>
struct VectorTypes {
  typedef T Aligned __attribute__((vector_size(row_bytes)));
  typedef T Loose __attribute__((vector_size(row_bytes), aligned(alignof(T)), may_alias));
  typedef typename Number<T>::Bits Bits __attribute__((vector_size(row_bytes)));
};
template <class T>
using Vec = typename VectorTypes<T>::Aligned;
template <class T>
constexpr int lanes = row_bytes / int(sizeof(T));

template <class T>
ROLLCAST_INLINE Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename VectorTypes<T>::Loose*>(p);
}
template <class T>
ROLLCAST_INLINE void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename VectorTypes<T>::Loose*>(p) = v;
}
// x - 0 is x for every x, -0 and NaN too, so the compiler leaves just the broadcast.
template <class T>
ROLLCAST_INLINE Vec<T> fill(T x) {
  return x - Vec<T>{};
}

// NaN compares false and so comes through a clamp unharmed.
template <class T>
ROLLCAST_INLINE Vec<T> clamp(Vec<T> v, T limit) {
  const Vec<T> high = fill<T>(limit), low = fill<T>(-limit);
  v = v > high ? high : v;
  return v < low ? low : v;
}

// 2^z = scale * (1 + fraction), |z| within the exponent's limit. The fraction is the Taylor series
// of 2^r - 1 on |r| <= 1/2; its first left-out term is below half a unit in the last place.
template <class T>
struct Power {
  Vec<T> scale, fraction;
};
template <class T>
struct Taylor {
  T at[Number<T>::degree + 1];
  constexpr Taylor() : at{} {
    const double ln2 = 0.693147180559945309417232121458;
    double term = 1;
    for (int k = 1; k <= Number<T>::degree; ++k) {
      term *= ln2 / k;
      at[k] = T(term);
    }
  }
};
template <class T>
constexpr Taylor<T> taylor{};

template <class T>
ROLLCAST_INLINE Power<T> power_of_two(Vec<T> z) {
  typedef Number<T> N;
  const Vec<T> shifted = z + fill<T>(N::magic);
  const Vec<T> r = z - (shifted - fill<T>(N::magic));
  Vec<T> p = fill<T>(taylor<T>.at[N::degree]);
#pragma GCC unroll 16
  for (int k = N::degree - 1; k >= 1; --k) p = p * r + fill<T>(taylor<T>.at[k]);
  typedef typename VectorTypes<T>::Bits Bits;
  const Bits bits = ((Bits)shifted + typename N::Bits(N::bias)) << N::shift;
  return {(Vec<T>)bits, p * r};
}

template <class T>
ROLLCAST_INLINE Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> one = fill<T>(1);
  const Power<T> e =
      power_of_two<T>(clamp<T>(x * fill<T>(T(-1.44269504088896340736)), Number<T>::exponent_limit));
  return one / (one + e.scale + e.scale * e.fraction);
}

template <class T>
ROLLCAST_INLINE Vec<T> tanh(Vec<T> x) {
  const Power<T> e =
      power_of_two<T>(clamp<T>(x * fill<T>(T(2.88539008177792681472)), Number<T>::tanh_limit));
  const Vec<T> minus_one = e.scale * e.fraction + (e.scale - fill<T>(1));  // e^2x - 1
  return minus_one / (minus_one + fill<T>(2));
}

template <class T>
ROLLCAST_INLINE void zero(T* p, size_t count) {
  for (size_t i = 0; i < count; ++i) p[i] = 0;
}
template <class T>
ROLLCAST_INLINE void copy(T* to, const T* from, size_t count) {
  __builtin_memcpy(to, from, count * sizeof(T));
}
// Rows of `width` numbers into rows of `padded`, the rest zero.
template <class T>
inline void copy_padded(T* to, int padded, const T* from, int width, int rows) {
  for (int r = 0; r < rows; ++r, to += padded, from += width) {
    copy(to, from, width);
    zero(to + width, padded - width);
  }
}

}  // namespace rollcast::ROLLCAST_ROW
