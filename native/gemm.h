// Register-blocked products. A tile holds `R` rows by `P` vectors of sums in registers and walks
// once over the shared dimension; the right-hand side comes in panels packed for just that walk.
#pragma once
#include "simd.h"

namespace rollcast::ROLLCAST_ROW {

constexpr int smaller(int a, int b) { return a < b ? a : b; }
constexpr int larger(int a, int b) { return a > b ? a : b; }

// Rows of a tile of P vectors: sums, one vector of each panel and a broadcast must fit the registers.
template <int P>
constexpr int tile_rows = smaller(12, (registers == 32 ? 24 : 12) / P);

// Calls f with the row count as a compile-time constant.
template <int Max, class F>
ROLLCAST_INLINE void with_rows(int rows, F f) {
  switch (rows) {
    case 1: f(Fixed<1>{}); break;
    case 2: if constexpr (Max >= 2) f(Fixed<2>{}); break;
    case 3: if constexpr (Max >= 3) f(Fixed<3>{}); break;
    case 4: if constexpr (Max >= 4) f(Fixed<4>{}); break;
    case 5: if constexpr (Max >= 5) f(Fixed<5>{}); break;
    case 6: if constexpr (Max >= 6) f(Fixed<6>{}); break;
    case 7: if constexpr (Max >= 7) f(Fixed<7>{}); break;
    case 8: if constexpr (Max >= 8) f(Fixed<8>{}); break;
    case 9: if constexpr (Max >= 9) f(Fixed<9>{}); break;
    case 10: if constexpr (Max >= 10) f(Fixed<10>{}); break;
    case 11: if constexpr (Max >= 11) f(Fixed<11>{}); break;
    default: if constexpr (Max >= 12) f(Fixed<12>{}); break;
  }
}

// Splits rows evenly into blocks of at most Max (49 rows = nine blocks of 5 or 6, not 8 x 6 + 1).
template <int Max, class F>
ROLLCAST_INLINE void row_blocks(int rows, F f) {
  const int blocks = (rows + Max - 1) / Max;
  for (int b = 0, first = 0; b < blocks; ++b) {
    const int last = int(long(rows) * (b + 1) / blocks);
    with_rows<Max>(last - first, [&](auto count) { f(first, count); });
    first = last;
  }
}

// Vectors side by side in groups of 4, 2 and 1.
template <int Widest, class F>
ROLLCAST_INLINE void vector_groups(int vectors, F f) {
  int first = 0;
  if constexpr (Widest >= 4)
    for (; first + 4 <= vectors; first += 4) f(first, Fixed<4>{});
  if constexpr (Widest >= 2)
    for (; first + 2 <= vectors; first += 2) f(first, Fixed<2>{});
  for (; first < vectors; ++first) f(first, Fixed<1>{});
}

// sums[r][map(p)] += sum over k of x[r * stride + k] * w[k][p], p < P, where panel p of every group
// of Count feeds sum (p / Count) * Group + First + p % Count. One row alone would wait for its own
// last addition, so its sums are kept in two halves.
template <class T, int R, int S, int P, int Count, int Group, int First>
ROLLCAST_INLINE void multiply(Vec<T> (&sums)[R][S], const T* w, const T* x, ptrdiff_t stride,
                              int depth) {
  constexpr int L = lanes<T>;
  if constexpr (R == 1) {
    Vec<T> odd[P] = {};
    int k = 0;
    for (; k + 1 < depth; k += 2, w += 2 * P * L) {
      const Vec<T> a = fill<T>(x[k]), b = fill<T>(x[k + 1]);
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        Vec<T>& sum = sums[0][p / Count * Group + First + p % Count];
        sum = a * load(w + p * L) + sum;
        odd[p] = b * load(w + (P + p) * L) + odd[p];
      }
    }
    if (k < depth) {
      const Vec<T> a = fill<T>(x[k]);
      for (int p = 0; p < P; ++p) odd[p] = a * load(w + p * L) + odd[p];
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) sums[0][p / Count * Group + First + p % Count] += odd[p];
  } else {
    for (int k = 0; k < depth; ++k, w += P * L) {
      Vec<T> panel[P];
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) panel[p] = load(w + p * L);
#pragma GCC unroll 12
      for (int r = 0; r < R; ++r) {
        const Vec<T> a = fill<T>(x[r * stride + k]);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) {
          Vec<T>& sum = sums[r][p / Count * Group + First + p % Count];
          sum = a * panel[p] + sum;
        }
      }
    }
  }
}

