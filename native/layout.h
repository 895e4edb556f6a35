// Where everything lies in the packed weights and in a slice's workspace. Units are padded to whole
// vectors: a padded unit has zero weights, so its states and gradients stay zero.
#pragma once
#include "engine.h"
#include "gemm.h"

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __asan_poison_memory_region(const volatile void*, size_t);
#endif

namespace rollcast::ROLLCAST_ROW {

// Rows a power of two apart fall on the same few places of a cache; a cache line more spreads them.
template <class T>
constexpr int spread(int count) {
  constexpr int line = 64 / int(sizeof(T));
  return count % (8 * line) ? count : count + line;
}

// A cell whose sums go to memory and whose maths then runs over whole rows of a layer: by_row.h.
template <class C>
concept ByRow = C::by_row;

// States of a unit besides h; a row holds them one after the other, each with the units padded.
template <class C>
constexpr int cell_states = [] {
  if constexpr (ByRow<C>) return C::cells;
  else return C::has_cell ? 1 : 0;
}();

// One layer of cell C as the kernels see it.
template <class C>
struct Layer {
  typedef typename C::Element T;
  static constexpr int L = lanes<T>;
  // h has `width` numbers in rows of `padded`, which has room for all blocks; the widths of input and
  // h, in vectors.
  int input, units, projection, width, blocks, padded, input_vectors, width_vectors;
  int reach;  // steps back to the state before

  Layer(const Stack& stack, int index)
      : input(index > 0 ? stack.width(index - 1) : stack.sizes[0]),
        units(stack.sizes[index + 1]),
        projection(stack.projection),
        width(stack.width(index)),
        blocks((units + L - 1) / L),
        padded(spread<T>(blocks * L)),
        input_vectors((input + L - 1) / L),
        width_vectors((width + L - 1) / L),
        reach(stack.reach(index)) {}

  size_t weights() const {
    return size_t(C::gates) * units * (input + width + 2) + size_t(projection) * units;
  }
  // Packed for forward, and the gradient in the same form: per group of blocks the x-part [input],
  // the h-part [width] and the biases, each of panels side by side; then the projection [units].
  size_t block_size() const {
    return (size_t(input) * C::x_count + size_t(width) * C::h_count + C::panels) * L;
  }
  size_t cell_packed() const { return blocks * block_size(); }
  size_t packed() const { return cell_packed() + (projection ? size_t(units) * width_vectors * L : 0); }
  // Packed for backward: the h-part, the projection, the x-part.
  size_t h_back() const { return size_t(blocks) * C::h_count * width_vectors * L * L; }
  size_t projection_back() const { return size_t(projection) * blocks * L; }
  size_t x_back() const { return size_t(blocks) * C::x_count * input_vectors * L * L; }
  int kept() const { return blocks * C::saved * L; }     // gate values of a row and step
  int slopes() const { return blocks * C::panels * L; }  // gate gradients of a row and step
};

// A group is as many blocks as give a tile four panels.
template <class C>
constexpr int group_blocks = 4 / C::panels;

// Gate gradients of many rows, `row` apart, a block's panels side by side and its blocks `block` apart.
// The rows of a block that fills a tile follow each other, so that what a product or a weight gradient
// reads at once lies close together.
template <class C>
struct Slopes {
  typedef typename C::Element T;
  T* at;  // of the first row; null: there are none
  ptrdiff_t row, block;

  static constexpr bool by_block = group_blocks<C> == 1;
  // Of so many rows in all.
  Slopes(const Layer<C>& layer, T* memory, ptrdiff_t rows) : at(memory) {
    constexpr int panels = C::panels * Layer<C>::L;
    row = by_block ? panels : layer.slopes();
    block = by_block ? rows * panels : panels;
  }
  Slopes() : at(nullptr), row(0), block(0) {}

