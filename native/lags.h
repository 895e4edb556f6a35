// The autoregressive path of a rollout: weights of the last values of a series, there and back. Values
// lie step after step, the rows of a slice side by side.
#pragma once
#include "gemm.h"

namespace rollcast::ROLLCAST_ROW {

// sums[i] += weights[0] from[i] + weights[1] from[i + apart] + …: with the rows of a slice as `apart`
// what the steps after send back, with their negative what the values before give.
template <class T>
inline void lagged_sums(const T* weights, int count, const T* from, ptrdiff_t apart, size_t size,
                        T* sums) {
  constexpr int L = lanes<T>;
  size_t i = 0;
  for (; i + L <= size; i += L) {
    Vec<T> sum = load(sums + i);
    const T* at = from + i;
    for (int j = 0; j < count; ++j, at += apart) sum = fill<T>(weights[j]) * load(at) + sum;
    store(sums + i, sum);
  }
  for (; i < size; ++i) {
    T sum = sums[i];
    const T* at = from + i;
    for (int j = 0; j < count; ++j, at += apart) sum += weights[j] * *at;
    sums[i] = sum;
  }
}

// gradient[j] += slope · values, the values taken j steps of `rows` before.
template <class T>
inline void lag_gradient(const T* slope, const T* values, int rows, size_t size, int count,
                         T* gradient) {
  constexpr int L = lanes<T>;
  for (int j = 0; j < count; ++j, values -= rows) {
    Vec<T> sums = {};
    size_t i = 0;
    for (; i + L <= size; i += L) sums = load(slope + i) * load(values + i) + sums;
    T sum = 0;
    for (; i < size; ++i) sum += slope[i] * values[i];
    for (int l = 0; l < L; ++l) sum += sums[l];
    gradient[j] += sum;
  }
}

}  // namespace rollcast::ROLLCAST_ROW
