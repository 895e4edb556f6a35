// Forward through time for one slice: recording, or keeping nothing.
#pragma once
#include "by_row.h"
#include "layout.h"
#include "random.h"
#include "states.h"
#include "zoneout.h"

namespace rollcast::ROLLCAST_ROW {

// Rows of a slice still running at a step; rows are sorted by falling length.
inline int active_rows(const int* lengths, Slice slice, int step) {
  if (!lengths) return slice.rows;
  int rows = slice.rows;
  while (rows > 0 && lengths[slice.first + rows - 1] <= step) --rows;
  return rows;
}

// The caller's index of a row: what dropout is keyed by, however rows were sorted.
template <class T>
inline int row_index(const Forward<T>& call, int row) {
  return call.order ? call.order[row] : row;
}

// One step of some rows and one group of blocks. Strides between rows: x_stride, otherwise the
// layer's padded units (h, c) and kept gates.
template <class T>
struct StepTile {
  const T *w_x, *w_h, *bias, *x, *h, *h_block, *c_before;
  T *h_out, *c_out, *kept;  // kept null: not recording
  int input, units, padded, kept_stride;  // units: depth of the product of h
  ptrdiff_t x_stride;
};

template <class C, int R, int N>
__attribute__((noinline)) void step_tile(const StepTile<typename C::Element>& tile) {
  typedef typename C::Element T;
  const StepTile<T> a = tile;  // for all the compiler knows a store of numbers changes the original
  constexpr int L = lanes<T>, P = C::panels;
  Vec<T> sums[R][N * P];
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int p = 0; p < N * P; ++p) sums[r][p] = load(a.bias + p * L);
  multiply<T, R, N * P, N * C::x_count, C::x_count, P, C::x_first>(sums, a.w_x, a.x, a.x_stride,
                                                                   a.input);
  multiply<T, R, N * P, N * C::h_count, C::h_count, P, C::h_first>(sums, a.w_h, a.h, a.padded,
                                                                   a.units);
  // By way of memory: indexed below, sums would leave their registers during the product already.
  alignas(row_bytes) T summed[R * N * P * L];
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int p = 0; p < N * P; ++p) store(summed + (r * N * P + p) * L, sums[r][p]);
  in_groups<R * N>([&](auto first, auto count) {
    constexpr int M = decltype(count)::value;
    auto row = [&](int i) { return ptrdiff_t(decltype(first)::value + i) / N; };
    auto block = [&](int i) { return (decltype(first)::value + i) % N; };
    auto unit = [&](int i) { return row(i) * a.padded + block(i) * L; };
    Several<T, M> z[P], h, c = {}, c_before = {}, kept[C::saved + 1];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p)
      z[p] = several<T, M>([&](int i) { return summed + ((row(i) * N + block(i)) * P + p) * L; });
    if constexpr (C::has_cell)
      c_before = several<T, M>([&](int i) { return a.c_before + unit(i); });
    C::forward(z, several<T, M>([&](int i) { return a.h_block + unit(i); }), c_before, h, c, kept);
    store(h, [&](int i) { return a.h_out + unit(i); });
    if constexpr (C::has_cell) store(c, [&](int i) { return a.c_out + unit(i); });
    if constexpr (C::saved > 0)
      if (a.kept)
#pragma GCC unroll 4
        for (int s = 0; s < C::saved; ++s)
          store(kept[s], [&](int i) {
            return a.kept + row(i) * a.kept_stride + (block(i) * C::saved + s) * L;
          });
  });
}

