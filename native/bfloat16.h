// Inference with products in bfloat16: weights, inputs and h are rounded to 8 bits of mantissa for the
// products alone; sums, gates and states stay float32. Two units of a processor do that: tiles (AMX,
// 16 rows by 16 units by 32 deep at once) and pairs (AVX512-BF16, two terms of a sum at once).
#pragma once
#include "forward.h"

namespace rollcast::ROLLCAST_ROW {

constexpr int tile_side = 16, tile_depth = 32;

inline int deep(int width) { return (width + tile_depth - 1) / tile_depth * tile_depth; }

// Round to nearest, ties to even; NaN stays NaN.
inline uint16_t to_bfloat16(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  if ((bits & 0x7fffffff) > 0x7f800000) return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// A row of `width` numbers, filled up with zeros to a depth that tiles divide.
inline void to_bfloat16(const float* from, int width, uint16_t* to) {
  typedef uint32_t Wide __attribute__((vector_size(64)));
  typedef uint16_t Narrow __attribute__((vector_size(32), aligned(2), may_alias));
  typedef uint32_t Loose __attribute__((vector_size(64), aligned(4), may_alias));
  int k = 0;
  for (; k + 16 <= width; k += 16) {
    const Wide bits = *reinterpret_cast<const Loose*>(from + k);
    const Wide rounded = bits + 0x7fff + (bits >> 16 & 1);
    const Wide chosen = (bits & 0x7fffffff) > 0x7f800000 ? (bits | 0x400000) : rounded;
    *reinterpret_cast<Narrow*>(to + k) = __builtin_convertvector(chosen >> 16, Narrow);
  }
  for (; k < width; ++k) to[k] = to_bfloat16(from[k]);
  for (; k < deep(width); ++k) to[k] = 0;
}

// A block of 16 units: for every panel that x reaches the pairs [deep(input) / 2][unit][2], then for
// every panel that h reaches, then the float32 biases. Counted in floats, a pair being as long as one.
template <class C>
struct Bfloat16Layer {
  int x_depth, h_depth;

  explicit Bfloat16Layer(const Layer<C>& layer)
      : x_depth(deep(layer.input)), h_depth(deep(layer.units)) {}
  int depth() const { return x_depth + h_depth; }
  size_t x_panel() const { return size_t(x_depth) / 2 * tile_side; }
  size_t h_panel() const { return size_t(h_depth) / 2 * tile_side; }
  size_t bias() const { return x_panel() * C::x_count + h_panel() * C::h_count; }
  size_t block_size() const { return bias() + size_t(C::panels) * tile_side; }
};

template <class C>
size_t bfloat16_packed_size(const Stack& stack) {
  size_t total = 0;
  for_layers<C>(stack, [&](int, const Layer<C>& layer) {
    total += layer.blocks * Bfloat16Layer<C>(layer).block_size();
  });
  return total;
}

template <class C>
void pack_bfloat16(const Stack& stack, const float* weights, float* packed) {
  for_layers<C>(stack, [&](int, const Layer<C>& layer) {
    const Bfloat16Layer<C> half(layer);
    const size_t gate_rows = size_t(C::gates) * layer.units;
    const float* weight_hh = weights + gate_rows * layer.input;
    const float* bias = weight_hh + gate_rows * layer.units;
    zero(packed, layer.blocks * half.block_size());
    for (int block = 0; block < layer.blocks; ++block, packed += half.block_size()) {
      const int held = smaller(tile_side, layer.units - block * tile_side);
      auto part = [&](const float* matrix, int width, size_t start, size_t panel, int count,
                      const int* gates, int first, const float* biases) {
        for (int p = 0; p < count; ++p)
          for (int j = 0; j < held; ++j) {
            const size_t row = size_t(gates[p]) * layer.units + block * tile_side + j;
            uint16_t* to = reinterpret_cast<uint16_t*>(packed + start + p * panel);
            for (int k = 0; k < width; ++k)
              to[(k / 2 * tile_side + j) * 2 + k % 2] = to_bfloat16(matrix[row * width + k]);
            packed[half.bias() + (first + p) * tile_side + j] += biases[row];
          }
      };
      part(weights, layer.input, 0, half.x_panel(), C::x_count, C::x_gates, C::x_first, bias);
      part(weight_hh, layer.units, half.x_panel() * C::x_count, half.h_panel(), C::h_count,
           C::h_gates, C::h_first, bias + gate_rows);
    }
    weights += layer.weights();
  });
}

// Rows in bfloat16 and the sums of a group of blocks; behind the workspace of a slice.
template <class C>
size_t bfloat16_scratch_size(const Stack& stack, int rows) {
  int depth = 0;
  for_layers<C>(stack, [&](int, const Layer<C>& layer) {
    depth = larger(depth, Bfloat16Layer<C>(layer).depth());
  });
  const int padded = (rows + tile_side - 1) / tile_side * tile_side;
  return size_t(padded) * depth / 2 + 4 * tile_side * tile_side;
}

// sums[tile] = rows x panel for up to four tiles of 16 rows by 16 units. A tile's panel is reached by x,
// by h or by both; `x_panels[tile]`, `h_panels[tile]` are null where it is not.
struct TileProduct {
  const uint16_t* rows;  // 16 rows, `stride` numbers apart: x_depth of x, then h_depth of h
  int stride, x_depth, h_depth, tiles, count;  // count: rows that matter
  const float *x_panels[4], *h_panels[4];
  float* sums;
};

#define ROLLCAST_TILE_STEP(tile, panel)                                                   \
  case tile:                                                                              \
    asm volatile("tileloadd (%0,%1,1), %%tmm" #panel "\n\ttdpbf16ps %%tmm" #panel         \
                 ", %%tmm4, %%tmm" #tile ::"r"(from), "r"(wide) : "memory");              \
    break;
#define ROLLCAST_TILE_STORE(tile)                                                         \
  asm volatile("tilestored %%tmm" #tile ", (%0,%1,1)" ::"r"(a.sums + tile * 256), "r"(wide) \
               : "memory");

inline void multiply_tiles(const TileProduct& a) {
  const long wide = tile_side * 4, stride = a.stride * 2l;
  asm volatile("tilezero %tmm0\n\ttilezero %tmm1\n\ttilezero %tmm2\n\ttilezero %tmm3");
  auto part = [&](const uint16_t* rows, int depth, const float* const* panels) {
    for (int k = 0; k < depth; k += tile_depth) {
      asm volatile("tileloadd (%0,%1,1), %%tmm4" ::"r"(rows + k), "r"(stride) : "memory");
      for (int t = 0; t < a.tiles; ++t) {
        if (!panels[t]) continue;
        const float* from = panels[t] + size_t(k) / 2 * tile_side;
        switch (t) {
          ROLLCAST_TILE_STEP(0, 5)
          ROLLCAST_TILE_STEP(1, 6)
          ROLLCAST_TILE_STEP(2, 7)
          ROLLCAST_TILE_STEP(3, 5)
        }
      }
    }
  };
  part(a.rows, a.x_depth, a.x_panels);
  part(a.rows + a.x_depth, a.h_depth, a.h_panels);
  ROLLCAST_TILE_STORE(0)
  ROLLCAST_TILE_STORE(1)
  ROLLCAST_TILE_STORE(2)
  ROLLCAST_TILE_STORE(3)
}

#undef ROLLCAST_TILE_STEP
#undef ROLLCAST_TILE_STORE

template <int R>
__attribute__((noinline)) void multiply_pairs(const TileProduct& a, int first) {
  for (int t = 0; t < a.tiles; ++t) {
    Vec<float> sums[R] = {};
    auto part = [&](const uint16_t* rows, int depth, const float* panel) {
      if (!panel) return;
      for (int k = 0; k < depth; k += 2, panel += tile_side) {
        const Vec<float> pairs = load(panel);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          float pair;
          __builtin_memcpy(&pair, rows + ptrdiff_t(first + r) * a.stride + k, 4);
          const Vec<float> both = fill<float>(pair);
          asm("vdpbf16ps %2, %1, %0" : "+v"(sums[r]) : "v"(pairs), "v"(both));
        }
      }
    };
    part(a.rows, a.x_depth, a.x_panels[t]);
    part(a.rows + a.x_depth, a.h_depth, a.h_panels[t]);
    for (int r = 0; r < R; ++r) store(a.sums + t * 256 + (first + r) * tile_side, sums[r]);
  }
}

// The configuration of a thread's tiles while it is at work: eight tiles of 16 rows of 64 bytes.
class TilesInUse {
  bool used_;

 public:
  explicit TilesInUse(bool used) : used_(used) {
    if (!used) return;
    struct {
      uint8_t palette = 1, start = 0, reserved[14] = {};
      uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } configuration;
    asm volatile("ldtilecfg %0" ::"m"(configuration));
  }
  ~TilesInUse() {
    if (used_) asm volatile("tilerelease");
  }
  TilesInUse(const TilesInUse&) = delete;
};

// See PlainProducts in forward.h. `behind`: the memory beyond a slice's plan.
template <class C>
struct Bfloat16Products {
  bool tiles;
  float* scratch;
  TilesInUse in_use;

  Bfloat16Products(const Forward<float>& call, float* behind)
      : tiles(call.products == Products::bfloat16_tiles), scratch(behind), in_use(tiles) {}

  static size_t packed(const Layer<C>& layer) {
    return layer.blocks * Bfloat16Layer<C>(layer).block_size();
  }

  void layer_step(const Layer<C>& layer, const StepTile<float>& a, const float* packed,
                  int rows) const {
    const Bfloat16Layer<C> half(layer);
    const int padded = (rows + tile_side - 1) / tile_side * tile_side, depth = half.depth();
    float* sums = scratch;
    uint16_t* left = reinterpret_cast<uint16_t*>(scratch + 4 * tile_side * tile_side);
    for (int r = 0; r < rows; ++r) {
      to_bfloat16(a.x + r * a.x_stride, layer.input, left + ptrdiff_t(r) * depth);
      to_bfloat16(a.h + ptrdiff_t(r) * layer.padded, layer.units,
                  left + ptrdiff_t(r) * depth + half.x_depth);
    }
    zero(reinterpret_cast<float*>(left + ptrdiff_t(rows) * depth),
         size_t(padded - rows) * depth / 2);
    vector_groups<group_blocks<C>>(layer.blocks, [&](int block, auto group) {
      constexpr int N = decltype(group)::value;
      TileProduct product = {left, depth, half.x_depth, half.h_depth, N * C::panels, 0, {}, {}, sums};
      for (int n = 0; n < N; ++n) {
        const float* at = packed + (block + n) * half.block_size();
        for (int p = 0; p < C::x_count; ++p)
          product.x_panels[n * C::panels + C::x_first + p] = at + p * half.x_panel();
        at += half.x_panel() * C::x_count;
        for (int p = 0; p < C::h_count; ++p)
          product.h_panels[n * C::panels + C::h_first + p] = at + p * half.h_panel();
      }
      for (int first = 0; first < rows; first += tile_side) {
        product.rows = left + ptrdiff_t(first) * depth;
        product.count = smaller(tile_side, rows - first);
        if (tiles) multiply_tiles(product);
        else row_blocks<8>(product.count, [&](int r, auto count) {
            multiply_pairs<decltype(count)::value>(product, r);
          });
        for (int n = 0; n < N; ++n)
          gates(layer, a, packed + (block + n) * half.block_size() + half.bias(),
                sums + n * C::panels * 256, first, product.count, (block + n) * tile_side);
      }
    });
  }

 private:
  static void gates(const Layer<C>& layer, const StepTile<float>& a, const float* bias,
                    const float* sums, int first, int rows, int unit) {
    const StepTile<float> tile = a;  // see step_tile
    const ptrdiff_t stride = layer.padded;
    auto some = [&](int r, auto count) {
      constexpr int M = decltype(count)::value;
      Several<float, M> z[C::panels], h, c = {}, c_before = {}, kept[C::saved + 1];
      auto at = [&](int i) { return (first + r + i) * stride + unit; };
#pragma GCC unroll 4
      for (int p = 0; p < C::panels; ++p)
        z[p] = several<float, M>([&](int i) {
          return load(sums + p * 256 + (r + i) * tile_side) + load(bias + p * tile_side);
        });
      if constexpr (C::has_cell)
        c_before = several<float, M>([&](int i) { return tile.c_before + at(i); });
      C::forward(z, several<float, M>([&](int i) { return tile.h + at(i); }), c_before, h, c, kept);
      store(h, [&](int i) { return tile.h_out + at(i); });
      if constexpr (C::has_cell) store(c, [&](int i) { return tile.c_out + at(i); });
    };
    int r = 0;
    for (; r + side_by_side <= rows; r += side_by_side) some(r, Fixed<side_by_side>{});
    for (; r < rows; ++r) some(r, Fixed<1>{});
  }
};

}  // namespace rollcast::ROLLCAST_ROW
