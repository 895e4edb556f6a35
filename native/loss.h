// How far outputs are from a target, and the slope: families of losses over one error.
#pragma once
#include "engine.h"
#include "gemm.h"

namespace rollcast::ROLLCAST_ROW {

// A family: the slope of the loss of an error, and the loss from error and slope. NaN passes
// through. `level` is the quantile's.
template <class T>
struct MeanSquare {
  static T slope(T e, T, T) { return 2 * e; }
  static T loss(T e, T, T) { return e * e; }
};

template <class T>
struct MeanAbsolute {
  static T slope(T e, T, T) { return e > 0 ? T(1) : e < 0 ? T(-1) : e; }
  static T loss(T e, T slope, T) { return e * slope; }
};

// Huber 1964: with c = clip(e, -delta, delta) both branches are c (e - c/2).
template <class T>
struct Huber {
  static T slope(T e, T, T delta) {
    const T low = e > delta ? delta : e;
    return low < -delta ? -delta : low;
  }
  static T loss(T e, T slope, T) { return slope * (e - slope / 2); }
};

// Koenker and Bassett 1978, twice the pinball loss, a mean over levels: delta holds 2 / levels.
template <class T>
struct Quantile {
  static T slope(T e, T level, T delta) { return ((e > 0 ? T(1) : T(0)) - level) * delta; }
  static T loss(T e, T slope, T) { return e * slope; }
};

// Numbers are spread into short buffers first, where every family is one plain loop.
constexpr int loss_block = 512, loss_sums = 16;

template <class F, class T>
double loss_sum(const Loss<T>& call, T delta, T inverse) {
  alignas(64) T error[loss_block], factor[loss_block], level[loss_block] = {}, slope[loss_block];
  double sums[loss_sums] = {};
  const size_t elements = size_t(call.rows) * call.outputs, numbers = elements * call.width;
  size_t element = 0;
  int k = 0;  // the number's place in its element
  for (size_t first = 0; first < numbers; first += loss_block) {
    const int count = numbers - first < loss_block ? int(numbers - first) : loss_block;
    const T* output = call.output + first;
    if (call.width == 1 && !call.observed && !call.weight) {
      for (int j = 0; j < count; ++j) error[j] = output[j] - call.target[first + j];
      for (int j = 0; j < count; ++j) factor[j] = 1;
    } else {
      for (int j = 0; j < count;) {
        const int span = smaller(call.width - k, count - j);
        const bool seen = !call.observed || call.observed[element];
        const T weight =
            !seen ? T(0)
                  : call.weight ? T(call.weight[element / call.outputs % call.period]) : T(1);
        const T target = seen ? call.target[element] : T(0);
        for (int i = 0; i < span; ++i) {
          error[j + i] = seen ? output[j + i] - target : T(0);
          factor[j + i] = weight;
        }
        if (call.levels)
          for (int i = 0; i < span; ++i) level[j + i] = T(call.levels[k + i]);
        j += span;
        k += span;
        if (k == call.width) {
          k = 0;
          ++element;
        }
      }
    }
    int filled = count;
    for (; filled % loss_sums; ++filled) error[filled] = factor[filled] = 0;
    for (int j = 0; j < filled; j += loss_sums)
      for (int i = 0; i < loss_sums; ++i) {
        const T e = error[j + i], s = F::slope(e, level[j + i], delta);
        sums[i] += double(F::loss(e, s, delta) * factor[j + i]);
        slope[j + i] = s * factor[j + i] * inverse;
      }
    if (call.slope) copy(call.slope + first, slope, count);
  }
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

// The weights of all observed elements together.
template <class T>
double loss_weight(const Loss<T>& call) {
  const size_t elements = size_t(call.rows) * call.outputs;
  if (!call.weight) {
    if (!call.observed) return double(elements);
    size_t count = 0;
    for (size_t i = 0; i < elements; ++i) count += call.observed[i] != 0;
    return double(count);
  }
  double total = 0;
  for (int r = 0; r < call.rows; ++r) {
    int count = call.outputs;
    if (call.observed) {
      count = 0;
      for (int o = 0; o < call.outputs; ++o)
        count += call.observed[size_t(r) * call.outputs + o] != 0;
    }
    total += count * call.weight[r % call.period];
  }
  return total;
}

template <class T>
double loss(const Loss<T>& call, double weight) {
  if (weight == 0) {
    if (call.slope) zero(call.slope, size_t(call.rows) * call.outputs * call.width);
    return 0;
  }
  const T inverse = T(1 / weight);
  switch (call.family) {
    case Family::mse: return loss_sum<MeanSquare<T>>(call, T(0), inverse);
    case Family::mae: return loss_sum<MeanAbsolute<T>>(call, T(0), inverse);
    case Family::huber: return loss_sum<Huber<T>>(call, T(call.delta), inverse);
    default: return loss_sum<Quantile<T>>(call, T(2.0 / call.width), inverse);
  }
}

}  // namespace rollcast::ROLLCAST_ROW
