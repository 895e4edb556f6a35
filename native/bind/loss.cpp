// The loss of outputs against a target, and its slope.
#include <nanobind/stl/vector.h>

#include <vector>

#include "arrays.h"

namespace rollcast {
namespace {

template <class T>
double loss(int family, double delta, const std::vector<double>& levels, In<T> output, In<T> target,
            Maybe<In<bool>> observed, Maybe<In<double>> weight, Maybe<Out<T>> slope) {
  expect(family >= 0 && family <= 3, "family");
  Loss<T> call = {};
  call.family = Family(family);
  call.rows = length_of(target.size(), "target (1 to 2^30 elements)");
  call.outputs = 1;
  call.width = call.family == Family::quantile ? length_of(levels.size(), "levels") : 1;
  call.delta = delta;
  call.levels = call.family == Family::quantile ? levels.data() : nullptr;
  const size_t numbers = size_t(call.rows) * call.width;
  expect(output.size() == numbers, "output");
  call.output = output.data();
  call.target = target.data();
  call.observed = reinterpret_cast<const unsigned char*>(data(observed, call.rows, "observed"));
  if (weight) {
    expect(weight->size() > 0 && call.rows % weight->size() == 0, "weight");
    call.weight = weight->data();
    call.period = int(weight->size());
  }
  call.slope = data(slope, numbers, "slope");
  WithoutLock free;
  const Kernels<T>& k = kernels<T>();
  const double total = k.loss_weight(call);
  const double sum = k.loss(call, total);
  return total == 0 ? 0 : sum / total;
}

template <class T>
void define(nb::module_& m) {
  using nb::arg;
  m.def("loss", &loss<T>, arg("family"), arg("delta"), arg("levels"), arg("output").noconvert(),
        arg("target").noconvert(), arg("observed").none().noconvert(),
        arg("weight").none().noconvert(), arg("slope").none().noconvert());
}

}  // namespace

void define_loss(nb::module_& m) {
  define<float>(m);
  define<double>(m);
}

}  // namespace rollcast
