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
#include "lanes_backward.h"
#include "lanes_pack.h"
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
  // The form of lanes.h follows that of pack.h where a call may want either.
  k.packed_size = [](const Stack& s) {
    return with_cell<T>(s.cell, [&](auto c) {
      typedef decltype(c) C;
      return packed_size<C>(s) + (small_layers(s) ? lane_packed_size<C>(s) : 0);
    });
  };
  k.pack = [](const Stack& s, const T* weights, T* packed) {
    with_cell<T>(s.cell, [&](auto c) {
      typedef decltype(c) C;
      pack<C>(s, weights, packed);
      if (small_layers(s)) lane_pack<C>(s, weights, packed + packed_size<C>(s));
    });
  };
  k.packed_backward_size = [](const Stack& s, bool need_x) {
    return with_cell<T>(s.cell, [&](auto c) {
      typedef decltype(c) C;
      return packed_backward_size<C>(s, need_x) +
             (small_layers(s) ? lane_packed_backward_size<C>(s, need_x) : 0);
    });
  };
  k.pack_backward = [](const Stack& s, const T* weights, bool need_x, T* packed) {
    with_cell<T>(s.cell, [&](auto c) {
      typedef decltype(c) C;
      pack_backward<C>(s, weights, need_x, packed);
      if (small_layers(s))
        lane_pack_backward<C>(s, weights, need_x, packed + packed_backward_size<C>(s, need_x));
    });
  };
  k.workspace_size = [](const Forward<T>& call, int rows) {
    return with_cell<T>(call.stack.cell, [&](auto c) {
      typedef decltype(c) C;
      if (in_lanes(call)) return LaneWorkspace<C>(call, rows).total;
      return Workspace<C>(call.stack, call.time, rows, call.record).total;
    });
  };
  k.forward = [](const Forward<T>& call, Slice slice, T* work) {
    with_cell<T>(call.stack.cell, [&](auto c) {
      typedef decltype(c) C;
      if (in_lanes(call)) lane_forward<C>(call, slice, work);
      else forward<C>(call, slice, work);
    });
  };
  k.scratch_size = [](const Backward<T>& call, int rows) {
    return with_cell<T>(call.forward.stack.cell, [&](auto c) {
      typedef decltype(c) C;
      if (in_lanes(call.forward)) return LaneScratch<C>(call.forward, rows).total;
      return Scratch<C>(call.forward.stack, call.forward.time, rows).total;
    });
  };
  k.backward = [](const Backward<T>& call, Slice slice, T* work, T* scratch) {
    with_cell<T>(call.forward.stack.cell, [&](auto c) {
      typedef decltype(c) C;
      if (in_lanes(call.forward)) lane_backward<C>(call, slice, work, scratch);
      else backward<C>(call, slice, work, scratch);
    });
  };
  k.collect = [](const Backward<T>& call, T* const* scratch, int slices, T* gradient) {
    const Stack& s = call.forward.stack;
    with_cell<T>(s.cell, [&](auto c) {
      typedef decltype(c) C;
      if (in_lanes(call.forward)) lane_collect<C>(s, scratch, slices, gradient);
      else collect<C>(s, scratch, slices, gradient);
    });
  };
  k.packed_linear_size = packed_linear_size<T>;
  k.pack_linear = pack_linear<T>;
  k.pack_linear_backward = pack_linear_backward<T>;
  k.linear_scratch_size = linear_scratch_size<T>;
  k.linear = linear<T>;
  k.linear_backward = linear_backward<T>;
  k.collect_linear = collect_linear<T>;
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
