// Linear layers: forward, backward.
#include <vector>

#include "arrays.h"

namespace rollcast {
namespace {

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
void define(nb::module_& m) {
  using nb::arg;
  m.def("linear", &linear<T>, arg("x").noconvert(), arg("weight").noconvert(),
        arg("bias").none().noconvert(), arg("y").noconvert());
  m.def("linear_backward", &linear_backward<T>, arg("dy").noconvert(), arg("x").noconvert(),
        arg("weight").noconvert(), arg("dx").none().noconvert(), arg("dweight").noconvert(),
        arg("dbias").none().noconvert());
}

}  // namespace

void define_linear(nb::module_& m) {
  define<float>(m);
  define<double>(m);
}

}  // namespace rollcast
