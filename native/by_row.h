// Cells whose sums go to memory and whose maths then runs over whole rows of a layer: those that need
// all units at once (layer normalisation), have weights besides the matrices (peepholes), more states
// (sLSTM) or no product of h (minGRU, minLSTM). Such a cell declares
//   panels, x_first …  sums of a unit and what reaches them, as in README.md
//   bias_in_sums       whether sums begin with their biases, or the cell adds them itself
//   vectors, cells     weights and states of a unit besides
//   saved, row_saved   numbers kept for backward: of each unit, of each row
//   whole              its maths takes a row (Row, RowBack); otherwise vectors of units (Several)
// A panel of all units is `wide` numbers; in sums, gates kept and slopes a row holds panel after panel.
#pragma once
#include "layout.h"

namespace rollcast::ROLLCAST_ROW {

template <ByRow C>
struct Layer<C> {
  typedef typename C::Element T;
  static constexpr int L = lanes<T>;
  static constexpr int projection = 0;
  int input, units, width, blocks, wide, padded, input_vectors, width_vectors, reach;

  Layer(const Stack& stack, int index)
      : input(index > 0 ? stack.width(index - 1) : stack.sizes[0]),
        units(stack.sizes[index + 1]),
        width(units),
        blocks((units + L - 1) / L),
        wide(blocks * L),
        padded(spread<T>(wide)),
        input_vectors((input + L - 1) / L),
        width_vectors(blocks),
        reach(stack.reach(index)),
        weights_(stack.weights(index)) {}

  size_t weights() const { return weights_; }
  // Packed for forward, and the gradient in the same form: the x-part and the h-part as `product` wants
  // them, biases of all panels, vectors.
  size_t h_start() const { return size_t(input) * C::x_count * wide; }
  size_t bias_start() const { return h_start() + size_t(width) * C::h_count * wide; }
  size_t vector_start() const { return bias_start() + size_t(C::panels) * wide; }
  size_t packed() const { return vector_start() + size_t(C::vectors) * wide; }
  size_t cell_packed() const { return packed(); }
  // Packed for backward: the h-part, the x-part.
  size_t h_back() const { return size_t(C::h_count) * wide * width_vectors * L; }
  size_t projection_back() const { return 0; }
  size_t x_back() const { return size_t(C::x_count) * wide * input_vectors * L; }
  int kept() const { return C::saved * wide + (C::row_saved + L - 1) / L * L; }
  int slopes() const { return spread<T>(C::panels * wide); }

 private:
  size_t weights_;
};

template <ByRow C>
struct Slopes<C> {
  typedef typename C::Element T;
  T* at;  // of the first row; null: there are none
  ptrdiff_t row;

  Slopes(const Layer<C>& layer, T* memory, ptrdiff_t) : at(memory), row(layer.slopes()) {}
  Slopes() : at(nullptr), row(0) {}

  Slopes from(ptrdiff_t rows) const {
    Slopes later = *this;
    later.at += rows * row;
    return later;
  }
  void clear(const Layer<C>&, ptrdiff_t first, ptrdiff_t rows) const {
    zero(at + first * row, size_t(rows) * row);
  }
  void repeat(const Layer<C>&, ptrdiff_t after, ptrdiff_t rows) const {
    __builtin_memmove(at + after * row, at, size_t(rows) * row * sizeof(T));
  }
  Rows<T> rows(const Layer<C>& layer, int first, int count) const {
    return plain_rows<T>(at + first * layer.wide, row, count * layer.wide);
  }
};

// As for_packed in pack.h.
template <ByRow C, class F>
inline void for_packed(const Layer<C>& layer, F f) {
  constexpr int L = Layer<C>::L;
  const size_t gate_rows = size_t(C::gates) * layer.units;
  const size_t flat_h = gate_rows * layer.input;
  const size_t flat_bias = flat_h + (C::h_count ? gate_rows * layer.width : 0);
  size_t at = 0;
  auto matrix = [&](int count, const int* gates, size_t flat, int depth) {
    vector_groups<4>(count * layer.blocks, [&](int v, auto group) {
      constexpr int P = decltype(group)::value;
      for (int column = v * L; column < (v + P) * L; ++column) {
        const int unit = column % layer.wide;
        if (unit >= layer.units) continue;
        const size_t row = size_t(gates[column / layer.wide]) * layer.units + unit;
        for (int k = 0; k < depth; ++k)
          f(at + size_t(k) * P * L + column - v * L, flat + row * depth + k, 0);
      }
      at += size_t(depth) * P * L;
    });
  };
  matrix(C::x_count, C::x_gates, 0, layer.input);
  if constexpr (C::h_count > 0) matrix(C::h_count, C::h_gates, flat_h, layer.width);
  auto bias = [&](int first, int count, const int* gates, size_t flat, int part) {
    for (int p = 0; p < count; ++p)
      for (int u = 0; u < layer.units; ++u)
        f(at + size_t(first + p) * layer.wide + u, flat + size_t(gates[p]) * layer.units + u, part);
  };
  bias(C::x_first, C::x_count, C::x_gates, flat_bias, 1);
  if constexpr (C::h_count > 0)
    bias(C::h_first, C::h_count, C::h_gates, flat_bias + gate_rows, 2);
  const size_t flat_vectors = flat_bias + (C::h_count ? 2 : 1) * gate_rows;
  for (int v = 0; v < C::vectors; ++v)
    for (int u = 0; u < layer.units; ++u)
      f(layer.vector_start() + size_t(v) * layer.wide + u, flat_vectors + size_t(v) * layer.units + u,
        0);
}

// As pack_backward in pack.h; slopes run over panels, then units.
template <ByRow C>
void by_row_pack_backward(const Stack& stack, const typename C::Element* weights, bool need_x,
                          typename C::Element* packed) {
  typedef typename C::Element T;
  for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
    auto part = [&](const T* matrix, int width, int count, const int* gates) {
      pack_columns(count * layer.wide, width, packed, [&](int k) -> const T* {
        const int unit = k % layer.wide;
        if (unit >= layer.units) return nullptr;
        return matrix + (size_t(gates[k / layer.wide]) * layer.units + unit) * width;
      });
    };
    if constexpr (C::h_count > 0)
      part(weights + size_t(C::gates) * layer.units * layer.input, layer.width, C::h_count, C::h_gates);
    packed += layer.h_back();
    if (l > 0 || need_x) {
      part(weights, layer.input, C::x_count, C::x_gates);
      packed += layer.x_back();
    }
    weights += layer.weights();
  });
}