  Slopes from(ptrdiff_t rows) const {
    Slopes later = *this;
    later.at += rows * row;
    return later;
  }
  // f of the stretches that hold some rows.
  template <class F>
  void each(const Layer<C>& layer, ptrdiff_t first, ptrdiff_t rows, F f) const {
    const int stretches = by_block ? layer.blocks : 1;
    for (int b = 0; b < stretches; ++b) f(at + first * row + b * block, size_t(rows) * row);
  }
  void clear(const Layer<C>& layer, ptrdiff_t first, ptrdiff_t rows) const {
    each(layer, first, rows, [](T* p, size_t count) { zero(p, count); });
  }
  // The first rows again behind the first `after`.
  void repeat(const Layer<C>& layer, ptrdiff_t after, ptrdiff_t rows) const {
    each(layer, 0, rows, [&](T* p, size_t count) {
      __builtin_memmove(p + after * row, p, count * sizeof(T));
    });
  }
  // The part that a product of h (or x) reaches, as its left-hand side.
  Rows<T> rows(const Layer<C>& layer, int first, int count) const {
    if (count == C::panels && !by_block) return plain_rows<T>(at, row, layer.slopes());
    return {at + first * layer.L, row, layer.blocks, count * layer.L, block};
  }
};

template <class C, class F>
ROLLCAST_INLINE void for_layers(const Stack& stack, F f) {
  for (int l = 0; l < stack.layers; ++l) f(l, Layer<C>(stack, l));
}

// Hands out consecutive stretches, each on a 64-byte boundary. Under the address sanitizer a gap
// follows each, which nobody may touch, so that a stretch cannot run over into the next unseen.
template <class T>
struct Ruler {
  T* memory;  // that is measured out, or null while only the size is asked
  size_t used = 0;
  size_t take(size_t count) {
    const size_t at = used;
    used += (count + 15) / 16 * 16;
#if defined(__SANITIZE_ADDRESS__)
    used += 16;
    if (memory) __asan_poison_memory_region(memory + at + count, (used - at - count) * sizeof(T));
#endif
    return at;
  }
};

// Steps done for one layer before the next layer follows: enough rows to amortise a panel's way
// into the cache, few enough that the chunk stays there.
inline int chunk_steps(int rows, int time) {
  return larger(1, smaller(time, (96 + rows - 1) / rows));
}

constexpr int deepest = 64;  // layers of a stack; checked at the door

// The workspace of a slice: a window of steps, and the states before every window but the last. A full
// recording is one window of all steps; without recording the window is a chunk, and c, gates and
// unprojected outputs are those of one step.
template <class C>
struct Workspace {
  int chunk, steps, windows;
  bool record, closed_loop;
  size_t h[deepest], c[deepest], kept[deepest], raw[deepest];
  size_t given[deepest], cells_before;  // h with what was read added; c before a step of zoneout
  size_t saved, states;  // the saved states, and how many numbers they are before one window
  size_t input, own;     // gathered rows of a chunk; a closed loop's input, of all steps if recorded
  size_t sums;           // by_row.h: of a chunk
  size_t total;

  Workspace(const Forward<typename C::Element>& call, int rows,
            typename C::Element* memory = nullptr, bool closed_loop = false)
      : chunk(chunk_steps(rows, call.time)),
        steps(window(call, chunk)),
        windows(call.record ? (call.time + steps - 1) / steps : 1),
        record(call.record),
        closed_loop(closed_loop),
        states(0) {
    Ruler<typename C::Element> ruler{memory};
    int widest = 0, most = 0, largest = 0;
    const Stack& stack = call.stack;
    for_layers<C>(call.stack, [&](int l, const Layer<C>& layer) {
      const size_t plane = size_t(rows) * layer.padded, recorded = call.record ? steps : 0;
      h[l] = ruler.take((steps + layer.reach) * plane);
      c[l] = ruler.take((recorded + layer.reach) * plane * cell_states<C>);
      kept[l] = ruler.take(recorded * rows * layer.kept());
      raw[l] = ruler.take(layer.projection || stack.zoneout > 0 ? (call.record ? recorded : 1) * plane : 0);
      given[l] = ruler.take(stack.adds_input(l) ? steps * plane : 0);
      states += (1 + cell_states<C>) * plane * layer.reach;
      largest = larger(largest, int(plane) * cell_states<C>);
      widest = larger(widest, layer.input);
      most = larger(most, layer.slopes());
    });
    saved = ruler.take(size_t(windows - 1) * states);
    input = ruler.take(size_t(chunk) * rows * widest);
    const size_t fed = closed_loop ? (call.record ? call.time : chunk) : 0;
    own = ruler.take(fed * rows * call.stack.sizes[0]);
    sums = ruler.take(ByRow<C> ? size_t(chunk) * rows * most : 0);
    cells_before = ruler.take(stack.zoneout > 0 ? largest : 0);
    total = ruler.used;
  }

