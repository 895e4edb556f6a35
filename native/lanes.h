// Tiny layers: a vector holds the rows of the batch instead of the units of a layer, so that no lane is
// spent on padding a layer of 1 or 10 units. A weight is then a number to broadcast. Arrays of a
// step are [number][lanes of rows]; rows are padded to whole vectors, and the lanes of padding, and
// of rows past their length, are held at zero.
#pragma once
#include "layout.h"
#include "random.h"

namespace rollcast::ROLLCAST_ROW {

// One layer of cell C, unpadded. Packed per group of units: the x-part [input], the h-part [units] and
// the biases, each of panels side by side; the gradient has the same form.
template <class C>
struct LaneLayer {
  int input, units;

  LaneLayer(const Stack& stack, int index)
      : input(stack.sizes[index]), units(stack.sizes[index + 1]) {}

  size_t weights() const { return size_t(C::gates) * units * (input + units + 2); }
  size_t unit_size() const {
    return size_t(input) * C::x_count + size_t(units) * C::h_count + C::panels;
  }
  size_t packed() const { return units * unit_size(); }
  size_t h_back() const { return size_t(units) * C::h_count * units; }
  size_t x_back() const { return size_t(units) * C::x_count * input; }
};

template <class C, class F>
ROLLCAST_INLINE void for_lane_layers(const Stack& stack, F f) {
  for (int l = 0; l < stack.layers; ++l) f(l, LaneLayer<C>(stack, l));
}

// Whether rows in lanes are faster: where the lanes that layers leave idle as units are enough more
// than those that slices of so many rows leave idle as rows. Measured on AVX-512: README.md.
template <class T>
inline bool prefers_lanes(const Stack& stack, int rows) {
  if (stack.projection || by_row(stack.cell) || stack.wired()) return false;
  const int vectors = (rows + lanes<T> - 1) / lanes<T>;
  double as_units = 0, as_rows = 0;
  for (int l = 0; l < stack.layers; ++l) {
    const int width = stack.sizes[l], units = stack.sizes[l + 1];
    if (width > 64 || units > 64) return false;
    as_units += double((units + lanes<T> - 1) / lanes<T> * lanes<T>) * (width + units) * rows;
    as_rows += double(units) * (width + units) * vectors * lanes<T>;
  }
  // One vector of rows alone waits for its sums.
  return as_units > as_rows * (vectors > 1 ? 1.2 : 1.6);
}

template <class T>
inline bool in_lanes(const Forward<T>& call) {
  if (call.recompute || call.products != Products::plain) return false;
  const Stack& stack = call.stack;
  return prefers_lanes<T>(stack, stack.rows ? stack.rows : call.batch / slice_count(call.batch));
}

// In which form weights are packed: in one where the calls are known, otherwise in any that may be
// wanted.
template <class T>
inline bool lane_form(const Stack& stack) {
  return prefers_lanes<T>(stack, stack.rows ? stack.rows : 32 * lanes<T>);
}
template <class T>
inline bool unit_form(const Stack& stack) {
  return !stack.rows || !lane_form<T>(stack);
}

// Steps of a chunk of backward: enough vectors of rows that adding up the lanes of a weight's gradient
// costs little, few enough that the slopes stay in the cache.
inline int lane_chunk(int vectors, int time) { return larger(1, smaller(time, 32 / vectors)); }

// Where everything lies in the workspace of a slice. Without recording, two steps of h are kept.
template <class C>
struct LaneWorkspace {
  typedef typename C::Element T;
  int width;  // rows, padded
  bool record;
  size_t h[deepest], c[deepest], kept[deepest], input, live, total;

  LaneWorkspace(const Forward<T>& call, int rows, T* memory = nullptr)
      : width((rows + lanes<T> - 1) / lanes<T> * lanes<T>), record(call.record) {
    Ruler<T> ruler{memory};
    int widest = 0;
    const size_t steps = call.record ? call.time : 1;
    for_lane_layers<C>(call.stack, [&](int l, const LaneLayer<C>& layer) {
      const size_t plane = size_t(layer.units) * width;
      h[l] = ruler.take((steps + 1) * plane);
      c[l] = ruler.take(C::has_cell ? (record ? steps + 1 : 1) * plane : 0);
      kept[l] = ruler.take(record ? steps * C::saved * plane : 0);
      widest = larger(widest, layer.input);
    });
    input = ruler.take(size_t(widest) * width);
    live = ruler.take(width);
    total = ruler.used;
  }