// The left-hand side of a product: rows whose `runs` stretches of `depth` numbers lie `gap` apart.
template <class T>
struct Rows {
  const T* at;
  ptrdiff_t stride;
  int runs, depth;
  ptrdiff_t gap;
};

template <class T>
ROLLCAST_INLINE Rows<T> plain_rows(const T* at, ptrdiff_t stride, int depth) {
  return {at, stride, 1, depth, 0};
}

// out[r][0 .. P) = start[r] + x[r] w; start may be out, or null for zero.
template <class T, int R, int P>
__attribute__((noinline)) void product_tile(const Rows<T>& x, const T* w, const T* start,
                                            ptrdiff_t start_stride, T* out, ptrdiff_t out_stride) {
  constexpr int L = lanes<T>;
  Vec<T> sums[R][P];
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p)
      sums[r][p] = start ? load(start + r * start_stride + p * L) : Vec<T>{};
  const T* at = x.at;
  for (int run = 0; run < x.runs; ++run, at += x.gap, w += ptrdiff_t(x.depth) * P * L)
    multiply<T, R, P, P, P, P, 0>(sums, w, at, x.stride, x.depth);
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) store(out + r * out_stride + p * L, sums[r][p]);
}

// out (rows, vectors) = start + x w over all rows; w packed by pack_columns.
template <class T>
inline void product(const Rows<T>& x, int rows, const T* w, int vectors, const T* start,
                    ptrdiff_t start_stride, T* out, ptrdiff_t out_stride) {
  const ptrdiff_t depth = ptrdiff_t(x.runs) * x.depth;
  vector_groups<4>(vectors, [&](int v, auto group) {
    constexpr int P = decltype(group)::value;
    const ptrdiff_t column = ptrdiff_t(v) * lanes<T>;
    row_blocks<tile_rows<P>>(rows, [&](int r, auto count) {
      Rows<T> block = x;
      block.at += r * x.stride;
      product_tile<T, decltype(count)::value, P>(
          block, w + depth * column, start ? start + r * start_stride + column : nullptr,
          start_stride, out + r * out_stride + column, out_stride);
    });
  });
}

// c[q][p] += sum over rows of x[row * x_stride + q] * d[row * d_stride + vector of p], q < Q, where
// panel p lies at (p / Count) * Group + p % Count vectors: a weight gradient.
template <class T, int Q, int P, int Count, int Group>
__attribute__((noinline)) void outer_tile(T* c, ptrdiff_t c_stride, const T* x, ptrdiff_t x_stride,
                                          const T* d, ptrdiff_t d_stride, int rows) {
  constexpr int L = lanes<T>;
  Vec<T> sums[Q][P];
#pragma GCC unroll 12
  for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) sums[q][p] = load(c + q * c_stride + p * L);
  for (int r = 0; r < rows; ++r, d += d_stride, x += x_stride) {
    Vec<T> panel[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) panel[p] = load(d + (p / Count * Group + p % Count) * L);
#pragma GCC unroll 12
    for (int q = 0; q < Q; ++q) {
      const Vec<T> a = fill<T>(x[q]);
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) sums[q][p] = a * panel[p] + sums[q][p];
    }
  }
#pragma GCC unroll 12
  for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) store(c + q * c_stride + p * L, sums[q][p]);
}

// c (depth, P vectors) += x' d.
template <class T, int P, int Count, int Group>
ROLLCAST_INLINE void outer(T* c, ptrdiff_t c_stride, const T* x, ptrdiff_t x_stride, int depth,
                           const T* d, ptrdiff_t d_stride, int rows) {
  row_blocks<tile_rows<P>>(depth, [&](int q, auto count) {
    outer_tile<T, decltype(count)::value, P, Count, Group>(c + q * c_stride, c_stride, x + q,
                                                           x_stride, d, d_stride, rows);
  });
}

// Packs a right-hand side, `depth` by `columns`, for `product`: groups of 4, 2 and 1 vectors of
// columns, each [depth][vectors]. `row(k)` points at row k, or is null for a row of zeros.
template <class T, class RowAt>
inline void pack_columns(int depth, int columns, T* out, RowAt row) {
  constexpr int L = lanes<T>;
  vector_groups<4>((columns + L - 1) / L, [&](int v, auto group) {
    const int first = v * L, width = decltype(group)::value * L;
    const int held = smaller(width, columns - first);
    for (int k = 0; k < depth; ++k, out += width) {
      const T* from = row(k);
      if (from) copy(out, from + first, held);
      zero(out + (from ? held : 0), width - (from ? held : 0));
    }
  });
}

}  // namespace rollcast::ROLLCAST_ROW