  // What a layer gives on of a step, in rows of `padded`.
  size_t output(const Stack& stack, int l, const Layer<C>& layer, int rows, int step) const {
    const size_t plane = size_t(rows) * layer.padded;
    return stack.adds_input(l) ? given[l] + (step - base(step)) * plane
                               : h[l] + (step - base(step) + layer.reach) * plane;
  }

  // The step that lies first in the window around a step.
  int base(int step) const { return step / steps * steps; }

  size_t own_step(int step) const { return record ? step : step % chunk; }

  // Steps in memory at once. With recomputing, whole chunks, so that gradients are summed up just as
  // without, and as many as make window and saved states together small: for `all` numbers of a step
  // and `state` of its states, S all + time / S state is least at S = √(time state / all).
  static int window(const Forward<typename C::Element>& call, int chunk) {
    if (!call.record) return chunk;
    if (!call.recompute) return call.time;
    const double state = 1 + cell_states<C>;
    const double all = state + C::saved + (call.stack.projection ? 1 : 0);
    const double best = __builtin_sqrt(call.time * state / all);
    return smaller(call.time, int(best / chunk + 1) * chunk);
  }
};

// What backward needs besides: the gradient first, where `collect` finds it.
template <class C>
struct Scratch {
  size_t weights, gradient, sum, slopes[deepest], carry[deepest], projected[deepest];
  size_t stayed[deepest];  // zoneout: what goes straight to the h before; room for a plane of c
  size_t incoming, skipped, input, total;
  int chunk, rows;

  // `more` numbers of gradient follow those of the stack.
  Scratch(const Stack& stack, int time, int rows, typename C::Element* memory = nullptr,
          size_t more = 0)
      : weights(more), chunk(chunk_steps(rows, time)), rows(rows) {
    Ruler<typename C::Element> ruler{memory};
    int widest = 0;
    for_layers<C>(stack, [&](int, const Layer<C>& layer) {
      weights += layer.packed();
      widest = larger(widest, larger(layer.padded, layer.input_vectors * layer.L));
    });
    gradient = ruler.take(weights);
    sum = ruler.take(weights);
    for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
      const size_t planes = size_t(rows) * layer.reach;
      slopes[l] = ruler.take((size_t(chunk) * rows + planes) * layer.slopes());
      carry[l] = ruler.take(planes * layer.padded * larger(1, cell_states<C>));
      stayed[l] = ruler.take(stack.zoneout > 0 ? (planes + rows) * layer.padded : 0);
      projected[l] =
          ruler.take(layer.projection ? size_t(chunk) * rows * layer.width_vectors * layer.L : 0);
    });
    incoming = ruler.take(size_t(chunk) * rows * widest);
    skipped = ruler.take(stack.residual ? size_t(chunk) * rows * widest : 0);
    input = ruler.take(size_t(chunk) * rows * widest);
    total = ruler.used;
  }

  // The gate gradients of a layer from some step of the chunk on.
  Slopes<C> slopes_at(int l, const Layer<C>& layer, typename C::Element* scratch, int step) const {
    return Slopes<C>(layer, scratch + slopes[l], ptrdiff_t(chunk + layer.reach) * rows)
        .from(ptrdiff_t(step) * rows);
  }
};

}  // namespace rollcast::ROLLCAST_ROW
