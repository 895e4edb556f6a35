// Every entry point of the engine: what goes in, with its shape, and what comes out.
//
// A stack is one cell in one or more layers. Arrays are C-contiguous and time-major,
// (time, batch, feature). States of all layers lie one after the other, each (batch, units of the
// layer), which for equal layers is PyTorch's (layers, batch, units); with dilation (Chang et al. 2017,
// arXiv 1710.02224) a row of it holds the states after its last `dilation` steps, one after the other. What a cell has besides h is
// called c here: (batch, cells*units), the further states of a row side by side. Weights are one flat
// vector: per layer weight_ih (gates*units, input), weight_hh (gates*units, units), bias_ih, bias_hh,
// gates in PyTorch's order, then `vectors` numbers a unit, vector by vector; a cell that does not
// multiply h has neither weight_hh nor bias_hh. With projection (LSTM; Sak, Senior & Beaufays 2014) weight_hr
// (projection, units) follows; then the output and h of every layer have `projection` numbers, and c
// has the units.
//
// The batch is cut into slices by its size alone. A slice goes through all of time on one thread
// and keeps its own gradient; gradients are added up in the order of the slices. So the number of
// threads never changes a bit.
#pragma once
#include <cstddef>
#include <cstdint>

namespace rollcast {

enum class Cell : int {
  rnn_tanh, rnn_relu, lstm, gru, lstm_peephole, lstm_layer_norm, min_gru, min_lstm, slstm
};
constexpr int cell_count = 9;

// What a layer of a cell consists of.
struct CellShape {
  int gates;
  bool recurrent;  // h is multiplied by weights
  int vectors;     // weights besides, of each unit
  int cells;       // states besides h
};

inline CellShape cell_shape(Cell cell) {
  switch (cell) {
    case Cell::lstm: return {4, true, 0, 1};
    case Cell::gru: return {3, true, 0, 0};
    case Cell::lstm_peephole: return {4, true, 3, 1};
    case Cell::lstm_layer_norm: return {4, true, 10, 1};
    case Cell::min_gru: return {2, false, 0, 0};
    case Cell::min_lstm: return {3, false, 0, 0};
    case Cell::slstm: return {4, true, 0, 3};
    default: return {1, true, 0, 0};
  }
}

// Cells of by_row.h, which have neither lanes.h nor one_row.h nor bfloat16.h.
inline bool by_row(Cell cell) { return cell > Cell::gru; }

struct Stack {
  Cell cell;
  int layers;
  const int* sizes;  // (layers + 1): width of the input, then the units of every layer
  int projection = 0;  // numbers in h, fewer than the units of every layer; 0: h has the units
  int rows = 0;  // of a slice in the calls that weights are packed for; 0: any calls
  const int* dilation = nullptr;  // (layers) steps back to the state that a layer goes on from; null: 1
  bool residual = false;  // what a layer reads is added to its h, where both are as wide, but the first
  double zoneout = 0;     // probability with which a state stays as it was, in rnn, lstm and gru

  int reach(int layer) const { return dilation ? dilation[layer] : 1; }
  bool adds_input(int layer) const {
    return residual && layer > 0 && width(layer) == width(layer - 1);
  }
  // Whether it is more than layers one on the other: then there are only the loops of forward.h.
  bool wired() const { return dilation || residual || zoneout > 0; }

