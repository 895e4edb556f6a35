// The counter-based generator: a number is a pure function of where it is used, so the bits depend
// neither on the number of threads nor on the order of work. SplitMix64's finaliser (Steele, Lea &
// Flood 2014), chained over the parts of the key. nn/layers.py holds the same in NumPy.
#pragma once
#include "engine.h"
#include "simd.h"

namespace rollcast::ROLLCAST_ROW {

ROLLCAST_INLINE uint64_t mix(uint64_t z) {
  z += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// Drops units of one row and step in place, `stride` numbers apart: kept with probability 1 - p and then scaled by
// 1 / (1 - p). The same call on the gradient is its own backward.
template <class T>
inline void drop(const Dropout& dropout, int layer, int time, int row, T* values, int units,
                 ptrdiff_t stride = 1) {
  const uint64_t key = mix(mix(mix(mix(mix(dropout.seed) ^ dropout.step) ^ uint64_t(layer)) ^
                               uint64_t(time)) ^ uint64_t(row));
  const T scale = T(1 / (1 - dropout.probability));
  for (int u = 0; u < units; ++u) {
    const double uniform = double(mix(key ^ uint64_t(u)) >> 40) * 0x1p-24;
    T& value = values[u * stride];
    value = uniform >= dropout.probability ? value * scale : T(0);
  }
}

template <class T>
inline void drop_all(const Dropout& dropout, int layer, int time, int batch, int units,
                     const int* order, T* values) {
  for (int t = 0; t < time; ++t)
    for (int b = 0; b < batch; ++b, values += units)
      drop(dropout, layer, t, order ? order[b] : b, values, units);
}

}  // namespace rollcast::ROLLCAST_ROW