// All rows and units of one layer and step.
template <class C>
inline void layer_step(const Layer<C>& layer, StepTile<typename C::Element> a,
                       const typename C::Element* packed, int rows) {
  typedef typename C::Element T;
  constexpr int L = lanes<T>;
  const StepTile<T> whole = a;
  vector_groups<group_blocks<C>>(layer.blocks, [&](int block, auto group) {
    constexpr int N = decltype(group)::value;
    a.w_x = packed + block * layer.block_size();
    a.w_h = a.w_x + size_t(layer.input) * N * C::x_count * L;
    a.bias = a.w_h + size_t(layer.width) * N * C::h_count * L;
    row_blocks<tile_rows<N * C::panels>>(rows, [&](int r, auto count) {
      const ptrdiff_t at = ptrdiff_t(r) * layer.padded + block * L;
      a.x = whole.x + r * whole.x_stride;
      a.h = whole.h + ptrdiff_t(r) * layer.padded;
      a.h_block = whole.h + at;
      a.h_out = whole.h_out + at;
      if constexpr (C::has_cell) {
        a.c_before = whole.c_before + at;
        a.c_out = whole.c_out + at;
      }
      if (whole.kept) a.kept = whole.kept + ptrdiff_t(r) * a.kept_stride + block * C::saved * L;
      step_tile<C, decltype(count)::value, N>(a);
    });
  });
}

// The input of layer l over some steps of a chunk as contiguous rows: the caller's x, what a closed
// loop put together, or the dropped output below.
template <class C>
inline const typename C::Element* chunk_input(const Forward<typename C::Element>& call, Slice slice,
                                              const Workspace<C>& plan, int l, int first, int steps,
                                              typename C::Element* work,
                                              typename C::Element* buffer, ptrdiff_t& stride) {
  typedef typename C::Element T;
  if (l == 0) {
    const int width = call.stack.sizes[0];
    stride = width;
    if (plan.closed_loop)
      return work + plan.own + plan.own_step(first) * slice.rows * width;
    if (slice.rows == call.batch) return call.x + size_t(first) * call.batch * width;
    for (int t = 0; t < steps; ++t)
      copy(buffer + size_t(t) * slice.rows * width,
           call.x + (size_t(first + t) * call.batch + slice.first) * width,
           size_t(slice.rows) * width);
    return buffer;
  }
  const Layer<C> below(call.stack, l - 1);
  const T* output = work + plan.output(call.stack, l - 1, below, slice.rows, first);
  stride = below.padded;
  if (call.dropout.probability <= 0) return output;
  stride = below.width;
  for (int t = 0; t < steps; ++t)
    for (int r = 0; r < slice.rows; ++r) {
      const size_t row = size_t(t) * slice.rows + r;
      copy(buffer + row * below.width, output + row * below.padded, below.width);
      drop(call.dropout, l - 1, first + t, row_index(call, slice.first + r), buffer + row * below.width,
           below.width);
    }
  return buffer;
}

// Products in the type of the numbers themselves; bfloat16.h has the other kind.
template <class C>
struct PlainProducts {
  typedef typename C::Element T;
  static size_t packed(const Layer<C>& layer) { return layer.packed(); }
  void layer_step(const Layer<C>& layer, const StepTile<T>& a, const T* packed, int rows) const {
    ROLLCAST_ROW::layer_step<C>(layer, a, packed, rows);
  }
};

