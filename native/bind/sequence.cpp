// Stack, head, loss and the way back in one call. What stays the same from call to call is checked
// once, when the plan is made; of each call, the sizes of its arrays.
#include <nanobind/stl/vector.h>

#include <new>
#include <utility>
#include <vector>

#include "../sequence.h"
#include "kind.h"

namespace rollcast {
namespace {

struct Plan {
  std::vector<int> sizes;
  std::vector<double> levels;
  double dropout;
  Wiring wiring;
  SequencePlan native;
};

void make_plan(Plan* at, const Kind& kind, std::vector<int> sizes, int outputs, bool head, bool last,
               int family, double delta, std::vector<double> levels, double dropout) {
  kind.wiring.check(kind.cell, int(sizes.size()) - 1);
  expect(sizes.size() >= 2 && sizes.size() <= 65, "sizes (1 to 64 layers)");
  for (int size : sizes) expect(size > 0 && size <= 1 << 20, "sizes");
  expect(family >= 0 && family <= 3, "family");
  expect(outputs > 0 && outputs <= 1 << 20, "outputs");
  expect(levels.size() <= 1 << 10 && (Family(family) != Family::quantile || !levels.empty()),
         "levels");
  const int width = Family(family) == Family::quantile ? int(levels.size()) : 1;
  expect(head || outputs * width == sizes.back(),
         "outputs (without a head, the units of the last layer)");
  Plan* plan = new (at) Plan{std::move(sizes), std::move(levels), dropout, kind.wiring, {}};
  const Stack stack =
      plan->wiring.of({kind.cell, int(plan->sizes.size()) - 1, plan->sizes.data()});
  plan->native = {stack, outputs, width, head, last, Family(family), delta, plan->levels.data()};
}

// A value for each step that is read, row and output; null when absent.
template <class A>
auto answers(const Maybe<A>& array, const SequencePlan& plan, int time, int batch, const char* what)
    -> decltype(array->data()) {
  if (!array) return nullptr;
  expect(array->ndim() == 3 && array->shape(0) == size_t(plan.last ? 1 : time) &&
             array->shape(1) == size_t(batch) && array->shape(2) == size_t(plan.outputs),
         what);
  return array->data();
}

template <class T>
double run(const Plan& plan, In<T> weights, In<T> x, Maybe<In<T>> target, Maybe<In<bool>> observed,
           Maybe<In<double>> weight, Maybe<In<int>> lengths, Maybe<In<T>> h0, Maybe<In<T>> c0,
           Maybe<Out<T>> hn, Maybe<Out<T>> cn, Maybe<Out<T>> gradient, Maybe<Out<T>> output,
           uint64_t seed, uint64_t step) {
  const SequencePlan& native = plan.native;
  Sequence<T> call = {};
  call.plan = &native;
  const size_t count = native.stack_weights() + native.head_weights();
  expect(weights.size() == count, "weights");
  call.weights = weights.data();
  expect(x.ndim() == 3 && x.shape(2) == size_t(plan.sizes[0]), "x");
  call.time = length_of(x.shape(0), "x (1 to 2^30 steps)");
  call.batch = length_of(x.shape(1), "x (1 to 2^30 rows)");
  const double rows = double(call.time) * call.batch;
  // Far beyond any memory, and where the sizes of workspaces would begin to overflow.
  if (rows * double(native.units() + plan.sizes[0] + native.numbers()) > 0x1p50 || rows > 0x1p30)
    throw std::bad_alloc();
  call.x = x.data();
  const size_t read = size_t(native.last ? 1 : call.time) * call.batch;
  call.target = answers(target, native, call.time, call.batch, "target");
  call.observed = reinterpret_cast<const unsigned char*>(
      answers(observed, native, call.time, call.batch, "observed"));
  if (weight) {
    call.each_step = weight->size() == read;
    expect(call.each_step || weight->size() == size_t(call.batch), "weight");
    call.weight = weight->data();
  }
  call.lengths = data(lengths, call.batch, "lengths");
  for (int r = 0; call.lengths && r < call.batch; ++r)
    expect(call.lengths[r] >= 1 && call.lengths[r] <= call.time, "lengths (1 to time)");
  const size_t states = native.states() * call.batch;
  const size_t cells = states * cell_shape(native.stack.cell).cells;
  expect(cells || !(c0 || cn), "c (the cell state of an LSTM; this cell has none)");
  call.h0 = data(h0, states, "h0");
  call.c0 = data(c0, cells, "c0");
  call.hn = data(hn, states, "hn");
  call.cn = data(cn, cells, "cn");
  call.gradient = data(gradient, count, "gradient");
  expect(!call.gradient || call.target, "target (a gradient needs one)");
  call.output = data(output, read * native.numbers(), "output");
  call.dropout = {plan.dropout, seed, step};
  WithoutLock free;
  const double operations = (call.gradient ? 6.0 : 2.0) * rows * double(count);
  return run_sequence(kernels<T>(), call, threads_for(operations));
}

template <class T>
void define(nb::class_<Plan>& plan) {
  using nb::arg;
  plan.def("run", &run<T>, arg("weights").noconvert(), arg("x").noconvert(),
           arg("target").none().noconvert(), arg("observed").none().noconvert(),
           arg("weight").none().noconvert(), arg("lengths").none().noconvert(),
           arg("h0").none().noconvert(), arg("c0").none().noconvert(),
           arg("hn").none().noconvert(), arg("cn").none().noconvert(),
           arg("gradient").none().noconvert(), arg("output").none().noconvert(), arg("seed"),
           arg("step"));
}

}  // namespace

void define_sequence(nb::module_& m) {
  nb::class_<Plan> plan(m, "SequencePlan");
  plan.def("__init__", &make_plan);
  define<float>(plan);
  define<double>(plan);
}

}  // namespace rollcast
