// Exact backward through time for one slice, chunk by chunk from the end: the recurrence of a layer,
// then, while its gate gradients are still in the cache, its weight gradient and what goes below.
#pragma once
#include "by_row_backward.h"
#include "projection.h"
#include "zoneout_backward.h"

namespace rollcast::ROLLCAST_ROW {

// The way back of one slice: what the loops over chunks, here and in rollout.h, are made of.
template <class C>
struct WayBack {
  typedef typename C::Element T;
  const Backward<T>& call;
  const Forward<T>& made;
  const Slice slice;
  const Workspace<C>& kept;
  const Scratch<C>& plan;
  T *const work, *const scratch;
  size_t h_at[deepest], c_at[deepest], gradients[deepest], packs[deepest];
  int first, steps, window;  // the chunk that is being gone through; the window in memory

  WayBack(const Backward<T>& call, Slice slice, const Workspace<C>& kept, const Scratch<C>& plan,
          T* work, T* scratch)
      : call(call),
        made(call.forward),
        slice(slice),
        kept(kept),
        plan(plan),
        work(work),
        scratch(scratch),
        first(made.time),
        steps(0),
        window(kept.windows - 1) {
    zero(scratch + plan.gradient, plan.weights);
    zero(scratch + plan.sum, plan.weights);
    size_t gradient = 0, pack = 0;
    for_states<C>(made.stack, made.batch, slice,
                  [&](int l, const Layer<C>& layer, size_t h, size_t c) {
      h_at[l] = h;
      c_at[l] = c;
      gradients[l] = gradient;
      packs[l] = pack;
      gradient += layer.packed();
      pack += layer.h_back() + layer.projection_back();
      if (l > 0 || call.dx) pack += layer.x_back();
      T* carry = scratch + plan.carry[l];
      const size_t numbers = size_t(slice.rows) * layer.padded * layer.reach;
      if (made.stack.zoneout > 0) zero(scratch + plan.stayed[l], numbers);
      if (!C::has_cell || !call.dcn) return zero(carry, numbers * larger(1, cell_states<C>));
      // A state of step t waits for it in plane t % reach.
      for (int r = 0; r < slice.rows; ++r)
        for (int p = 0; p < layer.reach; ++p)
          copy_padded(carry + size_t((steps_of(r) + p) % layer.reach * slice.rows + r) *
                                  cell_states<C> * layer.padded,
                      layer.padded,
                      call.dcn + c + (size_t(r) * layer.reach + p) * cell_states<C> * layer.units,
                      layer.units, cell_states<C>);
    });
  }

  // Goes on to the chunk before; false when there is none. Its window is made again if it is gone.
  bool enter() {
    if (first == 0) return false;
    first = (first - 1) / kept.chunk * kept.chunk;
    steps = smaller(kept.chunk, made.time - first);
    if (first + steps < made.time)
      for_layers<C>(made.stack, [&](int l, const Layer<C>& layer) {
        plan.slopes_at(l, layer, scratch, 0)
            .repeat(layer, ptrdiff_t(steps) * slice.rows, ptrdiff_t(layer.reach) * slice.rows);
      });
    if (first / kept.steps == window) return true;
    window = first / kept.steps;
    restore_states<C>(made.stack, slice.rows, kept, window, work);
    for (int from = window * kept.steps; from <= first; from += kept.chunk)
      run_steps<C>(made, slice, kept, from, kept.chunk, work);
    return true;
  }

