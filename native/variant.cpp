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
#include "cells/lstm_layer_norm.h"
#include "cells/lstm_peephole.h"
#include "cells/min_gru.h"
#include "cells/min_lstm.h"
#include "cells/slstm.h"
#include "pack.h"
#include "through_time.h"
#include "one_row_backward.h"
#include "one_row_forward.h"
#include "lanes_backward.h"
#include "lanes_pack.h"
#if defined(ROLLCAST_ROW_avx512)
#include "bfloat16.h"
#endif
#include "linear.h"
#include "rollout_backward.h"
#include "loss.h"
#include "update.h"

namespace rollcast {
namespace ROLLCAST_ROW {

// Calls f with the cell as a type: the one table of cells on this side. First those of the tiles, which
// alone have loops of their own for one row, for tiny layers and for bfloat16.
template <class T, class F>
inline auto with_tiled_cell(Cell cell, F f) {
  switch (cell) {
    case Cell::rnn_tanh: return f(RnnTanh<T>{});
    case Cell::rnn_relu: return f(RnnRelu<T>{});
    case Cell::gru: return f(Gru<T>{});
    default: return f(Lstm<T>{});
  }
}
template <class T, class F>
inline auto with_cell(Cell cell, F f) {
  switch (cell) {
    case Cell::lstm_peephole: return f(LstmPeephole<T>{});
    case Cell::lstm_layer_norm: return f(LstmLayerNorm<T>{});
    case Cell::min_gru: return f(MinGru<T>{});
    case Cell::min_lstm: return f(MinLstm<T>{});
    case Cell::slstm: return f(Slstm<T>{});
    default: return with_tiled_cell<T>(cell, f);
  }
}

template <class T>
constexpr Kernels<T> kernels() {
  Kernels<T> k = {};
  // The form of lanes.h follows that of pack.h where a call may want either.
  k.packed_size = [](const Stack& s) {
    return with_cell<T>(s.cell, [&](auto c) {
      typedef decltype(c) C;
      if constexpr (ByRow<C>) return packed_size<C>(s);
      else return lane_start<C>(s) + (lane_form<T>(s) ? lane_packed_size<C>(s) : 0);
    });
  };
  k.pack = [](const Stack& s, const T* weights, T* packed) {
    with_cell<T>(s.cell, [&](auto c) {
      typedef decltype(c) C;
      if (unit_form<T>(s)) pack<C>(s, weights, packed);
      if constexpr (!ByRow<C>)
        if (lane_form<T>(s)) lane_pack<C>(s, weights, packed + lane_start<C>(s));
    });
  };
  k.packed_backward_size = [](const Stack& s, bool need_x) {
    return with_cell<T>(s.cell, [&](auto c) {
      typedef decltype(c) C;
      if constexpr (ByRow<C>) return packed_backward_size<C>(s, need_x);
      else
        return lane_start_backward<C>(s, need_x) +
               (lane_form<T>(s) ? lane_packed_backward_size<C>(s, need_x) : 0);
    });
  };
  k.pack_backward = [](const Stack& s, const T* weights, bool need_x, T* packed) {
    with_cell<T>(s.cell, [&](auto c) {
      typedef decltype(c) C;
      if constexpr (ByRow<C>) return by_row_pack_backward<C>(s, weights, need_x, packed);
      else {
        if (unit_form<T>(s)) pack_backward<C>(s, weights, need_x, packed);
        if (lane_form<T>(s))
          lane_pack_backward<C>(s, weights, need_x, packed + lane_start_backward<C>(s, need_x));
      }
    });
  };
  k.workspace_size = [](const Forward<T>& call, int rows) {
    return with_cell<T>(call.stack.cell, [&](auto c) {
      typedef decltype(c) C;
      if constexpr (!ByRow<C>) {
#if defined(ROLLCAST_ROW_avx512)
        if constexpr (sizeof(T) == 4)
          if (call.products != Products::plain)
            return Workspace<C>(call, rows).total + bfloat16_scratch_size<C>(call.stack, rows);
#endif
        if (one_row(call)) return RowWorkspace<C>(call, false).total;
        if (in_lanes(call)) return LaneWorkspace<C>(call, rows).total;
      }
      return Workspace<C>(call, rows).total;
    });
  };
  k.forward = [](const Forward<T>& call, Slice slice, T* work) {
    with_cell<T>(call.stack.cell, [&](auto c) {
      typedef decltype(c) C;
      if constexpr (!ByRow<C>) {
#if defined(ROLLCAST_ROW_avx512)
        if constexpr (sizeof(T) == 4)
          if (call.products != Products::plain) {
            float* behind = work + Workspace<C>(call, slice.rows).total;
            return forward<C>(call, slice, work, Bfloat16Products<C>(call, behind));
          }
#endif
        if (one_row(call)) return row_forward<C>(call, work);
        if (in_lanes(call)) return lane_forward<C>(call, slice, work);
      }
      forward<C>(call, slice, work);
    });
  };
  k.layers_workspace_size = [](const Forward<T>& call) {
    return with_tiled_cell<T>(call.stack.cell,
                              [&](auto c) { return RowWorkspace<decltype(c)>(call, true).total; });
  };
  k.forward_layer = [](const Forward<T>& call, int layer, T* work, int* progress) {
    with_tiled_cell<T>(call.stack.cell,
                       [&](auto c) { row_forward_layer<decltype(c)>(call, layer, work, progress); });
  };
#if defined(ROLLCAST_ROW_avx512)
  if constexpr (sizeof(T) == 4) {
    k.bfloat16_packed_size = [](const Stack& s) {
      return with_tiled_cell<T>(s.cell,
                                [&](auto c) { return bfloat16_packed_size<decltype(c)>(s); });
    };
    k.pack_bfloat16 = [](const Stack& s, const T* weights, T* packed) {
      with_tiled_cell<T>(s.cell,
                         [&](auto c) { pack_bfloat16<decltype(c)>(s, weights, packed); });
    };
  }
#endif
  k.scratch_size = [](const Backward<T>& call, int rows) {
    return with_cell<T>(call.forward.stack.cell, [&](auto c) {
      typedef decltype(c) C;
      if constexpr (!ByRow<C>)
        if (in_lanes(call.forward)) return LaneScratch<C>(call.forward, rows).total;
      return Scratch<C>(call.forward.stack, call.forward.time, rows).total;
    });
  };
  k.backward = [](const Backward<T>& call, Slice slice, T* work, T* scratch) {
    with_cell<T>(call.forward.stack.cell, [&](auto c) {
      typedef decltype(c) C;
      if constexpr (!ByRow<C>) {
        if (one_row(call.forward)) return row_backward<C>(call, work, scratch);
        if (in_lanes(call.forward)) return lane_backward<C>(call, slice, work, scratch);
      }
      backward<C>(call, slice, work, scratch);
    });
  };
  k.collect = [](const Backward<T>& call, T* const* scratch, int slices, T* gradient) {
    const Stack& s = call.forward.stack;
    with_cell<T>(s.cell, [&](auto c) {
      typedef decltype(c) C;
      if constexpr (!ByRow<C>)
        if (in_lanes(call.forward)) return lane_collect<C>(s, scratch, slices, gradient);
      collect<C>(s, scratch, slices, gradient);
    });
  };
  k.rollout_size = [](const Rollout<T>& call, int rows) {
    return with_cell<T>(call.stack.stack.cell,
                        [&](auto c) { return LoopWorkspace<decltype(c)>(call, rows).total; });
  };
  k.rollout = [](const Rollout<T>& call, Slice slice, T* work) {
    with_cell<T>(call.stack.stack.cell,
                 [&](auto c) { rollout<decltype(c)>(call, slice, work); });
  };
  k.rollout_scratch_size = [](const RolloutBackward<T>& call, int rows) {
    return with_cell<T>(call.made.stack.stack.cell,
                        [&](auto c) { return LoopScratch<decltype(c)>(call.made, rows).total; });
  };
  k.rollout_backward = [](const RolloutBackward<T>& call, Slice slice, T* work, T* scratch) {
    with_cell<T>(call.made.stack.stack.cell,
                 [&](auto c) { rollout_backward<decltype(c)>(call, slice, work, scratch); });
  };
  k.collect_rollout = [](const Rollout<T>& made, T* const* scratch, int slices, T* gradient,
                         T* dweight, T* dbias, T* dlags) {
    with_cell<T>(made.stack.stack.cell, [&](auto c) {
      collect_rollout<decltype(c)>(made, scratch, slices, gradient, dweight, dbias, dlags);
    });
  };
  k.packed_linear_size = packed_linear_size<T>;
  k.pack_linear = pack_linear<T>;
  k.pack_linear_backward = pack_linear_backward<T>;
  k.linear_scratch_size = linear_scratch_size<T>;
  k.linear = linear<T>;
  k.linear_backward = linear_backward<T>;
  k.collect_linear = collect_linear<T>;
  k.loss_weight = loss_weight<T>;
  k.loss = loss<T>;
  k.dot = dot<T>;
  k.drop = drop_all<T>;
  k.squared_norm = squared_norm<T>;
  k.sgd = sgd<T>;
  k.rmsprop = rmsprop<T>;
  k.adam = adam<T>;
  return k;
}

#define ROLLCAST_NAME_OF(row) #row
#define ROLLCAST_NAME(row) ROLLCAST_NAME_OF(row)
extern const Engine engine;
const Engine engine = {ROLLCAST_NAME(ROLLCAST_ROW), kernels<float>(), kernels<double>()};

}  // namespace ROLLCAST_ROW
}  // namespace rollcast
