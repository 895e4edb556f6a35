#include "windows.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace rollcast {
namespace {

// Windows are walked side by side, so that one's sums need not wait for another's; each is summed in
// the order of time.
constexpr int side_by_side = 8;

// The value at a share of the way through sorted values, on the straight line between two of them.
double between(std::vector<double>& values, double share) {
  const double at = share * double(values.size() - 1);
  const size_t below = size_t(at);
  std::nth_element(values.begin(), values.begin() + below, values.end());
  const double low = values[below];
  if (below + 1 == values.size()) return low;
  const double high = *std::min_element(values.begin() + below + 1, values.end());
  return low + (at - double(below)) * (high - low);
}

// Median and interquartile range of window j, the latter as the deviation of normal values; location
// and scale as they are where half of the values are alike.
template <class T>
void find_median(const Windows<T>& call, int j, double& location, double& spread) {
  constexpr double deviations = 1.3489795003921634;  // in the interquartile range of a normal one
  std::vector<double> values;
  for (int t = 0; t < call.context; ++t) {
    const double value = call.values[call.begin[j] + t];
    if (value == value && (!call.stop || t < call.stop[j])) values.push_back(value);
  }
  if (values.empty()) return;
  location = between(values, 0.5);
  const double range = between(values, 0.75) - between(values, 0.25);
  if (range > call.constant * std::fabs(location)) spread = range / deviations;
}

// Location and scale of what was observed in the context, by default mean and standard deviation.
// Without spread the level is the scale (a step of 5 from a constant 100 is 0.05), without level
// either it is 1.
template <class T>
void find_scale(const Windows<T>& call, int first, int count) {
  double sum[side_by_side] = {}, seen[side_by_side] = {}, squares[side_by_side] = {};
  double absolute[side_by_side] = {}, last[side_by_side] = {};
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
    absolute[j] += std::fabs(value);
    last[j] = value;
  });
  for (int j = 0; j < count; ++j) sum[j] /= std::max(seen[j], 1.0);
  walk([&](int j, double value) { squares[j] += (value - sum[j]) * (value - sum[j]); });
  for (int j = 0; j < count; ++j) {
    double spread = std::sqrt(squares[j] / std::max(seen[j], 1.0)), location = sum[j];
    if (call.measure == Measure::median) find_median(call, first + j, location, spread);
    if (call.measure == Measure::last) location = last[j];
    double level = std::fabs(location);
    if (call.measure == Measure::mean) {
      location = 0;
      level = spread = absolute[j] / std::max(seen[j], 1.0);
    }
    call.location[first + j] = location;
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
