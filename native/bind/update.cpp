// The norm and the optimizers' steps on one flat vector.
#include <cmath>

#include "arrays.h"

namespace rollcast {
namespace {

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
void define(nb::module_& m) {
  using nb::arg;
  m.def("squared_norm", &squared_norm<T>, arg("vector").noconvert());
  m.def("sgd", &sgd<T>, arg("weights").noconvert(), arg("gradient").noconvert(),
        arg("velocity").none().noconvert(), arg("scale"), arg("rate"), arg("momentum"),
        arg("decay"), arg("first"));
  m.def("adam", &adam<T>, arg("weights").noconvert(), arg("gradient").noconvert(),
        arg("mean").noconvert(), arg("square").noconvert(), arg("step"), arg("scale"), arg("rate"),
        arg("beta1"), arg("beta2"), arg("epsilon"), arg("decay"), arg("decoupled"));
}

}  // namespace

void define_update(nb::module_& m) {
  define<float>(m);
  define<double>(m);
}

}  // namespace rollcast
