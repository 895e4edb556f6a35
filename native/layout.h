// Where everything lies in the packed weights and in a slice's workspace. Units are padded to whole
// vectors: a padded unit has zero weights, so its states and gradients stay zero.
#pragma once
#include "engine.h"
#include "gemm.h"

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __asan_poison_memory_region(const volatile void*, size_t);
#endif

namespace rollcast::ROLLCAST_ROW {

// One layer of cell C as the kernels see it.
template <class C>
struct Layer {
  typedef typename C::Element T;
  static constexpr int L = lanes<T>;
  int input, units, blocks, padded;

  Layer(const Stack& stack, int index)
      : input(stack.sizes[index]),
        units(stack.sizes[index + 1]),
        blocks((units + L - 1) / L),
        padded(blocks * L) {}

  size_t weights() const { return size_t(C::gates) * units * (input + units + 2); }
  // Packed for forward, and the gradient in the same form: per group of blocks the x-part [input],
  // the h-part [units] and the biases, each of panels side by side.
  size_t block_size() const {
    return (size_t(input) * C::x_count + size_t(units) * C::h_count + C::panels) * L;
  }
  size_t packed() const { return blocks * block_size(); }
  int kept() const { return blocks * C::saved * L; }     // gate values of a row and step
  int slopes() const { return blocks * C::panels * L; }  // gate gradients of a row and step
};

// A group is as many blocks as give a tile four panels.
template <class C>
constexpr int group_blocks = 4 / C::panels;

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

// The workspace of a slice. With recording every step is kept, without only a chunk.
template <class C>
struct Workspace {
  int chunk, steps;
  size_t h[deepest], c[deepest], kept[deepest], input, total;

  Workspace(const Stack& stack, int time, int rows, bool record,
            typename C::Element* memory = nullptr)
      : chunk(chunk_steps(rows, time)), steps(record ? time : chunk) {
    Ruler<typename C::Element> ruler{memory};
    int widest = 0;
    for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
      h[l] = ruler.take(size_t(steps + 1) * rows * layer.padded);
      const int cells = C::has_cell ? (record ? time + 1 : 1) : 0;
      c[l] = ruler.take(size_t(cells) * rows * layer.padded);
      kept[l] = ruler.take(record ? size_t(time) * rows * layer.kept() : 0);
      widest = larger(widest, layer.input);
    });
    input = ruler.take(size_t(chunk) * rows * widest);
    total = ruler.used;
  }
};

// What backward needs besides: the gradient first, where `collect` finds it.
template <class C>
struct Scratch {
  size_t gradient, sum, slopes[deepest], carry[deepest], incoming, input, total;

  Scratch(const Stack& stack, int time, int rows, typename C::Element* memory = nullptr) {
    const int chunk = chunk_steps(rows, time);
    Ruler<typename C::Element> ruler{memory};
    size_t weights = 0;
    int widest = 0;
    for_layers<C>(stack, [&](int, const Layer<C>& layer) {
      weights += layer.packed();
      const int padded_input = (layer.input + layer.L - 1) / layer.L * layer.L;
      widest = larger(widest, larger(layer.padded, padded_input));
    });
    gradient = ruler.take(weights);
    sum = ruler.take(weights);
    for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
      slopes[l] = ruler.take(size_t(chunk + 1) * rows * layer.slopes());
      carry[l] = ruler.take(size_t(rows) * layer.padded);
    });
    incoming = ruler.take(size_t(chunk) * rows * widest);
    input = ruler.take(size_t(chunk) * rows * widest);
    total = ruler.used;
  }
};

}  // namespace rollcast::ROLLCAST_ROW