  // From the gradient of a layer's output over some steps of the chunk, changed on the way, to the
  // gate gradients.
  void recurrence(int l, const Layer<C>& layer, int from, int count, T* incoming) const {
    const size_t plane = size_t(slice.rows) * layer.padded;
    const T* w_h = call.packed + packs[l];
    const int reach = layer.reach;
    if (made.stack.adds_input(l)) skip(layer, from, count, incoming);
    for (int t = count - 1; t >= 0; --t) {
      const int step = from + t, at = step - kept.base(step);
      T* carry = scratch + plan.carry[l] + step % reach * plane * larger(1, cell_states<C>);
      const int running = active_rows(made.lengths, slice, step);
      const int after =
          step + reach < made.time ? active_rows(made.lengths, slice, step + reach) : 0;
      T* dh = incoming + t * plane;
      const Slopes<C> d = plan.slopes_at(l, layer, scratch, step - first);
      const Slopes<C> after_it = d.from(ptrdiff_t(reach) * slice.rows);
      // Rows that no step goes on from this one: the gradient of a final state is all from later.
      for (int r = after; r < running; ++r) {
        after_it.clear(layer, r, 1);
        if (call.dhn)
          for (int u = 0; u < layer.width; ++u)
            dh[size_t(r) * layer.padded + u] +=
                call.dhn[h_at[l] + (size_t(r) * reach + step + reach - steps_of(r)) * layer.width + u];
      }
      if (running > 0) {
        const T* h = work + kept.h[l] + at * plane;
        const T* gates = work + kept.kept[l] + size_t(at) * slice.rows * layer.kept();
        const T* c_before = C::has_cell ? work + kept.c[l] + at * plane * cell_states<C> : nullptr;
        const Slopes<C> later = after > 0 ? after_it : Slopes<C>();
        T* h_after = const_cast<T*>(h) + reach * plane;
        if constexpr (!ByRow<C>)
          if (made.stack.zoneout > 0) {
            zoned_step<C>(made, slice, l, layer, step, running, w_h, later, dh, gates, h,
                          work + kept.raw[l] + at * plane, c_before, carry,
                          scratch + plan.stayed[l] + step % reach * plane,
                          scratch + plan.stayed[l] + reach * plane, d);
            d.clear(layer, running, slice.rows - running);
            continue;
          }
        if constexpr (ByRow<C>)
          by_row_recurrence<C>(layer, made.packed + gradients[l], w_h, running, later, dh, gates, h,
                               h_after, c_before, c_before + reach * plane * cell_states<C>, carry, d,
                               scratch + plan.sum + gradients[l]);
        else if (C::has_cell && layer.projection)
          projected_step<C>(layer, w_h, running, later, dh, projected(l, layer, step), gates,
                            work + kept.raw[l] + at * plane, c_before, carry, d);
        else
          recurrence_step<C>(layer, w_h, running, later, dh, gates, h, h_after, c_before, carry, d);
      }
      d.clear(layer, running, slice.rows - running);
    }
  }

  // The chunk's part of a layer's weight gradient.
  void weigh(int l, const Layer<C>& layer) const {
    const int rows = slice.rows, at = first - kept.base(first);
    const size_t plane = size_t(rows) * layer.padded;
    ptrdiff_t x_stride;
    const T* x = chunk_input<C>(made, slice, kept, l, first, steps, work, scratch + plan.input,
                                x_stride);
    const Slopes<C> slopes = plan.slopes_at(l, layer, scratch, 0);
    T* sum = scratch + plan.sum + gradients[l];
    auto add = [&](int t, int count) {
      weight_gradient<C>(layer, x + size_t(t) * rows * x_stride, x_stride,
                         work + kept.h[l] + (at + t) * plane,
                         slopes.from(ptrdiff_t(t) * rows), count, sum);
      if constexpr (!ByRow<C>)
        if (C::has_cell && layer.projection)
        projection_gradient<C>(layer, work + kept.raw[l] + (at + t) * plane,
                               projected(l, layer, first + t), count, sum);
    };
    if (!made.lengths) add(0, steps * rows);
    else  // rows past their end may hold anything, so they are left out
      for (int t = 0; t < steps; ++t) add(t, active_rows(made.lengths, slice, first + t));
  }

  // The gradient of a layer's input over some steps, in rows of `input_stride`.
  void pass_below(int l, const Layer<C>& layer, int from, int count, T* incoming) const {
    const int rows = count * slice.rows, stride = input_stride(l, layer);
    const Slopes<C> slopes = plan.slopes_at(l, layer, scratch, from - first);
    const T* w_x = call.packed + packs[l] + layer.h_back() + layer.projection_back();
    const T* skipped = made.stack.adds_input(l) ? scratch + plan.skipped : nullptr;
    product(slopes.rows(layer, C::x_first, C::x_count), rows, w_x, layer.input_vectors, skipped,
            layer.padded, incoming, stride);
    if (l > 0 && made.dropout.probability > 0)
      for (int row = 0; row < rows; ++row)
        drop(made.dropout, l - 1, from + row / slice.rows,
             row_index(made, slice.first + row % slice.rows), incoming + size_t(row) * stride,
             layer.input);
  }

  int input_stride(int l, const Layer<C>& layer) const {
    return l > 0 ? Layer<C>(made.stack, l - 1).padded : layer.input_vectors * layer.L;
  }

  void give_dx(const Layer<C>& layer, int from, int count, const T* incoming) const {
    for (int row = 0; row < count * slice.rows; ++row)
      copy(call.dx + (size_t(from + row / slice.rows) * made.batch + slice.first + row % slice.rows) *
                         layer.input,
           incoming + size_t(row) * input_stride(0, layer), layer.input);
  }

  // Sums in two levels: fewer roundings over long series.
  void flush() const {
    constexpr int chunks = 32;
    const int done = (made.time + kept.chunk - 1) / kept.chunk - first / kept.chunk;
    if (first > 0 && done % chunks) return;
    for (size_t i = 0; i < plan.weights; ++i) {
      scratch[plan.gradient + i] += scratch[plan.sum + i];
      scratch[plan.sum + i] = 0;
    }
  }

