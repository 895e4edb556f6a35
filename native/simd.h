// A vector of numbers over the compiler's own vector types, so that one text serves every instruction
// set. The functions that a cell needs are in several.h.
#pragma once
#include <stddef.h>
#include <stdint.h>
#if defined(ROLLCAST_ROW_avx512)
#include <immintrin.h>
#endif

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

template <int N>
struct Fixed {
  static constexpr int value = N;
};

template <class T>
struct Number;
// `series` is (2^r - 1) / r on |r| <= 1/2, interpolated at Chebyshev's nodes: its error is far below
// half a unit in the last place. Added to a number, `magic` (1.5 * 2^shift and the exponent's bias)
// leaves the biased nearest integer in the low bits. `limit` bounds exponents so that four powers of
// two can be multiplied.
template <>
struct Number<float> {
  typedef uint32_t Bits;
  static constexpr float magic = 12582912.0f + 127;
  static constexpr int shift = 23, terms = 6;
  static constexpr float limit = 30;
  static constexpr float series[terms] = {0.693147188026f,   0.240226507606f,  0.0555035711422f,
                                          0.00961808255728f, 0.00133908633647f, 0.000154531629451f};
};
template <>
struct Number<double> {
  typedef uint64_t Bits;
  static constexpr double magic = 6755399441055744.0 + 1023;
  static constexpr int shift = 52, terms = 11;
  static constexpr double limit = 80;
  static constexpr double series[terms] = {
      0.693147180559945309417,    0.2402265069591009822,      0.0555041086648215943387,
      0.00961812910760688852728,  0.00133335581464169353104,  0.000154035304417360501549,
      0.0000152527338298361183944, 0.0000013215442587921689653, 1.01780624458457735207e-7,
      7.07258594926922369986e-9,  4.45496059818651839378e-10};
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

// NaN comes through a clamp unharmed: it compares false, and the instructions named here return their
// second operand where they meet it. GCC 12 warns about the forms without mask; the code is the same.
#if defined(ROLLCAST_ROW_avx512)
ROLLCAST_INLINE Vec<float> clamp(Vec<float> v, float limit) {
  return (Vec<float>)_mm512_maskz_max_ps(
      __mmask16(-1), __m512(fill(-limit)),
      _mm512_maskz_min_ps(__mmask16(-1), __m512(fill(limit)), __m512(v)));
}
ROLLCAST_INLINE Vec<double> clamp(Vec<double> v, double limit) {
  return (Vec<double>)_mm512_maskz_max_pd(
      __mmask8(-1), __m512d(fill(-limit)),
      _mm512_maskz_min_pd(__mmask8(-1), __m512d(fill(limit)), __m512d(v)));
}
#else
template <class V, class T>
ROLLCAST_INLINE V clamp(V v, T limit) {
  const V high = fill<T>(limit), low = fill<T>(-limit);
  v = v > high ? high : v;
  return v < low ? low : v;
}
#endif

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
