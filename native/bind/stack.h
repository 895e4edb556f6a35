// What the bindings of recurrent stacks share: shapes, packed weights, recordings. Sizes and types were
// checked by the engine package; what would write outside an array is checked here once more.
#pragma once
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "kind.h"

namespace rollcast {

struct Shape {
  Cell cell;
  std::vector<int> sizes;
  int projection;
  Wiring wiring;
  int rows = 0;  // of a slice in the calls that weights are packed for; 0: any calls

  Stack stack() const {
    return wiring.of({cell, int(sizes.size()) - 1, sizes.data(), projection, rows});
  }
  // Units of all layers; numbers in h and in c of a row, and in what the last layer gives.
  size_t units() const {
    size_t sum = 0;
    for (size_t l = 1; l < sizes.size(); ++l) sum += sizes[l];
    return sum;
  }
  size_t widths() const { return states(true); }
  int output() const { return projection ? projection : sizes.back(); }
  size_t cells() const { return states(false) * cell_shape(cell).cells; }
  size_t states(bool of_h) const {
    const Stack of = stack();
    size_t sum = 0;
    for (int l = 0; l < of.layers; ++l)
      sum += size_t(of_h ? of.width(l) : sizes[l + 1]) * of.reach(l);
    return sum;
  }
  size_t weights() const {
    const Stack of = stack();
    size_t sum = 0;
    for (int l = 0; l < of.layers; ++l) sum += of.weights(l);
    return sum;
  }
};

inline Shape shape_of(const Kind& kind, const std::vector<int>& sizes, int projection) {
  const Cell cell = kind.cell;
  kind.wiring.check(cell, int(sizes.size()) - 1);
  expect(sizes.size() >= 2 && sizes.size() <= 65, "sizes (1 to 64 layers)");
  for (int size : sizes) expect(size > 0 && size <= 1 << 20, "sizes");
  expect(projection >= 0 && (!projection || (cell == Cell::lstm && !kind.wiring.zoneout)),
         "projection");
  for (size_t l = 1; l < sizes.size(); ++l) expect(projection < sizes[l], "projection");
  return {cell, sizes, projection, kind.wiring};
}

// Weights in the form that forward reads, for calls that follow each other. The row they were packed
// for serves them to the end, whatever is selected meanwhile.
template <class T>
struct Packed {
  Shape shape;
  const Engine* row;
  Products products;
  Block panels;
};

template <class T>
std::unique_ptr<Packed<T>> pack(const Kind& cell, const std::vector<int>& sizes, In<T> weights,
                                int projection, bool bfloat16, int rows = 0) {
  auto packed = std::make_unique<Packed<T>>(
      Packed<T>{shape_of(cell, sizes, projection), &engine(), Products::plain, {}});
  packed->shape.rows = rows;
  expect(weights.size() == packed->shape.weights(), "weights");
  const Stack stack = packed->shape.stack();
  const Kernels<T>& k = kernels<T>(*packed->row);
  if (bfloat16) {
    packed->products = bfloat16_products(*packed->row);
    expect(k.pack_bfloat16 && !projection && !by_row(stack.cell),
           "weights (bfloat16: float32 without projection, rnn, lstm or gru)");
  }
  const auto size = bfloat16 ? k.bfloat16_packed_size : k.packed_size;
  packed->panels = Block(size(stack) * sizeof(T));
  (bfloat16 ? k.pack_bfloat16 : k.pack)(stack, weights.data(), packed->panels.template as<T>());
  return packed;
}

// What a recorded forward keeps; backward uses it up, even where it ends in an error.
template <class T>
struct Recording {
  std::unique_ptr<Packed<T>> packed;
  Block panels_backward;
  bool need_x;
  std::vector<Block> work;
  Forward<T> call;
  In<T> x;
  std::vector<int> lengths, order;
};

inline size_t bytes_of(const std::vector<Block>& blocks) {
  size_t sum = 0;
  for (const Block& block : blocks) sum += block.bytes();
  return sum;
}

template <class T>
void fill_call(Forward<T>& call, const Packed<T>& packed, const In<T>& x, const Maybe<In<T>>& h0,
               const Maybe<In<T>>& c0, const std::vector<int>& lengths, const Maybe<Out<T>>& y,
               const Maybe<Out<T>>& hn, const Maybe<Out<T>>& cn) {
  const Shape& shape = packed.shape;
  expect(x.ndim() == 3 && x.shape(2) == size_t(shape.sizes[0]), "x");
  call.stack = shape.stack();
  call.time = length_of(x.shape(0), "x (1 to 2^30 steps)");
  call.batch = length_of(x.shape(1), "x (1 to 2^30 rows)");
  // Far beyond any memory, and where the sizes of workspaces would begin to overflow.
  const double numbers = double(call.time) * call.batch * double(shape.units() + shape.sizes[0]);
  if (numbers > 0x1p50 || double(call.batch) * double(shape.widths() + shape.cells()) > 0x1p50) throw std::bad_alloc();
  call.products = packed.products;
  call.x = x.data();
  call.packed = packed.panels.template as<T>();
  call.h0 = data(h0, shape.widths() * call.batch, "h0");
  call.c0 = data(c0, shape.cells() * call.batch, "c0");
  call.hn = data(hn, shape.widths() * call.batch, "hn");
  call.cn = data(cn, shape.cells() * call.batch, "cn");
  call.y = data(y, size_t(call.time) * call.batch * shape.output(), "y");
  if (!lengths.empty()) {
    expect(int(lengths.size()) == call.batch, "lengths");
    for (int b = 0; b < call.batch; ++b)
      expect(lengths[b] >= 1 && lengths[b] <= call.time && (!b || lengths[b] <= lengths[b - 1]),
             "lengths (1 to time, never increasing)");
    call.lengths = lengths.data();
  } else {
    call.lengths = nullptr;
  }
}

// Gradients by the final states in, by the initial states out.
template <class T>
void fill_states(Backward<T>& call, const Shape& shape, const Maybe<In<T>>& dhn,
                 const Maybe<In<T>>& dcn, const Maybe<Out<T>>& dh0, const Maybe<Out<T>>& dc0) {
  const size_t batch = call.forward.batch;
  call.dhn = data(dhn, shape.widths() * batch, "dh");
  call.dcn = data(dcn, shape.cells() * batch, "dc");
  call.dh0 = data(dh0, shape.widths() * batch, "dh0");
  call.dc0 = data(dc0, shape.cells() * batch, "dc0");
}

// A block for every slice, of as many numbers as `size(rows)` says.
template <class T, class F>
std::vector<Block> slice_blocks(int batch, F size) {
  std::vector<Block> blocks(slice_count(batch));
  for (int s = 0; s < int(blocks.size()); ++s)
    blocks[s] = Block(size(slice_of(batch, s).rows) * sizeof(T));
  return blocks;
}

template <class T>
std::vector<T*> starts_of(const std::vector<Block>& blocks) {
  std::vector<T*> starts;
  for (const Block& block : blocks) starts.push_back(block.as<T>());
  return starts;
}

}  // namespace rollcast
