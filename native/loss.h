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

template <class T>
struct Errors {
  alignas(64) T error[loss_block], factor[loss_block], level[loss_block];
};

// Where the next number stands: its element, its place in the element, the element's in its row, and
// the row's weight.
struct LossPlace {
  size_t element = 0;
  int number = 0, output = 0, weight = 0;

  void next_element(int outputs, int period) {
    ++element;
    if (++output < outputs) return;
    output = 0;
    if (++weight == period) weight = 0;
  }
};

// The errors of `count` numbers, 0 with factor 0 where nothing was observed: a missing target may be
// NaN.
template <class T>
inline void spread(const Loss<T>& call, const T* output, int count, LossPlace& at, Errors<T>& to) {
  if (call.width == 1) {
    const T* target = call.target + at.element;
    const unsigned char* observed = call.observed ? call.observed + at.element : nullptr;
    for (int j = 0; j < count; ++j) to.error[j] = output[j] - target[j];
    for (int j = 0; j < count; ++j) to.factor[j] = 1;
    if (call.weight)
      for (int j = 0; j < count; ++j, at.next_element(call.outputs, call.period))
        to.factor[j] = T(call.weight[at.weight]);
    else
      at.element += count;
    if (observed)
      for (int j = 0; j < count; ++j) {
        to.error[j] = observed[j] ? to.error[j] : T(0);
        to.factor[j] = observed[j] ? to.factor[j] : T(0);
      }
    return;
  }
  for (int j = 0; j < count;) {
    const int span = smaller(call.width - at.number, count - j);
    const bool seen = !call.observed || call.observed[at.element];
    const T weight = !seen ? T(0) : call.weight ? T(call.weight[at.weight]) : T(1);
    const T target = call.target[at.element];
    for (int i = 0; i < span; ++i) {
      const T error = output[j + i] - target;
      to.error[j + i] = seen ? error : T(0);
      to.factor[j + i] = weight;
      to.level[j + i] = T(call.levels[at.number + i]);
    }
    j += span;
    at.number += span;
    if (at.number == call.width) {
      at.number = 0;
      at.next_element(call.outputs, call.period);
    }
  }
}

template <class F, class T>
double loss_sum(const Loss<T>& call, T delta, T inverse) {
  Errors<T> spreads;
  const T only = call.levels ? T(call.levels[0]) : T(0);  // of one level, which is never spread
  for (int j = 0; j < loss_block; ++j) spreads.level[j] = only;
  alignas(64) T slope[loss_block];
  double sums[loss_sums] = {};
  const size_t numbers = size_t(call.rows) * call.outputs * call.width;
  LossPlace at;
  for (size_t first = 0; first < numbers; first += loss_block) {
    const int count = numbers - first < loss_block ? int(numbers - first) : loss_block;
    spread(call, call.output + first, count, at, spreads);
    int filled = count;
    for (; filled % loss_sums; ++filled) spreads.error[filled] = spreads.factor[filled] = 0;
    for (int j = 0; j < filled; j += loss_sums)
      for (int i = 0; i < loss_sums; ++i) {
        const T e = spreads.error[j + i], s = F::slope(e, spreads.level[j + i], delta);
        sums[i] += double(F::loss(e, s, delta) * spreads.factor[j + i]);
        slope[j + i] = s * spreads.factor[j + i] * inverse;
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
  LossPlace at;
  for (size_t i = 0; i < elements; ++i, at.next_element(call.outputs, call.period))
    total += !call.observed || call.observed[i] ? call.weight[at.weight] : 0.0;
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