// One row of a cell whose maths takes it whole: panels and vectors `wide` apart, states `padded`.
template <class T>
struct Row {
  int units, wide, padded;
  const T *bias, *vectors, *sums, *h_before, *c_before;
  T *h, *c, *kept;  // kept null: not recording
};

// Of some steps, x's part of the sums; what h alone reaches begins with its bias.
template <ByRow C>
void by_row_inputs(const Layer<C>& layer, const typename C::Element* packed,
                   const typename C::Element* x, ptrdiff_t x_stride, int rows,
                   typename C::Element* sums) {
  typedef typename C::Element T;
  const int wide = layer.wide, stride = layer.slopes();
  const T* bias = C::bias_in_sums ? packed + layer.bias_start() : nullptr;
  product(plain_rows<T>(x, x_stride, layer.input), rows, packed, C::x_count * layer.blocks,
          bias ? bias + C::x_first * wide : nullptr, 0, sums + C::x_first * wide, stride);
  for (int p = 0; p < C::panels; ++p)
    if (p < C::x_first || p >= C::x_first + C::x_count)
      for (int r = 0; r < rows; ++r) {
        T* to = sums + size_t(r) * stride + p * wide;
        if (bias) copy(to, bias + p * wide, wide);
        else zero(to, wide);
      }
}

// One step of all units of some rows.
template <ByRow C>
void by_row_step(const Layer<C>& layer, const typename C::Element* packed, int rows,
                 typename C::Element* sums, const typename C::Element* h_before,
                 const typename C::Element* c_before, typename C::Element* h,
                 typename C::Element* c, typename C::Element* kept) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const int wide = layer.wide, stride = layer.slopes();
  if constexpr (C::h_count > 0) {
    T* part = sums + C::h_first * wide;
    product(plain_rows<T>(h_before, layer.padded, layer.width), rows, packed + layer.h_start(),
            C::h_count * layer.blocks, static_cast<const T*>(part), stride, part, stride);
  }
  const T* vectors = packed + layer.vector_start();
  for (int r = 0; r < rows; ++r) {
    const ptrdiff_t h_at = ptrdiff_t(r) * layer.padded, c_at = h_at * C::cells;
    T* saved = kept ? kept + ptrdiff_t(r) * layer.kept() : nullptr;
    const T* z = sums + ptrdiff_t(r) * stride;
    if constexpr (C::whole) {
      C::forward(Row<T>{layer.units, wide, layer.padded, packed + layer.bias_start(), vectors, z,
                        h_before + h_at, c_before + c_at, h + h_at, c + c_at, saved});
    } else {
      auto some = [&](int at, auto count) {
        constexpr int M = decltype(count)::value;
        Several<T, M> sum[C::panels], weight[C::vectors + 1], states[C::cells + 1], out;
        Several<T, M> values[C::saved];
        auto read = [&](const T* from) {
          return several<T, M>([&](int i) { return from + at + i * L; });
        };
        for (int p = 0; p < C::panels; ++p) sum[p] = read(z + p * wide);
        for (int v = 0; v < C::vectors; ++v) weight[v] = read(vectors + v * wide);
        for (int s = 0; s < C::cells; ++s) states[s] = read(c_before + c_at + s * layer.padded);
        C::forward(sum, read(h_before + h_at), weight, states, out, values);
        store(out, [&](int i) { return h + h_at + at + i * L; });
        for (int s = 0; s < C::cells; ++s)
          store(states[s], [&](int i) { return c + c_at + s * layer.padded + at + i * L; });
        if (saved)
          for (int s = 0; s < C::saved; ++s)
            store(values[s], [&](int i) { return saved + s * wide + at + i * L; });
      };
      int block = 0;
      for (; block + side_by_side <= layer.blocks; block += side_by_side)
        some(block * L, Fixed<side_by_side>{});
      for (; block < layer.blocks; ++block) some(block * L, Fixed<1>{});
    }
  }
}

}  // namespace rollcast::ROLLCAST_ROW