  // What a layer gives on: the width of its h.
  int width(int layer) const { return projection ? projection : sizes[layer + 1]; }
  size_t weights(int layer) const {
    const CellShape shape = cell_shape(cell);
    const size_t units = sizes[layer + 1], input = layer ? width(layer - 1) : sizes[0];
    const size_t rows = shape.gates * units, h = shape.recurrent ? width(layer) + 1 : 0;
    return rows * (input + 1 + h) + (shape.vectors + projection) * units;
  }
};

// A run of rows of the batch that one thread carries through time.
struct Slice {
  int first, rows;
};

inline int slice_count(int batch) { return batch >= 64 ? 8 : (batch + 7) / 8; }

// Large batches are cut between whole vectors of rows, for the sake of lanes.h.
inline Slice slice_of(int batch, int index) {
  const long count = slice_count(batch), group = batch >= 256 ? 16 : 1;
  const long groups = (batch + group - 1) / group;
  const long first = groups * index / count * group, last = groups * (index + 1) / count * group;
  return {int(first), int((last < batch ? last : batch) - first)};
}

// A batch of one row whose layers run on threads of their own: each layer tells the next how many steps
// it has done, in an int on a cache line of its own.
constexpr int progress_stride = 16;

// How products are computed: in the type of the numbers, or, inference in float32 only, in bfloat16 by
// one of the two units that a processor may have for it.
enum class Products : int { plain, bfloat16_pairs, bfloat16_tiles };

struct Dropout {
  double probability;  // between layers, in [0, 1)
  uint64_t seed, step;
};

template <class T>
struct Forward {
  Stack stack;
  int time, batch;
  const T* x;          // (time, batch, sizes[0])
  const T* packed;     // from pack, or pack_bfloat16
  const T* h0;         // initial states, or null for zero
  const T* c0;         // the same for further states (with the units, if projected)
  const int* lengths;  // (batch) steps of each row, never increasing, or null when all have `time`
  const int* order;    // (batch) the caller's index of each row, for dropout; null when in place
  T* y;                // (time, batch, width of the last layer), zero past a row's length; or null
  T* hn;               // final states, like h0
  T* cn;
  Dropout dropout;
  bool record;             // keep in the workspace what backward needs,
  bool recompute = false;  // or of that only states about √time apart, from which it is made again
  Products products;        // recording wants plain ones
};

// A batch of one row has time loops of its own (one_row.h), where no other is needed. Static: the
// linker would take the copy of any row for all of them.
template <class T>
static inline bool one_row(const Forward<T>& call) {
  return call.batch == 1 && !call.stack.projection && !call.recompute &&
         call.products == Products::plain && !by_row(call.stack.cell) && !call.stack.wired();
}

template <class T>
struct Backward {
  Forward<T> forward;  // the call to go back through; y, hn, cn unused
  const T* packed;     // from pack_backward
  const T* dy;         // like y, or null for zero
  const T* dhn;        // like hn, or null
  const T* dcn;
  T* dx;   // like x, or null when nobody asks
  T* dh0;  // like h0, or null
  T* dc0;
};

// A stack whose last layer's output goes through a linear head at every step, and whose input may be
// that head's output of the step before. To the first output are added an offset and a weighted sum of
// the last `lag_count` values, the first feature of the input as it was read, before it is fed.
template <class T>
struct Rollout {
  Forward<T> stack;    // its x gives whatever is not fed; its y, lengths and order are null
  int outputs;         // width of the head
  int feed;            // outputs that are fed, at most the width of the input where something is
  const uint8_t* fed;  // (time, batch): the first `feed` features come from the step before
  const T* head;       // from pack_linear(width of the last layer, outputs)
  const T* bias;       // (outputs)
  T* y;                // (time, batch, outputs)
  int lag_count;
  const T* lags;       // (lag_count), the newest value's first
  const T* past;       // (lag_count - 1, batch) values before step 0, newest last; or null for zero
  const T* offset;     // (time, batch), or null for zero
};

template <class T>
struct RolloutBackward {
  Rollout<T> made;    // y, past and offset unused
  Backward<T> stack;  // its forward is made.stack, its dx is not null, its dy unused
  const T* head;      // from pack_linear_backward
  const T* dy;        // like y, or null for zero
  T* doffset;         // (time, batch), or null when nobody asks
};

// y = x w' + b over rows: x (rows, input), w (output, input), b (output) or null, y (rows, output).
template <class T>
struct Linear {
  int rows, input, output;
  const T* x;
  const T* packed;  // from pack_linear (forward) or pack_linear_backward
  const T* bias;
  T* y;
  const T* dy;
  T* dx;  // or null
};

enum class Family : int { mse, mae, huber, quantile };

// The loss of outputs against a target, element by element: each element is one value of the
// target, answered by `width` numbers side by side (the levels of a quantile loss; otherwise one).
template <class T>
struct Loss {
  Family family;
  int rows, outputs, width;
  double delta;                   // huber: where it turns from square to straight
  const double* levels;           // quantile: (width); otherwise null
  const T* output;                // (rows, outputs, width)
  const T* target;                // (rows, outputs), anything where it was not observed
  const unsigned char* observed;  // (rows, outputs), or null when all are
  const double* weight;           // (period) of row r at r % period, or null when all weigh 1
  int period;
  T* slope;  // like output: the gradient of the mean, or null when nobody asks
};

// What happens to a gradient on its way into an update: each element is brought within ±bound and
// multiplied by scale.
template <class T>
struct Clip {
  T bound, scale;
};

template <class T>
struct Kernels {
  // Sizes count numbers, not bytes. Workspaces must be aligned to 64 bytes.
  size_t (*packed_size)(const Stack&);
  void (*pack)(const Stack&, const T* weights, T* packed);
  // Null where products in bfloat16 are not to be had.
  size_t (*bfloat16_packed_size)(const Stack&);
  void (*pack_bfloat16)(const Stack&, const T* weights, T* packed);
  size_t (*packed_backward_size)(const Stack&, bool need_x);
  void (*pack_backward)(const Stack&, const T* weights, bool need_x, T* packed);

