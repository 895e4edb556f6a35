// Dropout between layers that are run one by one.
#include <nanobind/stl/vector.h>

#include <vector>

#include "arrays.h"

namespace rollcast {
namespace {

template <class T>
void drop(Out<T> values, double probability, uint64_t seed, uint64_t step, int layer,
          const std::vector<int>& order) {
  expect(values.ndim() == 3, "values (time, batch, units)");
  const int batch = int(values.shape(1));
  expect(order.empty() || int(order.size()) == batch, "order");
  WithoutLock free;
  kernels<T>().drop({probability, seed, step}, layer, int(values.shape(0)), batch,
                    int(values.shape(2)), order.empty() ? nullptr : order.data(), values.data());
}

template <class T>
void define(nb::module_& m) {
  using nb::arg;
  m.def("drop", &drop<T>, arg("values").noconvert(), arg("probability"), arg("seed"), arg("step"),
        arg("layer"), arg("order"));
}

}  // namespace

void define_dropout(nb::module_& m) {
  define<float>(m);
  define<double>(m);
}

}  // namespace rollcast
