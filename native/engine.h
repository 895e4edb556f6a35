// Every entry point of the engine: what goes in, with its shape, and what comes out.
//
// A stack is one cell in one or more layers. Arrays are C-contiguous and time-major,
// (time, batch, feature). States of all layers lie one after the other, each (batch, units of the
// layer), which for equal layers is PyTorch's (layers, batch, units). Weights are one flat vector:
// per layer weight_ih (gates*units, input), weight_hh (gates*units, units), bias_ih, bias_hh,
// gates in PyTorch's order.
//
// The batch is cut into slices by its size alone. A slice goes through all of time on one thread
// and keeps its own gradient; gradients are added up in the order of the slices. So the number of
// threads never changes a bit.
#pragma once
#include <cstddef>
#include <cstdint>

namespace rollcast {

enum class Cell : int { rnn_tanh, rnn_relu, lstm, gru };

struct Stack {
  Cell cell;
  int layers;
  const int* sizes;  // (layers + 1): width of the input, then the units of every layer
};

// A run of rows of the batch that one thread carries through time.
struct Slice {
  int first, rows;
};

inline int slice_count(int batch) { return batch >= 64 ? 8 : (batch + 7) / 8; }

inline Slice slice_of(int batch, int index) {
  const long count = slice_count(batch);
  const int first = int(batch * long(index) / count);
  return {first, int(batch * long(index + 1) / count) - first};
}

struct Dropout {
  double probability;  // between layers, in [0, 1)
  uint64_t seed, step;
};

template <class T>
struct Forward {
  Stack stack;
  int time, batch;
  const T* x;          // (time, batch, sizes[0])
  const T* packed;     // from pack
  const T* h0;         // initial states, or null for zero
  const T* c0;         // the same for the cell states of an LSTM
  const int* lengths;  // (batch) steps of each row, never increasing, or null when all have `time`
  const int* order;    // (batch) the caller's index of each row, for dropout; null when in place
  T* y;                // (time, batch, units of the last layer), zero past a row's length; or null
  T* hn;               // final states, like h0
  T* cn;
  Dropout dropout;
  bool record;  // keep in the workspace what backward needs
};

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

template <class T>
struct Kernels {
  // Sizes count numbers, not bytes. Workspaces must be aligned to 64 bytes.
  size_t (*packed_size)(const Stack&);
  void (*pack)(const Stack&, const T* weights, T* packed);
  size_t (*packed_backward_size)(const Stack&, bool need_x);
  void (*pack_backward)(const Stack&, const T* weights, bool need_x, T* packed);

  size_t (*workspace_size)(const Forward<T>&, int rows);
  void (*forward)(const Forward<T>&, Slice, T* workspace);
  size_t (*scratch_size)(const Backward<T>&, int rows);
  // Leaves the packed gradient of the slice at the start of its scratch.
  void (*backward)(const Backward<T>&, Slice, T* workspace, T* scratch);
  // Adds the slices' gradients in order and unpacks them: gradient is flat like the weights.
  void (*collect)(const Backward<T>&, T* const* scratch, int slices, T* gradient);

  size_t (*packed_linear_size)(int input, int output);
  void (*pack_linear)(int input, int output, const T* weight, T* packed);
  void (*pack_linear_backward)(int input, int output, const T* weight, T* packed);
  size_t (*linear_scratch_size)(const Linear<T>&, int rows);
  void (*linear)(const Linear<T>&, Slice, T* scratch);
  // Leaves dweight (output, input padded) and dbias of the slice at the start of its scratch.
  void (*linear_backward)(const Linear<T>&, Slice, T* scratch);
  void (*collect_linear)(const Linear<T>&, T* const* scratch, int slices, T* dweight, T* dbias);

  double (*squared_norm)(const T* vector, size_t size);
  void (*sgd)(T* weights, const T* gradient, T* velocity, size_t size, T scale, T rate, T momentum,
              T decay, bool first);
  void (*adam)(T* weights, const T* gradient, T* mean, T* square, size_t size, T scale, T rate,
               T beta1, T beta2, T epsilon, T correction1, T correction2, T decay, bool decoupled);
};

// One row of the dispatch table: everything, for one instruction set.
struct Engine {
  const char* name;
  Kernels<float> single;
  Kernels<double> twice;
};

}  // namespace rollcast