  size_t (*workspace_size)(const Forward<T>&, int rows);
  void (*forward)(const Forward<T>&, Slice, T* workspace);
  // The same for a batch of one row, layer by layer: layers must be begun in order, on any threads.
  // progress: layers * progress_stride ints, all zero. The same bits as `forward`.
  size_t (*layers_workspace_size)(const Forward<T>&);
  void (*forward_layer)(const Forward<T>&, int layer, T* workspace, int* progress);
  size_t (*scratch_size)(const Backward<T>&, int rows);
  // Leaves the packed gradient of the slice at the start of its scratch.
  void (*backward)(const Backward<T>&, Slice, T* workspace, T* scratch);
  // Adds the slices' gradients in order and unpacks them: gradient is flat like the weights.
  void (*collect)(const Backward<T>&, T* const* scratch, int slices, T* gradient);

  size_t (*rollout_size)(const Rollout<T>&, int rows);
  void (*rollout)(const Rollout<T>&, Slice, T* workspace);
  size_t (*rollout_scratch_size)(const RolloutBackward<T>&, int rows);
  void (*rollout_backward)(const RolloutBackward<T>&, Slice, T* workspace, T* scratch);
  // As `collect`; dweight (outputs, width), dbias (outputs), dlags (lag_count).
  void (*collect_rollout)(const Rollout<T>&, T* const* scratch, int slices, T* gradient, T* dweight,
                          T* dbias, T* dlags);

  size_t (*packed_linear_size)(int input, int output);
  void (*pack_linear)(int input, int output, const T* weight, T* packed);
  void (*pack_linear_backward)(int input, int output, const T* weight, T* packed);
  size_t (*linear_scratch_size)(const Linear<T>&, int rows);
  void (*linear)(const Linear<T>&, Slice, T* scratch);
  // Leaves dweight (output, input padded) and dbias of the slice at the start of its scratch.
  void (*linear_backward)(const Linear<T>&, Slice, T* scratch);
  void (*collect_linear)(const Linear<T>&, T* const* scratch, int slices, T* dweight, T* dbias);

  // Dropout of a layer's outputs (time, batch, units) in place, keyed like that between the layers of a
  // stack; on a gradient it is its own backward. order as in Forward, or null.
  void (*drop)(const Dropout&, int layer, int time, int batch, int units, const int* order, T* values);

  // The weights of all observed elements, by which the sum of losses is divided.
  double (*loss_weight)(const Loss<T>&);
  // The sum of losses, each times its row's weight; slopes are divided by `weight`. Nothing and
  // zeros where that is 0. Summed in float64, in an order of its own.
  double (*loss)(const Loss<T>&, double weight);

  // Sums in float64 in a fixed order; squared_norm is that of the elements brought within ±bound.
  double (*dot)(const T* a, const T* b, size_t size);
  double (*squared_norm)(const T* vector, size_t size, T bound);
  void (*sgd)(T* weights, const T* gradient, T* velocity, size_t size, Clip<T>, T rate, T momentum,
              T decay, bool first);
  void (*rmsprop)(T* weights, const T* gradient, T* square, T* mean, T* velocity, size_t size,
                  Clip<T>, T rate, T alpha, T epsilon, T momentum, T decay);
  void (*adam)(T* weights, const T* gradient, T* mean, T* square, size_t size, Clip<T>, T rate,
               T beta1, T beta2, T epsilon, T correction1, T correction2, T decay, bool decoupled);
};

// One row of the dispatch table: everything, for one instruction set.
struct Engine {
  const char* name;
  Kernels<float> single;
  Kernels<double> twice;
};

}  // namespace rollcast
