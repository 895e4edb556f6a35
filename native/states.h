// The states of a slice: given by the caller, carried from window to window, saved and brought back.
#pragma once
#include "layout.h"

namespace rollcast::ROLLCAST_ROW {

// f(index, layer, place of the slice's rows in h0 and hn, the same in c0 and cn). All states of a row
// besides h lie side by side, as rows of their own so to say.
template <class C, class F>
ROLLCAST_INLINE void for_states(const Stack& stack, int batch, Slice slice, F f) {
  size_t h = 0, c = 0;
  for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
    const size_t width = size_t(layer.width) * layer.reach;
    const size_t units = size_t(layer.units) * larger(1, cell_states<C>) * layer.reach;
    f(l, layer, h + slice.first * width, c + slice.first * units);
    h += batch * width;
    c += batch * units;
  });
}

template <class C>
void start_states(const Forward<typename C::Element>& call, Slice slice, const Workspace<C>& plan,
                  typename C::Element* work) {
  typedef typename C::Element T;
  for_states<C>(call.stack, call.batch, slice,
                [&](int l, const Layer<C>& layer, size_t h_at, size_t c_at) {
    auto start = [&](T* to, const T* from, int width, int states) {
      if (!from) return zero(to, size_t(slice.rows) * layer.reach * states * layer.padded);
      for (int plane = 0; plane < layer.reach; ++plane)
        for (int r = 0; r < slice.rows; ++r, to += ptrdiff_t(states) * layer.padded)
          copy_padded(to, layer.padded, from + (size_t(r) * layer.reach + plane) * states * width,
                      width, states);
    };
    start(work + plan.h[l], call.h0 ? call.h0 + h_at : nullptr, layer.width, 1);
    if constexpr (C::has_cell)
      start(work + plan.c[l], call.c0 ? call.c0 + c_at : nullptr, layer.units,
            cell_states<C>);
  });
}

// f(states that lie first in the window, how many) for h and c of every layer.
template <class C, class F>
ROLLCAST_INLINE void for_first_states(const Stack& stack, const Workspace<C>& plan, int rows,
                                      typename C::Element* work, F f) {
  for_layers<C>(stack, [&](int l, const Layer<C>& layer) {
    const size_t plane = size_t(rows) * layer.padded;
    f(work + plan.h[l], plane * layer.reach);
    if constexpr (C::has_cell) f(work + plan.c[l], plane * cell_states<C> * layer.reach);
  });
}

// Before the first step of a chunk: where a window begins, its states are those that the window
// before ended with, and they are saved if another window will take their place.
template <class C>
void enter_chunk(const Forward<typename C::Element>& call, int rows, const Workspace<C>& plan,
                 int first, typename C::Element* work) {
  typedef typename C::Element T;
  if (first % plan.steps) return;
  if (first > 0)
    for_layers<C>(call.stack, [&](int l, const Layer<C>& layer) {
      const size_t plane = size_t(rows) * layer.padded, cells = plane * cell_states<C>;
      T* h = work + plan.h[l];
      T* c = work + plan.c[l];
      // May overlap: a window can be shorter than the states that go back.
      __builtin_memmove(h, h + plan.steps * plane, layer.reach * plane * sizeof(T));
      if (C::has_cell && call.record)
        __builtin_memmove(c, c + plan.steps * cells, layer.reach * cells * sizeof(T));
    });
  const int window = first / plan.steps;
  if (!call.record || window == plan.windows - 1) return;
  T* to = work + plan.saved + window * plan.states;
  for_first_states<C>(call.stack, plan, rows, work, [&](T* state, size_t count) {
    copy(to, state, count);
    to += count;
  });
}

template <class C>
void restore_states(const Stack& stack, int rows, const Workspace<C>& plan, int window,
                    typename C::Element* work) {
  typedef typename C::Element T;
  const T* from = work + plan.saved + window * plan.states;
  for_first_states<C>(stack, plan, rows, work, [&](T* state, size_t count) {
    copy(state, from, count);
    from += count;
  });
}

}  // namespace rollcast::ROLLCAST_ROW
