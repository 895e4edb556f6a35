// The Python module: arrays in and out, the lock let go, the table called. Sizes and types were
// checked by the engine package; what would write outside an array is checked here once more.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "dispatch.h"
#include "threads.h"
#include "workspace.h"

namespace nb = nanobind;
using namespace rollcast;

namespace {

template <class T>
using In = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
template <class T>
using Out = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
template <class A>
using Maybe = std::optional<A>;

template <class T>
const Kernels<T>& kernels(const Engine& row = engine()) {
  if constexpr (sizeof(T) == 4) return row.single;
  else return row.twice;
}

// Lets other Python threads run. A daemon thread that asks for the lock while the interpreter shuts
// down is ended by Python through an unwinding that may not pass here or through nanobind, on pain of
// std::terminate; it is held where it is until the process has ended.
class WithoutLock {
  PyThreadState* state_ = PyEval_SaveThread();

 public:
  WithoutLock() = default;
  WithoutLock(const WithoutLock&) = delete;
  ~WithoutLock() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  }
};

void expect(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(std::string("rollcast engine: wrong size of ") + what);
}

template <class A>
auto data(const Maybe<A>& array, size_t size, const char* what) -> decltype(array->data()) {
  if (!array) return nullptr;
  expect(array->size() == size, what);
  return array->data();
}

// Under some ten million operations waking a second thread costs more than it brings.
int threads_for(double operations) { return operations < 4e6 ? 1 : thread_count(); }

// Steps, rows and widths are counted in int; sums of a few of them must fit too.
int length_of(size_t size, const char* what) {
  expect(size > 0 && size <= size_t(1) << 30, what);
  return int(size);
}

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
  k.collect(made.stack, scratch.data(), slices, gradient.data());
}

template <class T>
Linear<T> linear_call(const In<T>& x, const In<T>& weight) {
  expect(x.ndim() == 2 && weight.ndim() == 2 && x.shape(1) == weight.shape(1), "weight");
  Linear<T> call = {};
  call.rows = length_of(x.shape(0), "x (1 to 2^30 rows)");
  call.input = length_of(x.shape(1), "x (1 to 2^30 columns)");
  call.output = length_of(weight.shape(0), "weight (1 to 2^30 rows)");
  call.x = x.data();
  return call;
}

template <class T, class F>
std::vector<Block> run_linear(const Kernels<T>& k, const Linear<T>& call, double operations, F f) {
  const int slices = slice_count(call.rows);
  std::vector<Block> scratch(slices);
  for (int s = 0; s < slices; ++s)
    scratch[s] = Block(k.linear_scratch_size(call, slice_of(call.rows, s).rows) * sizeof(T));
  parallel(slices, threads_for(operations),
           [&](int s) { f(call, slice_of(call.rows, s), scratch[s].template as<T>()); });
  return scratch;
}

template <class T>
void linear(In<T> x, In<T> weight, Maybe<In<T>> bias, Out<T> y) {
  Linear<T> call = linear_call<T>(x, weight);
  call.bias = data(bias, call.output, "bias");
  expect(y.size() == size_t(call.rows) * call.output, "y");
  call.y = y.data();
  WithoutLock free;
  const Kernels<T>& k = kernels<T>();
  Block panels(k.packed_linear_size(call.input, call.output) * sizeof(T));
  k.pack_linear(call.input, call.output, weight.data(), panels.as<T>());
  call.packed = panels.as<T>();
  run_linear(k, call, 2.0 * call.rows * call.input * call.output, k.linear);
}

