// Windows gathered and scaled.
#include "../windows.h"

#include "arrays.h"

namespace rollcast {
namespace {

template <class T>
void gather(In<double> values, In<int64_t> begin, Maybe<In<int64_t>> stop, int context,
            double constant, bool find, int measure, Out<double> location, Out<double> scale, Out<T> scaled,
            Out<bool> observed) {
  Windows<T> call = {};
  expect(scaled.ndim() == 2 && scaled.size() > 0, "scaled");
  call.rows = length_of(scaled.shape(0), "scaled (1 to 2^30 rows)");
  call.batch = length_of(scaled.shape(1), "scaled (1 to 2^30 windows)");
  expect(context >= 0 && context <= call.rows, "context");
  expect(begin.size() == size_t(call.batch) && location.size() == size_t(call.batch) &&
             scale.size() == size_t(call.batch) && observed.size() == scaled.size(),
         "begin, location, scale or observed");
  call.context = context;
  call.values = values.data();
  call.begin = begin.data();
  for (int j = 0; j < call.batch; ++j)
    expect(call.begin[j] >= 0 && call.begin[j] + call.rows <= int64_t(values.size()), "begin");
  call.stop = data(stop, call.batch, "stop");
  call.constant = constant;
  call.find = find;
  expect(measure >= 0 && measure <= int(Measure::mean), "measure");
  call.measure = Measure(measure);
  call.location = location.data();
  call.scale = scale.data();
  call.scaled = scaled.data();
  call.observed = observed.data();
  WithoutLock free;
  rollcast::gather(call);
}

template <class T>
void define(nb::module_& m) {
  using nb::arg;
  m.def("gather", &gather<T>, arg("values").noconvert(), arg("begin").noconvert(),
        arg("stop").none().noconvert(), arg("context"), arg("constant"), arg("find"), arg("measure"),
        arg("location").noconvert(), arg("scale").noconvert(), arg("scaled").noconvert(),
        arg("observed").noconvert());
}

}  // namespace

void define_windows(nb::module_& m) {
  define<float>(m);
  define<double>(m);
}

}  // namespace rollcast
