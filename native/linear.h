// Linear layers over rows, on the same tiles as the recurrences, so that no foreign product with a
// thread pool of its own runs inside training.
#pragma once
#include "engine.h"
#include "gemm.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
inline int padded(int width) {
  return (width + lanes<T> - 1) / lanes<T> * lanes<T>;
}

template <class T>
size_t packed_linear_size(int input, int output) {
  const size_t forward = size_t(input) * padded<T>(output);
  const size_t backward = size_t(output) * padded<T>(input);
  return forward > backward ? forward : backward;
}

template <class T>
void pack_linear(int input, int output, const T* weight, T* packed) {
  // weight is (output, input); the panels want (input, output).
  constexpr int L = lanes<T>;
  vector_groups<4>(padded<T>(output) / L, [&](int v, auto group) {
    const int first = v * L, width = decltype(group)::value * L;
    for (int k = 0; k < input; ++k, packed += width)
      for (int j = 0; j < width; ++j)
        packed[j] = first + j < output ? weight[size_t(first + j) * input + k] : T(0);
  });
}

template <class T>
void pack_linear_backward(int input, int output, const T* weight, T* packed) {
  pack_columns(output, input, packed, [&](int k) { return weight + size_t(k) * input; });
}

template <class T>
size_t linear_scratch_size(const Linear<T>& call, int rows) {
  const size_t out = padded<T>(call.output), in = padded<T>(call.input);
  // Forward: bias and output. Backward: dweight, dbias, then x and dx padded.
  const size_t forward = out + rows * out;
  const size_t backward = call.output * in + out + rows * in;
  return (forward > backward ? forward : backward) + 16;
}

template <class T>
void linear(const Linear<T>& call, Slice slice, T* scratch) {
  const int out = padded<T>(call.output);
  T* bias = scratch;
  T* y = scratch + out;
  zero(bias, out);
  if (call.bias) copy(bias, call.bias, call.output);
  product(plain_rows(call.x + ptrdiff_t(slice.first) * call.input, call.input, call.input),
          slice.rows, call.packed, out / lanes<T>, static_cast<const T*>(bias), 0, y, out);
  for (int r = 0; r < slice.rows; ++r)
    copy(call.y + size_t(slice.first + r) * call.output, y + size_t(r) * out, call.output);
}

template <class T>
void linear_backward(const Linear<T>& call, Slice slice, T* scratch) {
  const int in = padded<T>(call.input), out = padded<T>(call.output);
  T* dweight = scratch;
  T* dbias = dweight + size_t(call.output) * in;
  T* wide = dbias + out;
  zero(scratch, size_t(call.output) * in + out);
  const T* dy = call.dy + ptrdiff_t(slice.first) * call.output;

  copy_padded(wide, in, call.x + ptrdiff_t(slice.first) * call.input, call.input, slice.rows);
  vector_groups<4>(in / lanes<T>, [&](int v, auto group) {
    constexpr int P = decltype(group)::value;
    outer<T, P, P, P>(dweight + v * lanes<T>, in, dy, call.output, call.output,
                      wide + v * lanes<T>, in, slice.rows);
  });
  for (int r = 0; r < slice.rows; ++r)
    for (int o = 0; o < call.output; ++o) dbias[o] += dy[size_t(r) * call.output + o];

  if (!call.dx) return;
  product(plain_rows(dy, call.output, call.output), slice.rows, call.packed, in / lanes<T>,
          static_cast<const T*>(nullptr), 0, wide, in);
  for (int r = 0; r < slice.rows; ++r)
    copy(call.dx + size_t(slice.first + r) * call.input, wide + size_t(r) * in, call.input);
}

template <class T>
void collect_linear(const Linear<T>& call, T* const* scratch, int slices, T* dweight, T* dbias) {
  const int in = padded<T>(call.input);
  const size_t weights = size_t(call.output) * in;
  for (int s = 1; s < slices; ++s)
    for (size_t i = 0; i < weights + call.output; ++i) scratch[0][i] += scratch[s][i];
  for (int o = 0; o < call.output; ++o)
    copy(dweight + size_t(o) * call.input, scratch[0] + size_t(o) * in, call.input);
  if (dbias) copy(dbias, scratch[0] + weights, call.output);
}

}  // namespace rollcast::ROLLCAST_ROW