template <class T>
void linear_backward(In<T> dy, In<T> x, In<T> weight, Maybe<Out<T>> dx, Out<T> dweight,
                     Maybe<Out<T>> dbias) {
  Linear<T> call = linear_call<T>(x, weight);
  expect(dy.size() == size_t(call.rows) * call.output, "dy");
  call.dy = dy.data();
  call.dx = data(dx, x.size(), "dx");
  expect(dweight.size() == weight.size(), "dweight");
  T* bias = data(dbias, call.output, "dbias");
  WithoutLock free;
  const Kernels<T>& k = kernels<T>();
  Block panels(k.packed_linear_size(call.input, call.output) * sizeof(T));
  if (call.dx) k.pack_linear_backward(call.input, call.output, weight.data(), panels.as<T>());
  call.packed = panels.as<T>();
  auto blocks = run_linear(k, call, 4.0 * call.rows * call.input * call.output, k.linear_backward);
  std::vector<T*> scratch;
  for (const Block& block : blocks) scratch.push_back(block.as<T>());
  k.collect_linear(call, scratch.data(), int(scratch.size()), dweight.data(), bias);
}

template <class T>
double squared_norm(In<T> vector) {
  return kernels<T>().squared_norm(vector.data(), vector.size());
}

template <class T>
void sgd(Out<T> weights, In<T> gradient, Maybe<Out<T>> velocity, double scale, double rate,
         double momentum, double decay, bool first) {
  const size_t size = weights.size();
  expect(gradient.size() == size, "gradient");
  T* v = data(velocity, size, "velocity");
  expect(v || momentum == 0, "velocity (needed with momentum)");
  WithoutLock free;
  kernels<T>().sgd(weights.data(), gradient.data(), v, size, T(scale), T(rate), T(momentum),
                   T(decay), first);
}

template <class T>
void adam(Out<T> weights, In<T> gradient, Out<T> mean, Out<T> square, int step, double scale,
          double rate, double beta1, double beta2, double epsilon, double decay, bool decoupled) {
  const size_t size = weights.size();
  expect(gradient.size() == size && mean.size() == size && square.size() == size, "state");
  expect(step >= 1, "step");
  WithoutLock free;
  const double correction1 = 1 - std::pow(beta1, step), correction2 = 1 - std::pow(beta2, step);
  kernels<T>().adam(weights.data(), gradient.data(), mean.data(), square.data(), size, T(scale),
                    T(rate), T(beta1), T(beta2), T(epsilon), T(correction1), T(correction2),
                    T(decay), decoupled);
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
  m.def("linear", &linear<T>, arg("x").noconvert(), arg("weight").noconvert(),
        arg("bias").none().noconvert(), arg("y").noconvert());
  m.def("linear_backward", &linear_backward<T>, arg("dy").noconvert(), arg("x").noconvert(),
        arg("weight").noconvert(), arg("dx").none().noconvert(), arg("dweight").noconvert(),
        arg("dbias").none().noconvert());
  m.def("squared_norm", &squared_norm<T>, arg("vector").noconvert());
  m.def("sgd", &sgd<T>, arg("weights").noconvert(), arg("gradient").noconvert(),
        arg("velocity").none().noconvert(), arg("scale"), arg("rate"), arg("momentum"),
        arg("decay"), arg("first"));
  m.def("adam", &adam<T>, arg("weights").noconvert(), arg("gradient").noconvert(),
        arg("mean").noconvert(), arg("square").noconvert(), arg("step"), arg("scale"), arg("rate"),
        arg("beta1"), arg("beta2"), arg("epsilon"), arg("decay"), arg("decoupled"));
}

}  // namespace

NB_MODULE(_native, m) {
  define<float>(m, "PackedSingle", "RecordingSingle");
  define<double>(m, "PackedDouble", "RecordingDouble");
  m.def("row", [] { return std::string(engine().name); });
  m.def("select_row", &select_row);
  m.def("supported_rows", &supported_rows);
  m.def("compiled_rows", &compiled_rows);
  m.def("threads", &thread_count);
  m.def("set_threads", &set_thread_count);
  m.def("granted_cpus", &granted_cpus);
  m.def("idle_bytes", &idle_bytes);
  m.def("release_idle", &release_idle);
}
