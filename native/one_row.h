// What the time loops of a batch of one row share. (A slice has one row only where the batch has.)
// There is no second row to fill the wait for an addition, so sums over the shared dimension are split.
#pragma once
#include "layout.h"

namespace rollcast::ROLLCAST_ROW {

// Sums of one panel that run side by side: a tile has few, and two units of latency four want eight.
constexpr int row_parts(int panels) {
  const int parts = (registers == 32 ? 16 : 8) / panels;
  return parts >= 8 ? 8 : parts >= 4 ? 4 : parts >= 2 ? 2 : 1;
}

// As `multiply` in gemm.h, for one row, over all its runs.
template <class T, int P, int Count, int Group, int First>
ROLLCAST_INLINE void row_sums(Vec<T>* sums, const T* w, const Rows<T>& x) {
  constexpr int L = lanes<T>, S = row_parts(P);
  Vec<T> parts[S][P];
#pragma GCC unroll 8
  for (int s = 0; s < S; ++s)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) parts[s][p] = Vec<T>{};
  const auto add = [&](Vec<T>(&part)[P], T number, const T* panels) __attribute__((always_inline)) {
    const Vec<T> a = fill<T>(number);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) part[p] = a * load(panels + p * L) + part[p];
  };
  const T* at = x.at;
  for (int run = 0; run < x.runs; ++run, at += x.gap) {
    int k = 0;
    for (; k + S <= x.depth; k += S, w += S * P * L)
#pragma GCC unroll 8
      for (int s = 0; s < S; ++s) add(parts[s], at[k + s], w + s * P * L);
#pragma GCC unroll 8
    for (int s = 0; s < S - 1; ++s)
      if (k + s < x.depth) {
        add(parts[s], at[k + s], w);
        w += P * L;
      }
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
    if constexpr (S >= 8)
#pragma GCC unroll 4
      for (int s = 0; s < 4; ++s) parts[s][p] += parts[s + 4][p];
    if constexpr (S >= 4)
#pragma GCC unroll 2
      for (int s = 0; s < 2; ++s) parts[s][p] += parts[s + 2][p];
    if constexpr (S >= 2) parts[0][p] += parts[1][p];
    sums[p / Count * Group + First + p % Count] += parts[0][p];
  }
}

// Groups of blocks as `vector_groups` makes them. Walking backwards every other step leaves half of a
// matrix that is larger than the first cache where it is needed next.
template <int Widest, class F>
ROLLCAST_INLINE void row_tiles(int blocks, bool backwards, F f) {
  const int full = blocks / Widest, rest = full * Widest;
  for (int i = 0; i < full; ++i) f((backwards ? full - 1 - i : i) * Widest, Fixed<Widest>{});
  if constexpr (Widest > 1)
    vector_groups<Widest / 2>(blocks - rest,
                              [&](int block, auto group) { f(rest + block, group); });
}

// Steps of one layer before the next layer follows (or may begin, on another thread).
inline int row_chunk_steps(int time) { return smaller(time, 48); }

// The workspace of a batch of one row. Every step is kept where something is recorded and where
// layers run on threads of their own, otherwise a chunk. Sums of x come with all steps of a chunk.
template <class C>
struct RowWorkspace {
  int chunk;
  bool whole, record;
  size_t packed[deepest], state[deepest];  // start of a layer in packed weights and in h0, hn
  size_t h[deepest], c[deepest], kept[deepest], projected[deepest], input[deepest], total;

  RowWorkspace(const Forward<typename C::Element>& call, bool whole,
               typename C::Element* memory = nullptr)
      : chunk(row_chunk_steps(call.time)), whole(whole || call.record), record(call.record) {
    Ruler<typename C::Element> ruler{memory};
    const size_t steps = this->whole ? call.time : chunk, time = call.time;
    size_t weights = 0, states = 0;
    for_layers<C>(call.stack, [&](int l, const Layer<C>& layer) {
      packed[l] = weights;
      state[l] = states;
      weights += layer.packed();
      states += layer.units;
      h[l] = ruler.take((steps + 1) * layer.padded);
      c[l] = ruler.take((C::has_cell ? record ? time + 1 : 1 : 0) * layer.padded);
      kept[l] = ruler.take(record ? time * layer.kept() : 0);
      projected[l] = ruler.take(size_t(chunk) * layer.blocks * C::x_count * layer.L);
      input[l] = ruler.take(l && call.dropout.probability > 0 ? size_t(chunk) * layer.input : 0);
    });
    total = ruler.used;
  }
};

ROLLCAST_INLINE void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// The steps of the one row.
template <class T>
inline int row_time(const Forward<T>& call) {
  return call.lengths ? call.lengths[0] : call.time;
}

}  // namespace rollcast::ROLLCAST_ROW
