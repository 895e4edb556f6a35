// Optimizer steps and sums over one flat vector. A gradient is clipped on the way in, so that
// clipping costs no pass of its own.
#pragma once
#include "engine.h"
#include "simd.h"

namespace rollcast::ROLLCAST_ROW {

// Sums run in float64 in 32 lanes, whatever the row: a fixed order, and the same bits whatever the
// caller's threads.
typedef double Eight __attribute__((vector_size(64)));

template <class T>
ROLLCAST_INLINE Eight eight(const T* p) {
  typedef T Loose __attribute__((vector_size(8 * sizeof(T)), aligned(alignof(T)), may_alias));
  return __builtin_convertvector(*reinterpret_cast<const Loose*>(p), Eight);
}

// term(i): the numbers i … i + 7 of what is summed; rest(i): number i.
template <class Term, class Rest>
ROLLCAST_INLINE double total(size_t size, Term term, Rest rest) {
  Eight sums[4] = {};
  size_t i = 0;
  for (; i + 32 <= size; i += 32)
    for (int k = 0; k < 4; ++k) sums[k] += term(i + 8 * k);
  double last = 0;
  for (; i < size; ++i) last += rest(i);
  const Eight all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (int k = 0; k < 8; ++k) last += all[k];
  return last;
}

template <class T>
double dot(const T* a, const T* b, size_t size) {
  return total(size, [=](size_t i) { return eight(a + i) * eight(b + i); },
               [=](size_t i) { return double(a[i]) * double(b[i]); });
}

// The squared norm of a vector whose elements are first brought within ±bound.
template <class T>
double squared_norm(const T* vector, size_t size, T bound) {
  const double high = bound;
  return total(size,
               [=](size_t i) {
                 Eight v = eight(vector + i);
                 v = v > high ? v - v + high : v;
                 v = v < -high ? v - v - high : v;
                 return v * v;
               },
               [=](size_t i) {
                 double v = vector[i];
                 v = v > high ? high : v;
                 v = v < -high ? -high : v;
                 return v * v;
               });
}

template <class T>
ROLLCAST_INLINE T clipped(T g, Clip<T> clip) {
  g = g > clip.bound ? clip.bound : g;
  g = g < -clip.bound ? -clip.bound : g;
  return g * clip.scale;
}

template <class T>
ROLLCAST_INLINE T square_root(T x) {
  if constexpr (sizeof(T) == 4) return __builtin_sqrtf(x);
  else return __builtin_sqrt(x);
}

// PyTorch's SGD: v = momentum v + g, w -= rate v; the first v is g itself.
template <class T>
void sgd(T* w, const T* gradient, T* velocity, size_t size, Clip<T> clip, T rate, T momentum,
         T decay, bool first) {
  for (size_t i = 0; i < size; ++i) {
    T g = clipped(gradient[i], clip) + decay * w[i];
    if (momentum != T(0)) g = velocity[i] = first ? g : momentum * velocity[i] + g;
    w[i] -= rate * g;
  }
}

template <bool centered, bool moved, class T>
void rmsprop(T* w, const T* gradient, T* square, T* mean, T* velocity, size_t size, Clip<T> clip,
             T rate, T alpha, T epsilon, T momentum, T decay) {
  for (size_t i = 0; i < size; ++i) {
    const T g = clipped(gradient[i], clip) + decay * w[i];
    T variance = square[i] = alpha * square[i] + (1 - alpha) * g * g;
    if constexpr (centered) {
      mean[i] += (g - mean[i]) * (1 - alpha);
      variance -= mean[i] * mean[i];
    }
    T step = g / (square_root(variance) + epsilon);
    if constexpr (moved) step = velocity[i] = momentum * velocity[i] + step;
    w[i] -= rate * step;
  }
}

// RMSprop (Tieleman & Hinton 2012) as PyTorch has it. mean: null unless centered (Graves 2013,
// arXiv 1308.0850, equations 38-45); velocity: null without momentum.
template <class T>
void rmsprop(T* w, const T* gradient, T* square, T* mean, T* velocity, size_t size, Clip<T> clip,
             T rate, T alpha, T epsilon, T momentum, T decay) {
  (mean ? velocity ? rmsprop<true, true, T> : rmsprop<true, false, T>
        : velocity ? rmsprop<false, true, T> : rmsprop<false, false, T>)(
      w, gradient, square, mean, velocity, size, clip, rate, alpha, epsilon, momentum, decay);
}

// Adam (Kingma & Ba 2015, algorithm 1), with weight decay in the gradient or, decoupled, on the
// weights (Loshchilov & Hutter 2019). corrections: 1 - beta^t.
template <class T>
void adam(T* w, const T* gradient, T* mean, T* square, size_t size, Clip<T> clip, T rate, T beta1,
          T beta2, T epsilon, T correction1, T correction2, T decay, bool decoupled) {
  const T step = rate / correction1;
  const T root = T(__builtin_sqrt(double(correction2)));
  const T shrink = decoupled ? 1 - rate * decay : T(1);
  const T pull = decoupled ? T(0) : decay;
  for (size_t i = 0; i < size; ++i) {
    const T held = w[i] * shrink;
    const T g = clipped(gradient[i], clip) + pull * held;
    mean[i] += (g - mean[i]) * (1 - beta1);
    square[i] = square[i] * beta2 + g * g * (1 - beta2);
    w[i] = held - step * mean[i] / (square_root(square[i]) / root + epsilon);
  }
}

}  // namespace rollcast::ROLLCAST_ROW