// Some steps of one chunk, layer after layer. The states before lie in their planes already.
template <class C, class P = PlainProducts<C>>
void run_steps(const Forward<typename C::Element>& call, Slice slice, const Workspace<C>& plan,
               int first, int steps, typename C::Element* work, const P& products = P{}) {
  typedef typename C::Element T;
  const Stack& stack = call.stack;
  const int rows = slice.rows, base = plan.base(first);
  const T* packed = call.packed;
  for_states<C>(stack, call.batch, slice, [&](int l, const Layer<C>& layer, size_t h_at, size_t c_at) {
    const size_t plane = size_t(rows) * layer.padded, cells = plane * cell_states<C>;
    T* h = work + plan.h[l];
    T* c = work + plan.c[l];
    T* raw = work + plan.raw[l];
    StepTile<T> a = {};
    const T* x = chunk_input<C>(call, slice, plan, l, first, steps, work, work + plan.input, a.x_stride);
    a.input = layer.input;
    a.units = layer.width;
    a.padded = layer.padded;
    a.kept_stride = layer.kept();
    if constexpr (ByRow<C>)
      by_row_inputs<C>(layer, packed, x, a.x_stride, steps * rows, work + plan.sums);
    for (int t = 0; t < steps; ++t) {
      const int step = first + t, at = step - base;
      const int running = active_rows(call.lengths, slice, step);
      T* output = h + (at + layer.reach) * plane;
      a.x = x + size_t(t) * rows * a.x_stride;
      a.h = h + at * plane;
      a.h_out = output;
      a.c_before = call.record ? c + at * cells : c + step % layer.reach * cells;
      a.c_out = call.record ? c + (at + layer.reach) * cells : c + step % layer.reach * cells;
      a.kept = call.record && C::saved ? work + plan.kept[l] + size_t(at) * rows * layer.kept()
                                       : nullptr;
      const bool zoned = stack.zoneout > 0;
      if ((C::has_cell && layer.projection) || zoned) a.h_out = call.record ? raw + at * plane : raw;
      if (zoned && C::has_cell && !call.record) copy(work + plan.cells_before, a.c_out, cells);
      if constexpr (ByRow<C>)
        by_row_step<C>(layer, packed, running, work + plan.sums + size_t(t) * rows * layer.slopes(),
                       a.h, a.c_before, a.h_out, a.c_out, a.kept);
      else if (running > 0) products.layer_step(layer, a, packed, running);
      if (C::has_cell && layer.projection && running > 0)
        product(plain_rows<T>(a.h_out, layer.padded, layer.units), running,
                packed + layer.cell_packed(), layer.width_vectors, static_cast<const T*>(nullptr), 0,
                output, layer.padded);
      if (zoned && running > 0) {
        const T* c_before = call.record ? a.c_before : work + plan.cells_before;
        mix_states<C>(call, slice, l, layer, step, running, a.h, a.h_out, output, c_before, a.c_out);
      }
      if (stack.adds_input(l)) {
        T* given = work + plan.output(stack, l, layer, rows, step);
        for (int r = 0; r < running; ++r)
          for (int u = 0; u < layer.width; ++u)
            given[size_t(r) * layer.padded + u] =
                output[size_t(r) * layer.padded + u] + a.x[r * a.x_stride + u];
      }

      if (l == stack.layers - 1 && call.y) {
        T* y = call.y + (size_t(step) * call.batch + slice.first) * layer.width;
        const T* given = work + plan.output(stack, l, layer, rows, step);
        for (int r = 0; r < rows; ++r, y += layer.width)
          if (r < running) copy(y, given + size_t(r) * layer.padded, layer.width);
          else zero(y, layer.width);
      }
      // Rows that end with this step leave their final states.
      const int next = step + 1 < call.time ? active_rows(call.lengths, slice, step + 1) : 0;
      for (int r = next; r < running; ++r)
        for (int p = 0; p < layer.reach; ++p) {
          const size_t place = size_t(r) * layer.reach + p;
          if (call.hn)
            copy(call.hn + h_at + place * layer.width,
                 h + (at + 1 + p) * plane + size_t(r) * layer.padded, layer.width);
          if (C::has_cell && call.cn) {
            const T* from = c + (call.record ? at + 1 + p : (step + 1 + p) % layer.reach) * cells;
            for (int s = 0; s < cell_states<C>; ++s)
              copy(call.cn + c_at + (place * cell_states<C> + s) * layer.units,
                   from + (size_t(r) * cell_states<C> + s) * layer.padded, layer.units);
          }
        }
    }
    packed += P::packed(layer);
  });
}

template <class C, class P = PlainProducts<C>>
void forward(const Forward<typename C::Element>& call, Slice slice, typename C::Element* work,
             const P& products = P{}) {
  const Workspace<C> plan(call, slice.rows, work);
  start_states<C>(call, slice, plan, work);
  for (int first = 0; first < call.time; first += plan.chunk) {
    enter_chunk<C>(call, slice.rows, plan, first, work);
    run_steps<C>(call, slice, plan, first, smaller(plan.chunk, call.time - first), work, products);
  }
}

}  // namespace rollcast::ROLLCAST_ROW
