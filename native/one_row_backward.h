// Exact backward through time for a batch of one row, chunk by chunk from the end as in backward.h.
#pragma once
#include "backward.h"
#include "one_row_forward.h"

namespace rollcast::ROLLCAST_ROW {

// One layer, one step: the incoming gradient of h, what the step after sends back through the
// recurrent weights (after: its slopes, or null), and from both the slopes.
template <class C>
ROLLCAST_INLINE void row_recurrence(const Layer<C>& layer, const typename C::Element* w_h,
                                    bool backwards, Slopes<C> after,
                                    const typename C::Element* incoming,
                                    const typename C::Element* kept,
                                    const typename C::Element* h_before,
                                    const typename C::Element* h,
                                    const typename C::Element* c_before,
                                    typename C::Element* carry, Slopes<C> slopes) {
  typedef typename C::Element T;
  const Rows<T> left = after.rows(layer, C::h_first, C::h_count);
  const ptrdiff_t depth = ptrdiff_t(left.runs) * left.depth;
  row_tiles<4>(layer.blocks, backwards, [&](int block, auto group)
                                            __attribute__((always_inline)) {
    constexpr int L = lanes<T>, N = decltype(group)::value;
    Vec<T> dh[N];
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) dh[n] = load(incoming + (block + n) * L);
    if (after.at) row_sums<T, N, N, N, 0>(dh, w_h + depth * block * L, left);
    auto unit = [&](int i) { return ptrdiff_t(block + i) * L; };
    auto from = [&](const T* plane) {
      return several<T, N>([&](int i) { return plane + unit(i); });
    };
    Several<T, N> gates[C::saved + 1], d[C::panels], held = from(carry), c = {};
    Several<T, N> gradient = several<T, N>([&](int i) { return dh[i]; });
#pragma GCC unroll 4
    for (int s = 0; s < C::saved; ++s)
      gates[s] = several<T, N>([&](int i) { return kept + (unit(i) * C::saved + s * L); });
    if constexpr (C::has_cell) c = from(c_before);
    if constexpr (C::carry_reaches_h) gradient = gradient + held;
    C::backward(gradient, gates, from(h_before), c, from(h), held, d);
    store(held, [&](int i) { return carry + unit(i); });
#pragma GCC unroll 4
    for (int p = 0; p < C::panels; ++p)
      store(d[p], [&](int i) { return slopes.at + (block + i) * slopes.block + p * L; });
  });
}

// The recurrence of a chunk of one layer. incoming: gradients of its outputs; slopes: room for one
// step more than the chunk, which holds the first step of the chunk after.
template <class C>
__attribute__((noinline)) void row_recurrences(const Layer<C>& layer,
                                               const typename C::Element* w_h, int steps, bool last,
                                               const typename C::Element* incoming,
                                               const typename C::Element* kept,
                                               const typename C::Element* h,
                                               const typename C::Element* c,
                                               typename C::Element* carry, Slopes<C> slopes) {
  for (int t = steps - 1; t >= 0; --t) {
    const ptrdiff_t at = ptrdiff_t(t) * layer.padded;
    const Slopes<C> d = slopes.from(t);
    row_recurrence<C>(layer, w_h, t & 1, last && t == steps - 1 ? Slopes<C>() : d.from(1),
                      incoming + at, kept + ptrdiff_t(t) * layer.kept(), h + at,
                      h + at + layer.padded, c + at, carry, d);
  }
}

