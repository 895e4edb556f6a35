// Sums, and the optimizers' steps with clipping, on one flat vector.
#include <cmath>
#include <limits>

#include "arrays.h"

namespace rollcast {
namespace {

template <class T>
double dot(In<T> a, In<T> b) {
  expect(a.size() == b.size(), "b");
  return kernels<T>().dot(a.data(), b.data(), a.size());
}

// The bounds of a gradient, 0 where there are none. First every element is brought within ±value, then
// the whole is shortened to `norm` (Pascanu et al. 2013, algorithm 1).
struct Bounds {
  double norm, value;
};

// Measures the gradient, then calls step(Clip). Returns the norm that the gradient came with; where
// that is not finite, nothing is done.
template <class T, class Step>
double clipped(In<T> gradient, Bounds bounds, Step step) {
  const Kernels<T>& k = kernels<T>();
  const size_t size = gradient.size();
  const double came_with = std::sqrt(k.dot(gradient.data(), gradient.data(), size));
  if (!std::isfinite(came_with)) return came_with;
  Clip<T> clip = {std::numeric_limits<T>::max(), T(1)};
  double norm = came_with;
  if (bounds.value > 0 && norm > bounds.value) {  // no element can be larger than the norm
    clip.bound = T(bounds.value);
    norm = std::sqrt(k.squared_norm(gradient.data(), size, clip.bound));
  }
  // 1e-6 is PyTorch's guard against 0 / 0.
  if (bounds.norm > 0 && norm + 1e-6 > bounds.norm) clip.scale = T(bounds.norm / (norm + 1e-6));
  step(clip);
  return came_with;
}

template <class T>
double sgd(Out<T> weights, In<T> gradient, Maybe<Out<T>> velocity, double clip_norm,
           double clip_value, double rate, double momentum, double decay, bool first) {
  const size_t size = weights.size();
  expect(gradient.size() == size, "gradient");
  T* v = data(velocity, size, "velocity");
  expect(v || momentum == 0, "velocity (needed with momentum)");
  WithoutLock free;
  return clipped<T>(gradient, {clip_norm, clip_value}, [&](Clip<T> clip) {
    kernels<T>().sgd(weights.data(), gradient.data(), v, size, clip, T(rate), T(momentum), T(decay),
                     first);
  });
}

template <class T>
double rmsprop(Out<T> weights, In<T> gradient, Out<T> square, Maybe<Out<T>> mean,
               Maybe<Out<T>> velocity, double clip_norm, double clip_value, double rate,
               double alpha, double epsilon, double momentum, double decay) {
  const size_t size = weights.size();
  expect(gradient.size() == size && square.size() == size, "state");
  T* m = data(mean, size, "mean");
  T* v = data(velocity, size, "velocity");
  expect(v || momentum == 0, "velocity (needed with momentum)");
  WithoutLock free;
  return clipped<T>(gradient, {clip_norm, clip_value}, [&](Clip<T> clip) {
    kernels<T>().rmsprop(weights.data(), gradient.data(), square.data(), m, v, size, clip, T(rate),
                         T(alpha), T(epsilon), T(momentum), T(decay));
  });
}

template <class T>
double adam(Out<T> weights, In<T> gradient, Out<T> mean, Out<T> square, int step, double clip_norm,
            double clip_value, double rate, double beta1, double beta2, double epsilon, double decay,
            bool decoupled) {
  const size_t size = weights.size();
  expect(gradient.size() == size && mean.size() == size && square.size() == size, "state");
  expect(step >= 1, "step");
  WithoutLock free;
  const double correction1 = 1 - std::pow(beta1, step), correction2 = 1 - std::pow(beta2, step);
  return clipped<T>(gradient, {clip_norm, clip_value}, [&](Clip<T> clip) {
    kernels<T>().adam(weights.data(), gradient.data(), mean.data(), square.data(), size, clip,
                      T(rate), T(beta1), T(beta2), T(epsilon), T(correction1), T(correction2),
                      T(decay), decoupled);
  });
}

template <class T>
void define(nb::module_& m) {
  using nb::arg;
  m.def("dot", &dot<T>, arg("a").noconvert(), arg("b").noconvert());
  m.def("sgd", &sgd<T>, arg("weights").noconvert(), arg("gradient").noconvert(),
        arg("velocity").none().noconvert(), arg("clip_norm"), arg("clip_value"), arg("rate"),
        arg("momentum"), arg("decay"), arg("first"));
  m.def("rmsprop", &rmsprop<T>, arg("weights").noconvert(), arg("gradient").noconvert(),
        arg("square").noconvert(), arg("mean").none().noconvert(),
        arg("velocity").none().noconvert(), arg("clip_norm"), arg("clip_value"), arg("rate"),
        arg("alpha"), arg("epsilon"), arg("momentum"), arg("decay"));
  m.def("adam", &adam<T>, arg("weights").noconvert(), arg("gradient").noconvert(),
        arg("mean").noconvert(), arg("square").noconvert(), arg("step"), arg("clip_norm"),
        arg("clip_value"), arg("rate"), arg("beta1"), arg("beta2"), arg("epsilon"), arg("decay"),
        arg("decoupled"));
}

}  // namespace

void define_update(nb::module_& m) {
  define<float>(m);
  define<double>(m);
}

}  // namespace rollcast