  // Where the state before a step lies, in planes.
  size_t before(int step) const { return record ? step : step % 2; }
  size_t after(int step) const { return record ? step + 1 : (step + 1) % 2; }
};

template <class C>
struct LaneScratch {
  typedef typename C::Element T;
  int chunk;
  size_t weights, gradient, slopes[deepest], carry[deepest], incoming, input, live, total;

  LaneScratch(const Forward<T>& call, int rows, T* memory = nullptr) : weights(0) {
    const int width = (rows + lanes<T> - 1) / lanes<T> * lanes<T>;
    chunk = lane_chunk(width / lanes<T>, call.time);
    Ruler<T> ruler{memory};
    int widest = 0;
    for_lane_layers<C>(call.stack, [&](int, const LaneLayer<C>& layer) {
      weights += layer.packed();
      widest = larger(widest, larger(layer.input, layer.units));
    });
    gradient = ruler.take(weights);
    for_lane_layers<C>(call.stack, [&](int l, const LaneLayer<C>& layer) {
      slopes[l] = ruler.take(size_t(chunk + 1) * layer.units * C::panels * width);
      carry[l] = ruler.take(size_t(layer.units) * width);
    });
    incoming = ruler.take(size_t(chunk) * widest * width);
    input = ruler.take(size_t(chunk) * widest * width);
    live = ruler.take(width);
    total = ruler.used;
  }
};

// Rows of `numbers` into lanes; lanes from `rows` on become zero.
template <class T>
inline void to_lanes(T* to, int width, const T* from, int rows, int numbers) {
  for (int k = 0; k < numbers; ++k, to += width) {
    for (int r = 0; r < rows; ++r) to[r] = from[size_t(r) * numbers + k];
    zero(to + rows, width - rows);
  }
}
template <class T>
inline void from_lanes(T* to, int numbers, const T* from, int width, int first, int last) {
  for (int r = first; r < last; ++r)
    for (int k = 0; k < numbers; ++k) to[size_t(r) * numbers + k] = from[size_t(k) * width + r];
}

// All bits of the lanes that hold a running row, none of the others: what `kept_lanes` reads.
template <class T>
inline void mark_live(T* live, int width, int running) {
  typedef typename Number<T>::Bits Bits;
  for (int r = 0; r < width; ++r) {
    const Bits bits = r < running ? ~Bits(0) : Bits(0);
    __builtin_memcpy(live + r, &bits, sizeof(T));
  }
}
// Whatever a lane holds, NaN too, becomes zero where no row is running.
template <class T>
ROLLCAST_INLINE Vec<T> kept_lanes(Vec<T> v, const T* live) {
  typedef typename VectorTypes<T>::Bits Bits;
  return (Vec<T>)((Bits)v & (Bits)load(live));
}

// sums[v][panel] += w[k][panel] x[k][v] over k, where panel p lies at (p / Count) * Group + First +
// p % Count of sums: `multiply` of gemm.h with vectors and broadcasts exchanged.
template <class T, int V, int P, int Count, int Group, int First, class Sums>
ROLLCAST_INLINE void lane_multiply(Sums& sums, const T* w, const T* x, ptrdiff_t width, int depth) {
  constexpr int L = lanes<T>;
  for (int k = 0; k < depth; ++k, w += P, x += width) {
    Vec<T> row[V];
#pragma GCC unroll 12
    for (int v = 0; v < V; ++v) row[v] = load(x + v * L);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      const Vec<T> a = fill<T>(w[p]);
#pragma GCC unroll 12
      for (int v = 0; v < V; ++v) {
        Vec<T>& sum = sums[v][p / Count * Group + First + p % Count];
        sum = a * row[v] + sum;
      }
    }
  }
}

}  // namespace rollcast::ROLLCAST_ROW
