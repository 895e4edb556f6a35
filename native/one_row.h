// What the time loops of a batch of one row share. One row has no second row to fill the wait for an
// addition, so a tile takes more units at once and splits the sum over the shared dimension.
#pragma once
#include "layout.h"

namespace rollcast::ROLLCAST_ROW {

// Sums that run side by side: two units of latency four need eight, more where registers allow.
constexpr int row_parts(int vectors) {
  const int parts = (registers == 32 ? 16 : 8) / vectors;
  return parts >= 8 ? 8 : parts >= 4 ? 4 : parts >= 2 ? 2 : 1;
}

// sums[map(g, p)] += sum over k of x[k] * w[g * gap + k][p] for G groups of P panels, where panel p of
// every Count feeds sum (g * P + p) / Count * Group + First + p % Count.
template <class T, int G, int P, int Count, int Group, int First>
ROLLCAST_INLINE void row_sums(Vec<T>* sums, const T* w, ptrdiff_t gap, const Rows<T>& x) {
  constexpr int L = lanes<T>, S = row_parts(G * P);
  Vec<T> parts[S][G * P];
#pragma GCC unroll 8
  for (int s = 0; s < S; ++s)
#pragma GCC unroll 8
    for (int p = 0; p < G * P; ++p) parts[s][p] = Vec<T>{};
  const auto add = [&](Vec<T>(&part)[G * P], T number, const T* panels) __attribute__((always_inline)) {
    const Vec<T> a = fill<T>(number);
#pragma GCC unroll 2
    for (int g = 0; g < G; ++g)
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p)
        part[g * P + p] = a * load(panels + g * gap + p * L) + part[g * P + p];
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
#pragma GCC unroll 8
  for (int p = 0; p < G * P; ++p) {
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

// Blocks in tiles of two groups of Widest, then what is left in groups of 4, 2 and 1:
// f(block, groups, blocks of a group). Walking backwards every other step leaves half of a matrix
// that is larger than the first cache where it is needed next.
template <int Widest, class F>
ROLLCAST_INLINE void row_tiles(int blocks, bool backwards, F f) {
  const int pairs = blocks / (2 * Widest), rest = pairs * 2 * Widest;
  for (int i = 0; i < pairs; ++i)
    f((backwards ? pairs - 1 - i : i) * 2 * Widest, Fixed<2>{}, Fixed<Widest>{});
  vector_groups<Widest>(blocks - rest,
                        [&](int block, auto group) { f(rest + block, Fixed<1>{}, group); });
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
