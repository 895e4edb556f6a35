// Recurrent stacks: pack, forward, infer, backward. Sizes and types were checked by the engine
// package; what would write outside an array is checked here once more.
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "arrays.h"

namespace rollcast {
namespace {

struct Shape {
  Cell cell;
  std::vector<int> sizes;

  Stack stack() const { return {cell, int(sizes.size()) - 1, sizes.data()}; }
  size_t units() const {
    size_t sum = 0;
    for (size_t l = 1; l < sizes.size(); ++l) sum += sizes[l];
    return sum;
  }
  size_t gates() const { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }
  size_t weights() const {
    size_t sum = 0;
    for (size_t l = 1; l < sizes.size(); ++l)
      sum += gates() * sizes[l] * size_t(sizes[l - 1] + sizes[l] + 2);
    return sum;
  }
};

Shape shape_of(int cell, const std::vector<int>& sizes) {
  expect(cell >= 0 && cell <= 3, "cell");
  expect(sizes.size() >= 2 && sizes.size() <= 65, "sizes (1 to 64 layers)");
  for (int size : sizes) expect(size > 0 && size <= 1 << 20, "sizes");
  return {Cell(cell), sizes};
}

// Weights in the form that forward reads, for calls that follow each other. The row they were packed
// for serves them to the end, whatever is selected meanwhile.
template <class T>
struct Packed {
  Shape shape;
  const Engine* row;
  Block panels;
};

template <class T>
std::unique_ptr<Packed<T>> pack(int cell, const std::vector<int>& sizes, In<T> weights) {
  auto packed = std::make_unique<Packed<T>>(Packed<T>{shape_of(cell, sizes), &engine(), {}});
  expect(weights.size() == packed->shape.weights(), "weights");
  const Stack stack = packed->shape.stack();
  const Kernels<T>& k = kernels<T>(*packed->row);
  packed->panels = Block(k.packed_size(stack) * sizeof(T));
  k.pack(stack, weights.data(), packed->panels.template as<T>());
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
  if (numbers > 0x1p50) throw std::bad_alloc();
  call.x = x.data();
  call.packed = packed.panels.template as<T>();
  const size_t states = shape.units() * call.batch;
  call.h0 = data(h0, states, "h0");
  call.c0 = data(c0, states, "c0");
  call.hn = data(hn, states, "hn");
  call.cn = data(cn, states, "cn");
  call.y = data(y, size_t(call.time) * call.batch * shape.sizes.back(), "y");
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

template <class T>
std::vector<Block> run_forward(const Kernels<T>& k, const Forward<T>& call, double weights) {
  const int slices = slice_count(call.batch);
  std::vector<Block> work(slices);
  for (int s = 0; s < slices; ++s)
    work[s] = Block(k.workspace_size(call, slice_of(call.batch, s).rows) * sizeof(T));
  parallel(slices, threads_for(2.0 * weights * call.time * call.batch), [&](int s) {
    k.forward(call, slice_of(call.batch, s), work[s].as<T>());
  });
  return work;
}

template <class T>
std::unique_ptr<Recording<T>> forward(int cell, const std::vector<int>& sizes, In<T> weights,
                                      In<T> x, Maybe<In<T>> h0, Maybe<In<T>> c0,
                                      std::vector<int> lengths, std::vector<int> order,
                                      Maybe<Out<T>> y, Maybe<Out<T>> hn, Maybe<Out<T>> cn,
                                      double dropout, uint64_t seed, uint64_t step,
                                      bool need_x) {
  auto record = std::make_unique<Recording<T>>();
  record->x = x;
  record->lengths = std::move(lengths);
  record->order = std::move(order);
  record->need_x = need_x;
  const T* flat = weights.data();
  record->packed = pack<T>(cell, sizes, weights);
  Forward<T>& call = record->call;
  call.dropout = {dropout, seed, step};
  call.record = true;
  fill_call(call, *record->packed, x, h0, c0, record->lengths, y, hn, cn);
  expect(record->order.empty() || int(record->order.size()) == call.batch, "order");
  call.order = record->order.empty() ? nullptr : record->order.data();
  const double count = double(weights.size());
  {
    WithoutLock free;
    const Kernels<T>& k = kernels<T>(*record->packed->row);
    record->panels_backward = Block(k.packed_backward_size(call.stack, need_x) * sizeof(T));
    k.pack_backward(call.stack, flat, need_x, record->panels_backward.template as<T>());
    record->work = run_forward(k, call, count);
  }
  call.y = call.hn = call.cn = nullptr;
  call.h0 = call.c0 = nullptr;
  return record;
}

template <class T>
void infer(const Packed<T>& packed, In<T> x, Maybe<In<T>> h0, Maybe<In<T>> c0,
           std::vector<int> lengths, Maybe<Out<T>> y, Maybe<Out<T>> hn, Maybe<Out<T>> cn) {
  Forward<T> call = {};
  fill_call(call, packed, x, h0, c0, lengths, y, hn, cn);
  WithoutLock free;
  run_forward(kernels<T>(*packed.row), call, double(packed.shape.weights()));
}

template <class T>
void backward(Recording<T>& record, Maybe<In<T>> dy, Maybe<In<T>> dhn, Maybe<In<T>> dcn,
              Out<T> gradient, Maybe<Out<T>> dx, Maybe<Out<T>> dh0, Maybe<Out<T>> dc0) {
  if (record.work.empty())
    throw std::invalid_argument("rollcast engine: this recording was used already");
  const Shape& shape = record.packed->shape;
  const Forward<T>& made = record.call;
  const size_t outputs = size_t(made.time) * made.batch * shape.sizes.back();
  const size_t states = shape.units() * made.batch;
  Backward<T> call = {};
  call.forward = made;
  call.packed = record.panels_backward.template as<T>();
  call.dy = data(dy, outputs, "dy");
  call.dhn = data(dhn, states, "dh");
  call.dcn = data(dcn, states, "dc");
  call.dx = data(dx, record.x.size(), "dx");
  expect(!call.dx || record.need_x, "dx (not asked for in forward)");
  call.dh0 = data(dh0, states, "dh0");
  call.dc0 = data(dc0, states, "dc0");
  expect(gradient.size() == shape.weights(), "gradient");
  // Taken while the lock is held: a second thread finds the recording used.
  std::vector<Block> work = std::exchange(record.work, {});
  WithoutLock free;
  const Kernels<T>& k = kernels<T>(*record.packed->row);
  const int slices = slice_count(made.batch);
  std::vector<Block> blocks(slices);
  std::vector<T*> scratch(slices);
  for (int s = 0; s < slices; ++s) {
    blocks[s] = Block(k.scratch_size(call, slice_of(made.batch, s).rows) * sizeof(T));
    scratch[s] = blocks[s].as<T>();
  }
  const double operations = 4.0 * double(shape.weights()) * made.time * made.batch;
  parallel(slices, threads_for(operations), [&](int s) {
    k.backward(call, slice_of(made.batch, s), work[s].template as<T>(), scratch[s]);
  });
  k.collect(call, scratch.data(), slices, gradient.data());
}

template <class T>
void define(nb::module_& m, const char* packed, const char* recording) {
  using nb::arg;
  nb::class_<Packed<T>>(m, packed);
  nb::class_<Recording<T>>(m, recording).def_prop_ro("bytes", [](const Recording<T>& r) {
    size_t sum = 0;
    for (const Block& block : r.work) sum += block.bytes();
    return sum;
  });
  m.def("pack", &pack<T>, arg("cell"), arg("sizes"), arg("weights").noconvert());
  m.def("forward", &forward<T>, arg("cell"), arg("sizes"), arg("weights").noconvert(),
        arg("x").noconvert(), arg("h0").none().noconvert(), arg("c0").none().noconvert(),
        arg("lengths"), arg("order"), arg("y").none().noconvert(), arg("hn").none().noconvert(),
        arg("cn").none().noconvert(), arg("dropout"), arg("seed"), arg("step"), arg("need_x"));
  m.def("infer", &infer<T>, arg("packed"), arg("x").noconvert(), arg("h0").none().noconvert(),
        arg("c0").none().noconvert(), arg("lengths"), arg("y").none().noconvert(),
        arg("hn").none().noconvert(), arg("cn").none().noconvert());
  m.def("backward", &backward<T>, arg("recording"), arg("dy").none().noconvert(),
        arg("dh").none().noconvert(), arg("dc").none().noconvert(), arg("gradient").noconvert(),
        arg("dx").none().noconvert(), arg("dh0").none().noconvert(), arg("dc0").none().noconvert());
}

}  // namespace

void define_stack(nb::module_& m) {
  define<float>(m, "PackedSingle", "RecordingSingle");
  define<double>(m, "PackedDouble", "RecordingDouble");
}

}  // namespace rollcast