  // What the first step passes on to the initial states.
  void finish() const {
    for (int l = 0; l < made.stack.layers; ++l) {
      const Layer<C> layer(made.stack, l);
      for (int p = 0; p < layer.reach; ++p) {
        const T* carry = scratch + plan.carry[l] +
                         size_t(p) * slice.rows * layer.padded * larger(1, cell_states<C>);
        if (call.dh0) first_gradient(l, layer, p, carry);
        if (C::has_cell && call.dc0)
          for (int r = 0; r < slice.rows; ++r)
            for (int s = 0; s < cell_states<C>; ++s)
              copy(call.dc0 + c_at[l] +
                       ((size_t(r) * layer.reach + p) * cell_states<C> + s) * layer.units,
                   carry + (size_t(r) * cell_states<C> + s) * layer.padded, layer.units);
      }
    }
  }

 private:
  int steps_of(int row) const {
    return made.lengths ? made.lengths[slice.first + row] : made.time;
  }

  // Keeps the gradient of outputs to which the layer's input was added.
  void skip(const Layer<C>& layer, int from, int count, const T* incoming) const {
    const size_t plane = size_t(slice.rows) * layer.padded;
    for (int t = 0; t < count; ++t) {
      const size_t live = size_t(active_rows(made.lengths, slice, from + t)) * layer.padded;
      T* to = scratch + plan.skipped + t * plane;
      copy(to, incoming + t * plane, live);
      zero(to + live, plane - live);
    }
  }

  // The gradient of the state that step p goes on from; of rows without such a step it is a final one.
  void first_gradient(int l, const Layer<C>& layer, int p, const T* carry) const {
    T* to = scratch + plan.incoming;
    const int running = p < made.time ? active_rows(made.lengths, slice, p) : 0;
    const Slopes<C> slopes = plan.slopes_at(l, layer, scratch, p);
    slopes.clear(layer, running, slice.rows - running);
    product(slopes.rows(layer, C::h_first, C::h_count), slice.rows, call.packed + packs[l],
            layer.width_vectors, C::carry_reaches_h ? carry : static_cast<const T*>(nullptr),
            layer.padded, to, layer.padded);
    const T* stayed = scratch + plan.stayed[l] + size_t(p) * slice.rows * layer.padded;
    for (int r = 0; r < slice.rows; ++r)
      for (int u = 0; u < layer.width; ++u) {
        T& value = to[size_t(r) * layer.padded + u];
        if (made.stack.zoneout > 0) value += stayed[size_t(r) * layer.padded + u];
        const size_t place = size_t(r) * layer.reach * layer.width + u;
        if (r >= running && call.dhn)
          value += call.dhn[h_at[l] + place + size_t(p - steps_of(r)) * layer.width];
        call.dh0[h_at[l] + place + size_t(p) * layer.width] = value;
      }
  }

  T* projected(int l, const Layer<C>& layer, int step) const {
    return scratch + plan.projected[l] +
           size_t(step - first) * slice.rows * layer.width_vectors * layer.L;
  }
};

template <class C>
void backward(const Backward<typename C::Element>& call, Slice slice, typename C::Element* work,
              typename C::Element* scratch) {
  typedef typename C::Element T;
  const Forward<T>& made = call.forward;
  const int rows = slice.rows, top = made.stack.layers - 1;
  const Workspace<C> kept(made, rows, work);
  const Scratch<C> plan(made.stack, made.time, rows, scratch);
  WayBack<C> way(call, slice, kept, plan, work, scratch);
  T* incoming = scratch + plan.incoming;
  while (way.enter()) {
    for (int l = top; l >= 0; --l) {
      const Layer<C> layer(made.stack, l);
      const size_t plane = size_t(rows) * layer.padded;
      // The gradient of the layer's output; below the top it was left there by the layer above.
      if (l == top)
        for (int t = 0; t < way.steps; ++t) {
          const size_t at = (size_t(way.first + t) * made.batch + slice.first) * layer.width;
          if (call.dy) copy_padded(incoming + t * plane, layer.padded, call.dy + at, layer.width, rows);
          else zero(incoming + t * plane, plane);
        }
      way.recurrence(l, layer, way.first, way.steps, incoming);
      way.weigh(l, layer);
      if (l > 0 || call.dx) way.pass_below(l, layer, way.first, way.steps, incoming);
      if (l == 0 && call.dx) way.give_dx(layer, way.first, way.steps, incoming);
    }
    way.flush();
  }
  way.finish();
}

}  // namespace rollcast::ROLLCAST_ROW
