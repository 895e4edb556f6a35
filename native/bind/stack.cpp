// Recurrent stacks: pack, forward, infer, backward.
#include "stack.h"

namespace rollcast {
namespace {

template <class T>
std::vector<Block> run_forward(const Kernels<T>& k, const Forward<T>& call, double weights) {
  const int layers = call.stack.layers;
  const int threads = threads_for(2.0 * weights * call.time * call.batch);
  // One row keeps one thread busy; its layers, one behind the other, keep more.
  if (one_row(call) && layers > 1 && threads > 1) {
    std::vector<Block> work(1);
    work[0] = Block(k.layers_workspace_size(call) * sizeof(T));
    std::vector<int> progress(layers * progress_stride);
    parallel(layers, threads, [&](int layer) {
      k.forward_layer(call, layer, work[0].as<T>(), progress.data());
    });
    return work;
  }
  auto work = slice_blocks<T>(call.batch, [&](int rows) { return k.workspace_size(call, rows); });
  parallel(int(work.size()), threads, [&](int s) {
    k.forward(call, slice_of(call.batch, s), work[s].template as<T>());
  });
  return work;
}

template <class T>
std::unique_ptr<Recording<T>> forward(const Kind& cell, const std::vector<int>& sizes, In<T> weights,
                                      In<T> x, Maybe<In<T>> h0, Maybe<In<T>> c0,
                                      std::vector<int> lengths, std::vector<int> order,
                                      Maybe<Out<T>> y, Maybe<Out<T>> hn, Maybe<Out<T>> cn,
                                      double dropout, uint64_t seed, uint64_t step,
                                      bool need_x, bool recompute, int projection) {
  auto record = std::make_unique<Recording<T>>();
  record->x = x;
  record->lengths = std::move(lengths);
  record->order = std::move(order);
  record->need_x = need_x;
  const T* flat = weights.data();
  const int batch = length_of(x.ndim() == 3 ? x.shape(1) : 0, "x (1 to 2^30 rows)");
  record->packed = pack<T>(cell, sizes, weights, projection, false,
                           recompute ? 0 : batch / slice_count(batch));
  Forward<T>& call = record->call;
  call.dropout = {dropout, seed, step};
  call.record = true;
  call.recompute = recompute;
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
  const size_t outputs = size_t(made.time) * made.batch * shape.output();
  Backward<T> call = {};
  call.forward = made;
  call.packed = record.panels_backward.template as<T>();
  call.dy = data(dy, outputs, "dy");
  fill_states(call, shape, dhn, dcn, dh0, dc0);
  call.dx = data(dx, record.x.size(), "dx");
  expect(!call.dx || record.need_x, "dx (not asked for in forward)");
  expect(gradient.size() == shape.weights(), "gradient");
  // Taken while the lock is held: a second thread finds the recording used.
  std::vector<Block> work = std::exchange(record.work, {});
  WithoutLock free;
  const Kernels<T>& k = kernels<T>(*record.packed->row);
  const auto blocks =
      slice_blocks<T>(made.batch, [&](int rows) { return k.scratch_size(call, rows); });
  const std::vector<T*> scratch = starts_of<T>(blocks);
  const int slices = int(scratch.size());
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
  nb::class_<Recording<T>>(m, recording)
      .def_prop_ro("bytes", [](const Recording<T>& r) { return bytes_of(r.work); });
  m.def("pack", &pack<T>, arg("cell"), arg("sizes"), arg("weights").noconvert(),
        arg("projection") = 0, arg("bfloat16") = false, arg("rows") = 0);
  m.def("forward", &forward<T>, arg("cell"), arg("sizes"), arg("weights").noconvert(),
        arg("x").noconvert(), arg("h0").none().noconvert(), arg("c0").none().noconvert(),
        arg("lengths"), arg("order"), arg("y").none().noconvert(), arg("hn").none().noconvert(),
        arg("cn").none().noconvert(), arg("dropout"), arg("seed"), arg("step"), arg("need_x"),
        arg("recompute") = false, arg("projection") = 0);
  m.def("infer", &infer<T>, arg("packed"), arg("x").noconvert(), arg("h0").none().noconvert(),
        arg("c0").none().noconvert(), arg("lengths"), arg("y").none().noconvert(),
        arg("hn").none().noconvert(), arg("cn").none().noconvert());
  m.def("backward", &backward<T>, arg("recording"), arg("dy").none().noconvert(),
        arg("dh").none().noconvert(), arg("dc").none().noconvert(), arg("gradient").noconvert(),
        arg("dx").none().noconvert(), arg("dh0").none().noconvert(), arg("dc0").none().noconvert());
}

void make_kind(Kind* at, int cell, std::vector<int> dilation, bool residual, double zoneout) {
  expect(cell >= 0 && cell < cell_count, "cell");
  new (at) Kind{Cell(cell), {std::move(dilation), residual, zoneout}};
}

}  // namespace

void define_stack(nb::module_& m) {
  nb::class_<Kind>(m, "Kind").def("__init__", &make_kind);
  define<float>(m, "PackedSingle", "RecordingSingle");
  define<double>(m, "PackedDouble", "RecordingDouble");
}

}  // namespace rollcast
