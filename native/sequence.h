// A whole step in one call: recurrent stack, linear head, loss, and back through all of it.
// Not compiled once per row: it calls the kernels of one row.
#pragma once
#include "engine.h"

namespace rollcast {

// What stays the same from call to call.
struct SequencePlan {
  Stack stack;
  int outputs, width;  // values of a target, numbers that answer each (see Loss)
  bool head;           // a linear layer makes the numbers; without, the last layer's units are they
  bool last;           // only the state after a row's last step is read, instead of every step's
  Family family;
  double delta;
  const double* levels;

  int numbers() const { return outputs * width; }
  // The stack as its weights are packed for a batch of so many rows.
  Stack stack_for(int batch) const {
    Stack packed = stack;
    packed.rows = batch / slice_count(batch);
    return packed;
  }
  size_t units() const;
  size_t states() const;  // numbers of a row in h
  // Whether what a row gives last lies in its final states alone, or must be looked for.
  bool looks_for_last() const { return last && stack.wired(); }
  size_t stack_weights() const;
  size_t head_weights() const;
};

// Rows are in the caller's order. Targets have `time` steps, or one where only the last is read.
template <class T>
struct Sequence {
  const SequencePlan* plan;
  int time, batch;
  const T* weights;               // the stack's; the head's (numbers, units); its bias (numbers)
  const T* x;                     // (time, batch, input)
  const T* target;                // (steps, batch, outputs); null: outputs alone are wanted
  const unsigned char* observed;  // like target, or null
  const double* weight;           // (batch), or (steps, batch) where `each_step`; or null
  bool each_step;
  const int* lengths;  // (batch) steps of each row, in any order, or null
  const T* h0;         // states as in Forward; the final ones may take the place of the first
  const T* c0;
  T* hn;
  T* cn;
  Dropout dropout;
  T* gradient;  // like weights, or null: nothing is kept for a way back
  T* output;    // (steps, batch, numbers), or null
};

// The mean loss; 0 without a target. Throws std::bad_alloc.
template <class T>
double run_sequence(const Kernels<T>& kernels, const Sequence<T>& call, int threads);

}  // namespace rollcast
