// Weights in the form of lanes.h, and gradients back. They follow the panels of pack.h in the packed
// weights of every stack that may take either path, since packing does not know the batch.
#pragma once
#include "lanes.h"
#include "pack.h"

namespace rollcast::ROLLCAST_ROW {

// As for_packed, for the form of lanes.h.
template <class C, class F>
inline void for_lane_packed(const LaneLayer<C>& layer, F f) {
  const size_t gate_rows = size_t(C::gates) * layer.units;
  const size_t flat_h = gate_rows * layer.input, flat_bias = flat_h + gate_rows * layer.units;
  size_t at = 0;
  vector_groups<group_blocks<C>>(layer.units, [&](int unit, auto group) {
    constexpr int N = decltype(group)::value;
    auto part = [&](size_t flat, int depth, int count, const int* gates) {
      for (int n = 0; n < N; ++n)
        for (int p = 0; p < count; ++p) {
          const size_t row = flat + (size_t(gates[p]) * layer.units + unit + n) * depth;
          for (int k = 0; k < depth; ++k) f(at + (size_t(k) * N + n) * count + p, row + k, 0);
        }
      at += size_t(depth) * N * count;
    };
    part(0, layer.input, C::x_count, C::x_gates);
    part(flat_h, layer.units, C::h_count, C::h_gates);
    for (int n = 0; n < N; ++n, at += C::panels) {
      const size_t bias = flat_bias + unit + n;
      for (int p = 0; p < C::x_count; ++p)
        f(at + C::x_first + p, bias + size_t(C::x_gates[p]) * layer.units, 1);
      for (int p = 0; p < C::h_count; ++p)
        f(at + C::h_first + p, bias + gate_rows + size_t(C::h_gates[p]) * layer.units, 2);
    }
  });
}

// Where the form of lanes.h begins in the packed weights of a stack.
template <class C>
size_t lane_start(const Stack& stack) {
  return unit_form<typename C::Element>(stack) ? packed_size<C>(stack) : 0;
}
template <class C>
size_t lane_start_backward(const Stack& stack, bool need_x) {
  return unit_form<typename C::Element>(stack) ? packed_backward_size<C>(stack, need_x) : 0;
}

template <class C>
size_t lane_packed_size(const Stack& stack) {
  size_t total = 0;
  for_lane_layers<C>(stack, [&](int, const LaneLayer<C>& layer) { total += layer.packed(); });
  return total;
}

template <class C>
void lane_pack(const Stack& stack, const typename C::Element* weights, typename C::Element* packed) {
  for_lane_layers<C>(stack, [&](int, const LaneLayer<C>& layer) {
    zero(packed, layer.packed());
    for_lane_packed(layer, [&](size_t at, size_t from, int part) {
      packed[at] = part ? packed[at] + weights[from] : weights[from];
    });
    packed += layer.packed();
    weights += layer.weights();
  });
}

template <class C>
size_t lane_packed_backward_size(const Stack& stack, bool need_x) {
  size_t total = 0;
  for_lane_layers<C>(stack, [&](int l, const LaneLayer<C>& layer) {
    total += layer.h_back() + (l > 0 || need_x ? layer.x_back() : 0);
  });
  return total;
}

// Per layer the h-part as (slopes, units) and the x-part as (slopes, input), slopes by unit, then
// panel, in groups of 4, 2 and 1 columns.
template <class C>
void lane_pack_backward(const Stack& stack, const typename C::Element* weights, bool need_x,
                        typename C::Element* packed) {
  typedef typename C::Element T;
  for_lane_layers<C>(stack, [&](int l, const LaneLayer<C>& layer) {
    auto part = [&](const T* matrix, int columns, int count, const int* gates) {
      vector_groups<4>(columns, [&](int column, auto group) {
        constexpr int P = decltype(group)::value;
        for (int unit = 0; unit < layer.units; ++unit)
          for (int p = 0; p < count; ++p, packed += P)
            copy(packed, matrix + (size_t(gates[p]) * layer.units + unit) * columns + column, P);
      });
    };
    part(weights + size_t(C::gates) * layer.units * layer.input, layer.units, C::h_count, C::h_gates);
    if (l > 0 || need_x) part(weights, layer.input, C::x_count, C::x_gates);
    weights += layer.weights();
  });
}

template <class C>
void lane_collect(const Stack& stack, typename C::Element* const* scratch, int slices,
                  typename C::Element* gradient) {
  typedef typename C::Element T;
  const size_t total = lane_packed_size<C>(stack);
  T* packed = scratch[0];
  for (int s = 1; s < slices; ++s)
    for (size_t i = 0; i < total; ++i) packed[i] += scratch[s][i];
  for_lane_layers<C>(stack, [&](int, const LaneLayer<C>& layer) {
    for_lane_packed(layer, [&](size_t at, size_t to, int) { gradient[to] = packed[at]; });
    packed += layer.packed();
    gradient += layer.weights();
  });
}

}  // namespace rollcast::ROLLCAST_ROW
