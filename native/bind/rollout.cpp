// Closed-loop rollouts: recorded or not, and the way back.
#include "stack.h"

namespace rollcast {
namespace {

using Fed = In<uint8_t>;

// What a recorded rollout keeps: its input too, so the caller may change x meanwhile; the way back uses it up.
template <class T>
struct Looped {
  std::unique_ptr<Packed<T>> packed;
  Block panels_backward, head_backward;
  std::vector<Block> work;
  std::vector<T> lags;
  Rollout<T> call;
  Fed fed;
};

template <class T>
Block packed_head(const Kernels<T>& k, const In<T>& weight, bool backward) {
  const int outputs = int(weight.shape(0)), width = int(weight.shape(1));
  Block panels(k.packed_linear_size(width, outputs) * sizeof(T));
  (backward ? k.pack_linear_backward : k.pack_linear)(width, outputs, weight.data(), panels.as<T>());
  return panels;
}

template <class T>
void fill_rollout(Rollout<T>& call, const Packed<T>& packed, const In<T>& weight, const In<T>& bias,
                  const In<T>& x, const Fed& fed, int feed, const Maybe<In<T>>& lags,
                  const Maybe<In<T>>& past, const Maybe<In<T>>& offset, const Maybe<In<T>>& h0,
                  const Maybe<In<T>>& c0, const Out<T>& y, const Maybe<Out<T>>& hn,
                  const Maybe<Out<T>>& cn) {
  expect(packed.products == Products::plain, "weights (a rollout wants plain products)");
  fill_call<T>(call.stack, packed, x, h0, c0, {}, {}, hn, cn);
  const size_t steps = size_t(call.stack.time) * call.stack.batch;
  expect(weight.ndim() == 2 && weight.shape(1) == size_t(packed.shape.output()), "head weight");
  call.outputs = length_of(weight.shape(0), "head weight");
  expect(bias.size() == weight.shape(0), "head bias");
  expect(fed.size() == steps, "fed");
  bool any = false;
  for (size_t i = 0; i < steps; ++i) any |= fed.data()[i] != 0;
  expect(feed >= 0 && feed <= call.outputs, "feed");
  expect(!any || feed <= packed.shape.sizes[0], "feed (more than the input takes)");
  for (int b = 0; b < call.stack.batch; ++b) expect(!fed.data()[b], "fed (nothing precedes step 0)");
  expect(y.size() == steps * weight.shape(0), "y");
  if (lags) {
    call.lag_count = length_of(lags->size(), "lags");
    if (double(call.lag_count) * call.stack.batch > 0x1p50) throw std::bad_alloc();
    call.lags = lags->data();
    call.past = data(past, size_t(call.lag_count - 1) * call.stack.batch, "past");
  }
  call.offset = data(offset, steps, "offset");
  call.feed = feed;
  call.fed = fed.data();
  call.bias = bias.data();
  call.y = y.data();
}

template <class T>
std::vector<Block> run_rollout(const Kernels<T>& k, Rollout<T> call, const In<T>& weight,
                               double weights) {
  const Block head = packed_head<T>(k, weight, false);
  call.head = head.as<T>();
  const int batch = call.stack.batch;
  auto work = slice_blocks<T>(batch, [&](int rows) { return k.rollout_size(call, rows); });
  parallel(int(work.size()), threads_for(2.0 * weights * call.stack.time * batch), [&](int s) {
    k.rollout(call, slice_of(batch, s), work[s].template as<T>());
  });
  return work;
}

template <class T>
void rollout(const Packed<T>& packed, In<T> weight, In<T> bias, In<T> x, Fed fed, int feed,
             Maybe<In<T>> lags, Maybe<In<T>> past, Maybe<In<T>> offset, Maybe<In<T>> h0,
             Maybe<In<T>> c0, Out<T> y, Maybe<Out<T>> hn, Maybe<Out<T>> cn, double dropout,
             uint64_t seed, uint64_t step) {
  Rollout<T> call = {};
  call.stack.dropout = {dropout, seed, step};
  fill_rollout<T>(call, packed, weight, bias, x, fed, feed, lags, past, offset, h0, c0, y, hn, cn);
  WithoutLock free;
  run_rollout<T>(kernels<T>(*packed.row), call, weight, double(packed.shape.weights()));
}

template <class T>
std::unique_ptr<Looped<T>> record_rollout(const Kind& cell, const std::vector<int>& sizes, In<T> weights,
                                          In<T> weight, In<T> bias, In<T> x, Fed fed,
                                          int feed, Maybe<In<T>> lags, Maybe<In<T>> past,
                                          Maybe<In<T>> offset, Maybe<In<T>> h0, Maybe<In<T>> c0,
                                          Out<T> y, Maybe<Out<T>> hn, Maybe<Out<T>> cn,
                                          double dropout, uint64_t seed, uint64_t step,
                                          bool recompute, int projection) {
  auto record = std::make_unique<Looped<T>>();
  record->packed = pack<T>(cell, sizes, weights, projection, false);
  record->fed = fed;
  Rollout<T>& call = record->call;
  call.stack.dropout = {dropout, seed, step};
  call.stack.record = true;
  call.stack.recompute = recompute;
  fill_rollout<T>(call, *record->packed, weight, bias, x, fed, feed, lags, past, offset, h0, c0, y, hn,
                  cn);
  record->lags.assign(call.lags, call.lags + call.lag_count);
  {
    WithoutLock free;
    const Kernels<T>& k = kernels<T>(*record->packed->row);
    record->panels_backward = Block(k.packed_backward_size(call.stack.stack, true) * sizeof(T));
    k.pack_backward(call.stack.stack, weights.data(), true, record->panels_backward.template as<T>());
    record->head_backward = packed_head<T>(k, weight, true);
    record->work = run_rollout<T>(k, call, weight, double(weights.size()));
  }
  call.y = call.stack.hn = call.stack.cn = nullptr;
  call.stack.x = call.stack.h0 = call.stack.c0 = call.bias = call.past = call.offset = nullptr;
  call.lags = record->lags.data();
  return record;
}

template <class T>
void rollout_backward(Looped<T>& record, Maybe<In<T>> dy, Maybe<In<T>> dhn, Maybe<In<T>> dcn,
                      Out<T> gradient, Out<T> dweight, Out<T> dbias, Out<T> dlags, Out<T> doffset,
                      Out<T> dx, Maybe<Out<T>> dh0, Maybe<Out<T>> dc0) {
  if (record.work.empty())
    throw std::invalid_argument("rollcast engine: this recording was used already");
  const Shape& shape = record.packed->shape;
  const Rollout<T>& made = record.call;
  const Forward<T>& stack = made.stack;
  RolloutBackward<T> call = {};
  call.made = made;
  call.head = record.head_backward.template as<T>();
  call.dy = data(dy, size_t(stack.time) * stack.batch * made.outputs, "dy");
  call.stack.forward = stack;
  call.stack.packed = record.panels_backward.template as<T>();
  fill_states(call.stack, shape, dhn, dcn, dh0, dc0);
  expect(dx.size() == size_t(stack.time) * stack.batch * shape.sizes[0], "dx");
  call.stack.dx = dx.data();
  expect(gradient.size() == shape.weights(), "gradient");
  expect(dweight.size() == size_t(made.outputs) * shape.output(), "head weight gradient");
  expect(dbias.size() == size_t(made.outputs), "head bias gradient");
  expect(dlags.size() == size_t(made.lag_count), "lags gradient");
  expect(doffset.size() == size_t(stack.time) * stack.batch, "offset gradient");
  call.doffset = doffset.data();
  // Taken while the lock is held: a second thread finds the recording used.
  std::vector<Block> work = std::exchange(record.work, {});
  WithoutLock free;
  const Kernels<T>& k = kernels<T>(*record.packed->row);
  const auto blocks =
      slice_blocks<T>(stack.batch, [&](int rows) { return k.rollout_scratch_size(call, rows); });
  const std::vector<T*> scratch = starts_of<T>(blocks);
  const double operations = 4.0 * double(shape.weights()) * stack.time * stack.batch;
  parallel(int(scratch.size()), threads_for(operations), [&](int s) {
    k.rollout_backward(call, slice_of(stack.batch, s), work[s].template as<T>(), scratch[s]);
  });
  k.collect_rollout(made, scratch.data(), int(scratch.size()), gradient.data(), dweight.data(),
                    dbias.data(), dlags.data());
}

template <class T>
void define(nb::module_& m, const char* recording) {
  using nb::arg;
  nb::class_<Looped<T>>(m, recording)
      .def_prop_ro("bytes", [](const Looped<T>& r) { return bytes_of(r.work); });
  m.def("rollout", &rollout<T>, arg("packed"), arg("head_weight").noconvert(),
        arg("head_bias").noconvert(), arg("x").noconvert(), arg("fed").noconvert(), arg("feed"),
        arg("lags").none().noconvert(), arg("past").none().noconvert(),
        arg("offset").none().noconvert(), arg("h0").none().noconvert(),
        arg("c0").none().noconvert(), arg("y").noconvert(), arg("hn").none().noconvert(),
        arg("cn").none().noconvert(), arg("dropout"), arg("seed"), arg("step"));
  m.def("record_rollout", &record_rollout<T>, arg("cell"), arg("sizes"), arg("weights").noconvert(),
        arg("head_weight").noconvert(), arg("head_bias").noconvert(), arg("x").noconvert(),
        arg("fed").noconvert(), arg("feed"), arg("lags").none().noconvert(),
        arg("past").none().noconvert(), arg("offset").none().noconvert(),
        arg("h0").none().noconvert(), arg("c0").none().noconvert(), arg("y").noconvert(),
        arg("hn").none().noconvert(), arg("cn").none().noconvert(), arg("dropout"), arg("seed"),
        arg("step"), arg("recompute"), arg("projection"));
  m.def("rollout_backward", &rollout_backward<T>, arg("recording"), arg("dy").none().noconvert(),
        arg("dh").none().noconvert(), arg("dc").none().noconvert(), arg("gradient").noconvert(),
        arg("head_weight").noconvert(), arg("head_bias").noconvert(), arg("lags").noconvert(),
        arg("offset").noconvert(), arg("dx").noconvert(), arg("dh0").none().noconvert(),
        arg("dc0").none().noconvert());
}

}  // namespace

void define_rollout(nb::module_& m) {
  define<float>(m, "RolloutSingle");
  define<double>(m, "RolloutDouble");
}

}  // namespace rollcast
