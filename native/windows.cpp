#include "windows.h"

#include <algorithm>
#include <cmath>

namespace rollcast {
namespace {

// Windows are walked side by side, so that one's sums need not wait for another's; each is summed in
// the order of time.
constexpr int side_by_side = 8;

// Mean and standard deviation of what was observed in the context. Without spread the level is the
// scale (a step of 5 from a constant 100 is 0.05), without level either it is 1.
template <class T>
void find_scale(const Windows<T>& call, int first, int count) {
  double sum[side_by_side] = {}, seen[side_by_side] = {}, squares[side_by_side] = {};
  const double* from[side_by_side];
  for (int j = 0; j < count; ++j) from[j] = call.values + call.begin[first + j];
  const int64_t* stop = call.stop ? call.stop + first : nullptr;
  auto walk = [&](auto f) {
    for (int t = 0; t < call.context; ++t)
      for (int j = 0; j < count; ++j) {
        const double value = from[j][t];
        if (value == value && (!stop || t < stop[j])) f(j, value);
      }
  };
  walk([&](int j, double value) {
    sum[j] += value;
    seen[j] += 1;
  });
  for (int j = 0; j < count; ++j) sum[j] /= std::max(seen[j], 1.0);
  walk([&](int j, double value) { squares[j] += (value - sum[j]) * (value - sum[j]); });
  for (int j = 0; j < count; ++j) {
    const double spread = std::sqrt(squares[j] / std::max(seen[j], 1.0)), level = std::fabs(sum[j]);
    call.location[first + j] = sum[j];
    call.scale[first + j] = spread <= call.constant * level ? (level > 0 ? level : 1) : spread;
  }
}

}  // namespace

template <class T>
void gather(const Windows<T>& call) {
  for (int first = 0; first < call.batch; first += side_by_side) {
    const int count = std::min(side_by_side, call.batch - first);
    if (call.find) find_scale(call, first, count);
    const int64_t* begin = call.begin + first;
    const int64_t* stop = call.stop ? call.stop + first : nullptr;
    const double *location = call.location + first, *scale = call.scale + first;
    for (int t = 0; t < call.rows; ++t) {
      const size_t at = size_t(t) * call.batch + first;
      for (int j = 0; j < count; ++j) {
        const double value = call.values[begin[j] + t], scaled = (value - location[j]) / scale[j];
        const bool seen = value == value && (!stop || t < stop[j]);
        call.observed[at + j] = seen;
        call.scaled[at + j] = seen ? T(scaled) : T(0);
      }
    }
  }
}

template void gather(const Windows<float>&);
template void gather(const Windows<double>&);

}  // namespace rollcast
