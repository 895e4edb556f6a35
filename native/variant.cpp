// All kernels for one instruction set: compiled once per row, with that row's flags, into a
// namespace named by the row. No standard-library templates may be used in here or below: the linker
// merges equal symbols and could hand AVX-512 code to a processor without it. The only symbol that
// leaves is the row's Engine.
#include "engine.h"
#include "simd.h"
#include "gemm.h"
#include "cells/gru.h"
#include "cells/lstm.h"
#include "cells/rnn.h"
#include "pack.h"
#include "backward.h"
#include "linear.h"
#include "update.h"

namespace rollcast {
namespace ROLLCAST_ROW {

// Calls f with the cell as a type: the one table of cells on this side.
template <class T, class F>
inline auto with_cell(Cell cell, F f) {
  switch (cell) {
    case Cell::rnn_tanh: return f(RnnTanh<T>{});
    case Cell::rnn_relu: return f(RnnRelu<T>{});
    case Cell::gru: return f(Gru<T>{});
    default: return f(Lstm<T>{});
  }
}

template <class T>
constexpr Kernels<T> kernels() {
  Kernels<T> k = {};
  k.packed_size = [](const Stack& s) {
    return with_cell<T>(s.cell, [&](auto c) { return packed_size<decltype(c)>(s); });
  };
  k.pack = [](const Stack& s, const T* weights, T* packed) {
    with_cell<T>(s.cell, [&](auto c) { pack<decltype(c)>(s, weights, packed); });
  };
  k.packed_backward_size = [](const Stack& s, bool need_x) {
    return with_cell<T>(s.cell,
                        [&](auto c) { return packed_backward_size<decltype(c)>(s, need_x); });
  };
  k.pack_backward = [](const Stack& s, const T* weights, bool need_x, T* packed) {
    with_cell<T>(s.cell, [&](auto c) { pack_backward<decltype(c)>(s, weights, need_x, packed); });
  };
  k.workspace_size = [](const Forward<T>& call, int rows) {
    return with_cell<T>(call.stack.cell, [&](auto c) {
      return Workspace<decltype(c)>(call.stack, call.time, rows, call.record).total;
    });
  };
  k.forward = [](const Forward<T>& call, Slice slice, T* work) {
    with_cell<T>(call.stack.cell, [&](auto c) { forward<decltype(c)>(call, slice, work); });
  };
  k.scratch_size = [](const Backward<T>& call, int rows) {
    return with_cell<T>(call.forward.stack.cell, [&](auto c) {
      return Scratch<decltype(c)>(call.forward.stack, call.forward.time, rows).total;
    });
  };
  k.backward = [](const Backward<T>& call, Slice slice, T* work, T* scratch) {
    with_cell<T>(call.forward.stack.cell,
                 [&](auto c) { backward<decltype(c)>(call, slice, work, scratch); });
  };
  k.collect = [](const Stack& s, T* const* scratch, int slices, T* gradient) {
    with_cell<T>(s.cell, [&](auto c) { collect<decltype(c)>(s, scratch, slices, gradient); });
  };
  k.packed_linear_size = packed_linear_size<T>;
  k.pack_linear = pack_linear<T>;
  k.pack_linear_backward = pack_linear_backward<T>;
  k.linear_scratch_size = linear_scratch_size<T>;
  k.linear = linear<T>;
  k.linear_backward = linear_backward<T>;
  k.collect_linear = collect_linear<T>;
  k.drop = drop_all<T>;
  k.squared_norm = squared_norm<T>;
  k.sgd = sgd<T>;
  k.adam = adam<T>;
  return k;
}

#define ROLLCAST_NAME_OF(row) #row
#define ROLLCAST_NAME(row) ROLLCAST_NAME_OF(row)
extern const Engine engine;
const Engine engine = {ROLLCAST_NAME(ROLLCAST_ROW), kernels<float>(), kernels<double>()};

}  // namespace ROLLCAST_ROW
}  // namespace rollcast
