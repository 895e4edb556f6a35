// Windows of long series, side by side, scaled: what a network trains on in one step.
// Plain C++ in float64; not compiled once per row.
#pragma once
#include <cstddef>
#include <cstdint>

namespace rollcast {

// What location and scale are: mean and deviation; median and interquartile range; the newest value
// and the deviation; 0 and the mean absolute value.
enum class Measure { deviation, median, last, mean };

template <class T>
struct Windows {
  int context, rows, batch;  // rows: context and horizon
  const double* values;      // NaN where missing
  const int64_t* begin;      // (batch) where each window begins in values
  const int64_t* stop;       // (batch) rows from which on nothing counts as observed, or null
  double constant;           // a spread smaller than this part of the level is rounding
  bool find;                 // location and scale: found here, or given
  Measure measure;
  double* location;          // (batch)
  double* scale;
  T* scaled;       // (rows, batch), 0 where not observed
  bool* observed;  // (rows, batch)
};

template <class T>
void gather(const Windows<T>& call);

}  // namespace rollcast
