// PyTorch's flat weights into panels, and packed gradients back.
#pragma once
#include "layout.h"

namespace rollcast::ROLLCAST_ROW {

// Visits every packed number with a weight behind it: f(packed index, flat index, part), part 0 for
// weights, 1 and 2 for the biases of x and of h, which share a sum where both reach it.
template <class C, class F>
inline void for_packed(const Layer<C>& layer, F f) {
  constexpr int L = Layer<C>::L;
  const size_t gate_rows = size_t(C::gates) * layer.units;
  const size_t flat_h = gate_rows * layer.input, flat_bias = flat_h + gate_rows * layer.width;
  size_t at = 0;
  vector_groups<group_blocks<C>>(layer.blocks, [&](int block, auto group) {
    constexpr int N = decltype(group)::value;
    const size_t x_part = at, h_part = x_part + size_t(layer.input) * N * C::x_count * L;
    const size_t bias_part = h_part + size_t(layer.width) * N * C::h_count * L;
    at = bias_part + N * C::panels * L;
    for (int n = 0; n < N; ++n) {
      const int first = (block + n) * L, held = smaller(L, layer.units - first);
      for (int p = 0; p < C::x_count; ++p)
        for (int j = 0; j < held; ++j) {
          const size_t row = size_t(C::x_gates[p]) * layer.units + first + j;
          for (int k = 0; k < layer.input; ++k)
            f(x_part + (size_t(k) * N * C::x_count + n * C::x_count + p) * L + j,
              row * layer.input + k, 0);
          f(bias_part + (n * C::panels + C::x_first + p) * L + j, flat_bias + row, 1);
        }
      for (int p = 0; p < C::h_count; ++p)
        for (int j = 0; j < held; ++j) {
          const size_t row = size_t(C::h_gates[p]) * layer.units + first + j;
          for (int k = 0; k < layer.width; ++k)
            f(h_part + (size_t(k) * N * C::h_count + n * C::h_count + p) * L + j,
              flat_h + row * layer.width + k, 0);
          f(bias_part + (n * C::panels + C::h_first + p) * L + j, flat_bias + gate_rows + row, 2);
        }
    }
  });
  if (!layer.projection) return;
  const size_t flat_projection = flat_bias + 2 * gate_rows;
  vector_groups<4>(layer.width_vectors, [&](int v, auto group) {
    const int first = v * L, wide = decltype(group)::value * L;
    const int held = smaller(wide, layer.width - first);
    for (int k = 0; k < layer.units; ++k, at += wide)
      for (int j = 0; j < held; ++j)
        f(at + j, flat_projection + size_t(first + j) * layer.units + k, 0);
  });
}

template <class C>
size_t packed_size(const Stack& stack) {
  size_t total = 0;
  for_layers<C>(stack, [&](int, const Layer<C>& layer) { total += layer.packed(); });
  return total;
}

template <class C>
void pack(const Stack& stack, const typename C::Element* weights, typename C::Element* packed) {
  for_layers<C>(stack, [&](int, const Layer<C>& layer) {
    zero(packed, layer.packed());
    for_packed(layer, [&](size_t at, size_t from, int part) {
      packed[at] = part ? packed[at] + weights[from] : weights[from];
    });
    packed += layer.packed();
    weights += layer.weights();
  });
}

// For backward: per layer the h-part as (slopes, width), the projection as (width, units) and, where
// somebody needs the gradient of the input, the x-part as (slopes, input).
template <class C>
size_t packed_backward_size(const Stack& stack, bool need_x) {
  size_t total = 0;
  for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
    total += layer.h_back() + layer.projection_back();
    if (l > 0 || need_x) total += layer.x_back();
  });
  return total;
}

template <class C>
void pack_backward(const Stack& stack, const typename C::Element* weights, bool need_x,
                   typename C::Element* packed) {
  typedef typename C::Element T;
  for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
    constexpr int L = Layer<C>::L;
    // Slopes run over blocks of units, then panels, then lanes.
    auto part = [&](const T* matrix, int width, int count, const int* gates) {
      const int depth = layer.blocks * count * L;
      pack_columns(depth, width, packed, [&](int k) -> const T* {
        const int unit = k / (count * L) * L + k % L;
        if (unit >= layer.units) return nullptr;
        return matrix + (size_t(gates[k / L % count]) * layer.units + unit) * width;
      });
      packed += size_t(depth) * ((width + L - 1) / L * L);
    };
    const T* weight_hh = weights + size_t(C::gates) * layer.units * layer.input;
    part(weight_hh, layer.width, C::h_count, C::h_gates);
    const T* weight_hr = weight_hh + size_t(C::gates) * layer.units * (layer.width + 2);
    pack_columns(layer.projection, layer.units, packed,
                 [&](int k) { return weight_hr + size_t(k) * layer.units; });
    packed += layer.projection_back();
    if (l > 0 || need_x) part(weights, layer.input, C::x_count, C::x_gates);
    weights += layer.weights();
  });
}

template <class C>
void collect(const Stack& stack, typename C::Element* const* scratch, int slices,
             typename C::Element* gradient) {
  typedef typename C::Element T;
  const size_t total = packed_size<C>(stack);
  T* packed = scratch[0];
  for (int s = 1; s < slices; ++s)
    for (size_t i = 0; i < total; ++i) packed[i] += scratch[s][i];
  for_layers<C>(stack, [&](int, const Layer<C>& layer) {
    for_packed(layer, [&](size_t at, size_t to, int) { gradient[to] = packed[at]; });
    packed += layer.packed();
    gradient += layer.weights();
  });
}

}  // namespace rollcast::ROLLCAST_ROW