template <class C>
void row_backward(const Backward<typename C::Element>& call, const typename C::Element* work,
                  typename C::Element* scratch) {
  typedef typename C::Element T;
  constexpr int flush_chunks = 32;  // sums in two levels: fewer roundings over long series
  const Forward<T>& made = call.forward;
  const Stack& stack = made.stack;
  const int top = stack.layers - 1, run = row_time(made);
  const RowWorkspace<C> kept(made, true);
  const Scratch<C> plan(stack, made.time, 1, scratch);
  const int chunk_size = chunk_steps(1, made.time), chunks = (run + chunk_size - 1) / chunk_size;
  const size_t weights = packed_size<C>(stack);
  zero(scratch + plan.gradient, weights);
  zero(scratch + plan.sum, weights);

  size_t packs[deepest], pack = 0;
  for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
    packs[l] = pack;
    pack += layer.h_back();
    if (l > 0 || call.dx) pack += layer.x_back();
    T* carry = scratch + plan.carry[l];
    if (C::has_cell && call.dcn)
      copy_padded(carry, layer.padded, call.dcn + kept.state[l], layer.units, 1);
    else
      zero(carry, layer.padded);
  });

  T* incoming = scratch + plan.incoming;
  for (int chunk = chunks - 1; chunk >= 0; --chunk) {
    const int first = chunk * chunk_size, steps = smaller(chunk_size, run - first);
    const bool last = chunk == chunks - 1;
    for (int l = top; l >= 0; --l) {
      const Layer<C> layer(stack, l);
      const T* w_h = call.packed + packs[l];
      const T* w_x = w_h + layer.h_back();
      const T* h = work + kept.h[l] + size_t(first) * layer.padded;
      const Slopes<C> slopes = plan.slopes_at(l, layer, scratch, 0);

      // The gradient of the layer's output; below the top it was left there by the layer above.
      if (l == top) {
        if (call.dy)
          copy_padded(incoming, layer.padded, call.dy + size_t(first) * layer.units, layer.units,
                      steps);
        else
          zero(incoming, size_t(steps) * layer.padded);
      }
      if (last && call.dhn) {
        T* end = incoming + size_t(steps - 1) * layer.padded;
        for (int u = 0; u < layer.units; ++u) end[u] += call.dhn[kept.state[l] + u];
      }
      if (!last) slopes.repeat(layer, steps, 1);
      row_recurrences<C>(layer, w_h, steps, last, incoming,
                         work + kept.kept[l] + size_t(first) * layer.kept(), h,
                         work + kept.c[l] + (C::has_cell ? size_t(first) * layer.padded : 0),
                         scratch + plan.carry[l], slopes);

      ptrdiff_t x_stride;
      const T* x =
          row_input<C>(made, kept, l, first, steps, work, scratch + plan.input, x_stride);
      weight_gradient<C>(layer, x, x_stride, h, slopes, steps,
                         scratch + plan.sum + kept.packed[l]);
      if (l == 0 && !call.dx) continue;
      const int vectors = (layer.input + layer.L - 1) / layer.L, width = vectors * layer.L;
      product(slopes.rows(layer, C::x_first, C::x_count), steps, w_x, vectors,
              static_cast<const T*>(nullptr), 0, incoming, width);
      for (int t = 0; t < steps; ++t) {
        T* dx = incoming + size_t(t) * width;
        if (l == 0) copy(call.dx + size_t(first + t) * layer.input, dx, layer.input);
        else if (made.dropout.probability > 0)
          drop(made.dropout, l - 1, first + t, 0, dx, layer.input);
      }
    }
    if (chunk == 0 || (chunks - chunk) % flush_chunks == 0)
      for (size_t i = 0; i < weights; ++i) {
        scratch[plan.gradient + i] += scratch[plan.sum + i];
        scratch[plan.sum + i] = 0;
      }
  }
  if (call.dx) {
    const size_t width = stack.sizes[0];
    zero(call.dx + run * width, (made.time - run) * width);
  }

  // What the first step passes on to the initial states.
  for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
    const T* carry = scratch + plan.carry[l];
    if (call.dh0) {
      product(plan.slopes_at(l, layer, scratch, 0).rows(layer, C::h_first, C::h_count), 1,
              call.packed + packs[l], layer.blocks,
              C::carry_reaches_h ? carry : static_cast<const T*>(nullptr), layer.padded, incoming,
              layer.padded);
      copy(call.dh0 + kept.state[l], incoming, layer.units);
    }
    if (C::has_cell && call.dc0) copy(call.dc0 + kept.state[l], carry, layer.units);
  });
}

}  // namespace rollcast::ROLLCAST_ROW
