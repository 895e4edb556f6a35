// Products of backward where a vector holds the rows of the batch: through the weights, and sums over
// the lanes for the gradients of the weights.
#pragma once
#include "lanes.h"

namespace rollcast::ROLLCAST_ROW {

// Slopes of a step that a product of h (or x) reaches: `runs` stretches of `depth`, `gap` apart.
struct LaneRuns {
  int runs, depth, gap, first;
};
template <class C>
constexpr LaneRuns lane_runs(int units, int first, int count) {
  if (count == C::panels) return {1, units * C::panels, 0, 0};
  return {units, count, C::panels, first};
}

// sums[v][column] += slopes times one group of columns of packed backward weights.
template <class T, int V, int P, class Sums>
ROLLCAST_INLINE void lane_through(Sums& sums, const LaneRuns& runs, const T* w, const T* slopes,
                                  ptrdiff_t width) {
  slopes += runs.first * width;
  for (int run = 0; run < runs.runs; ++run, slopes += runs.gap * width, w += runs.depth * P)
    lane_multiply<T, V, P, P, P, 0>(sums, w, slopes, width, runs.depth);
}

// out [column][rows] = start + slopes w; start may be null for zero.
template <class T, int V, int P>
__attribute__((noinline)) void lane_product_tile(const LaneRuns& runs, const T* w, const T* slopes,
                                                 const T* start, T* out, ptrdiff_t width) {
  constexpr int L = lanes<T>;
  Vec<T> sums[V][P];
#pragma GCC unroll 12
  for (int v = 0; v < V; ++v)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) sums[v][p] = start ? load(start + p * width + v * L) : Vec<T>{};
  lane_through<T, V, P>(sums, runs, w, slopes, width);
#pragma GCC unroll 12
  for (int v = 0; v < V; ++v)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) store(out + p * width + v * L, sums[v][p]);
}

template <class T>
inline void lane_product(const LaneRuns& runs, const T* w, int columns, const T* slopes,
                         const T* start, T* out, ptrdiff_t width) {
  constexpr int L = lanes<T>;
  const ptrdiff_t depth = ptrdiff_t(runs.runs) * runs.depth;
  vector_groups<4>(columns, [&](int column, auto group) {
    row_blocks<tile_rows<4>>(int(width) / L, [&](int v, auto count) {
      const ptrdiff_t row = ptrdiff_t(v) * L, at = column * width + row;
      lane_product_tile<T, decltype(count)::value, decltype(group)::value>(
          runs, w + depth * column, slopes + row, start ? start + at : nullptr, out + at, width);
    });
  });
}

template <int... I>
struct Lanes {};
template <int N, int... I>
struct CountLanes : CountLanes<N - 1, N - 1, I...> {};
template <int... I>
struct CountLanes<0, I...> {
  typedef Lanes<I...> Type;
};

// Neighbouring stretches of D lanes added: those of a where their number is even, of b where odd.
template <class T, int D, int... I>
ROLLCAST_INLINE Vec<T> add_stretches(Vec<T> a, Vec<T> b, Lanes<I...>) {
  constexpr int L = lanes<T>;
  return __builtin_shufflevector(a, b, (I / D % 2 ? L + I - D : I)...) +
         __builtin_shufflevector(a, b, (I / D % 2 ? L + I : I + D)...);
}

// Lane i of the result is the sum of v[i], i < lanes: a tree of additions, two shuffles each.
template <class T, int D = 1>
ROLLCAST_INLINE Vec<T> sum_each(const Vec<T>* v) {
  constexpr int pairs = lanes<T> / (2 * D);
  Vec<T> half[pairs];
#pragma GCC unroll 8
  for (int i = 0; i < pairs; ++i)
    half[i] = add_stretches<T, D>(v[2 * i], v[2 * i + 1], typename CountLanes<lanes<T>>::Type{});
  if constexpr (pairs == 1) return half[0];
  else return sum_each<T, 2 * D>(half);
}

// c[i] += the sum of v[i], i < M.
template <class T, int M>
ROLLCAST_INLINE void add_sums(T* c, const Vec<T>* v) {
  constexpr int L = lanes<T>;
#pragma GCC unroll 24
  for (int first = 0; first < M; first += L) {
    Vec<T> some[L];
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) some[i] = first + i < M ? v[first + i] : Vec<T>{};
    const Vec<T> sums = sum_each<T>(some);
    if (first + L <= M) store(c + first, load(c + first) + sums);
    else
#pragma GCC unroll 16
      for (int i = 0; i < M - first; ++i) c[first + i] += sums[i];
  }
}

// c[q][p] += sum over steps and rows of x[q] * d[p], q < Q; panel p lies at p / Count * Group + p % Count.
template <class T, int Q, int P, int Count, int Group>
__attribute__((noinline)) void lane_outer_tile(T* c, const T* x, ptrdiff_t x_plane, const T* d,
                                               ptrdiff_t d_plane, ptrdiff_t width, int steps) {
  constexpr int L = lanes<T>;
  Vec<T> sums[Q * P] = {};
  for (int t = 0; t < steps; ++t, x += x_plane, d += d_plane)
    for (ptrdiff_t r = 0; r < width; r += L) {
      Vec<T> panel[P];
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) panel[p] = load(d + (p / Count * Group + p % Count) * width + r);
#pragma GCC unroll 12
      for (int q = 0; q < Q; ++q) {
        const Vec<T> a = load(x + q * width + r);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) sums[q * P + p] = a * panel[p] + sums[q * P + p];
      }
    }
  add_sums<T, Q * P>(c, sums);
}

// c (depth, P) += x' d over the steps of a chunk.
template <class T, int P, int Count, int Group>
ROLLCAST_INLINE void lane_outer(T* c, const T* x, int depth, const T* d, ptrdiff_t d_plane,
                                ptrdiff_t width, int steps) {
  row_blocks<smaller(6, tile_rows<P>)>(depth, [&](int q, auto count) {
    lane_outer_tile<T, decltype(count)::value, P, Count, Group>(
        c + q * P, x + q * width, depth * width, d, d_plane, width, steps);
  });
}

// c[p] += sum over steps and rows of d[p].
template <class T, int P>
__attribute__((noinline)) void lane_sums(T* c, const T* d, ptrdiff_t d_plane, ptrdiff_t width,
                                         int steps) {
  constexpr int L = lanes<T>;
  Vec<T> sums[P] = {};
  for (int t = 0; t < steps; ++t, d += d_plane)
    for (ptrdiff_t r = 0; r < width; r += L)
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) sums[p] += load(d + p * width + r);
  add_sums<T, P>(c, sums);
}

}  // namespace rollcast::ROLLCAST_ROW
