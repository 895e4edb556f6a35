// Optimizer steps and the norm on one flat vector. `scale` multiplies the gradient on the way in
// (clipping by norm), so that clipping costs no pass of its own.
#pragma once
#include "simd.h"

namespace rollcast::ROLLCAST_ROW {

// In float64, in eight fixed lanes: the same bits whatever the caller's threads.
template <class T>
double squared_norm(const T* vector, size_t size) {
  double sums[8] = {};
  for (size_t i = 0; i < size; ++i) sums[i % 8] += double(vector[i]) * double(vector[i]);
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

// PyTorch's SGD: v = momentum v + g, w -= rate v; the first v is g itself.
template <class T>
void sgd(T* w, const T* gradient, T* velocity, size_t size, T scale, T rate, T momentum, T decay,
         bool first) {
  for (size_t i = 0; i < size; ++i) {
    T g = gradient[i] * scale + decay * w[i];
    if (momentum != T(0)) g = velocity[i] = first ? g : momentum * velocity[i] + g;
    w[i] -= rate * g;
  }
}

// Adam (Kingma & Ba 2015, algorithm 1), with weight decay in the gradient or, decoupled, on the
// weights (Loshchilov & Hutter 2019). corrections: 1 - beta^t.
template <class T>
void adam(T* w, const T* gradient, T* mean, T* square, size_t size, T scale, T rate, T beta1,
          T beta2, T epsilon, T correction1, T correction2, T decay, bool decoupled) {
  const T step = rate / correction1;
  const T root = T(__builtin_sqrt(double(correction2)));
  const T shrink = decoupled ? 1 - rate * decay : T(1);
  const T pull = decoupled ? T(0) : decay;
  for (size_t i = 0; i < size; ++i) {
    const T held = w[i] * shrink;
    const T g = gradient[i] * scale + pull * held;
    mean[i] += (g - mean[i]) * (1 - beta1);
    square[i] = square[i] * beta2 + g * g * (1 - beta2);
    T deviation;
    if constexpr (sizeof(T) == 4) deviation = __builtin_sqrtf(square[i]);
    else deviation = __builtin_sqrt(square[i]);
    w[i] = held - step * mean[i] / (deviation / root + epsilon);
  }
}

}  // namespace rollcast::ROLLCAST_ROW
