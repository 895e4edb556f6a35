// One slice of a sequence on its way through stack, head, loss and back; only sequence.cpp uses it.
#pragma once
#include <cstring>

#include "sequence.h"

namespace rollcast {

// Hands out stretches of one block, each on a 64-byte boundary: first measured, then given.
class Stretches {
  char* memory_;
  size_t used_ = 0;

 public:
  explicit Stretches(void* memory = nullptr) : memory_(static_cast<char*>(memory)) {}
  template <class A>
  A* take(size_t count) {
    const size_t at = used_;
    used_ += (count * sizeof(A) + 63) / 64 * 64;
    return memory_ ? reinterpret_cast<A*>(memory_ + at) : nullptr;
  }
  size_t used() const { return used_; }
};

// Some rows of the batch, side by side, in the order in which the kernels take them.
struct Rows {
  Slice slice;
  int batch;
  const int* order;  // of the whole batch, or null when in place

  int at(int row) const { return order ? order[slice.first + row] : slice.first + row; }

  template <class A>
  void gather(A* to, const A* from, size_t planes, size_t width) const {
    const size_t rows = order ? 1 : slice.rows;  // that lie side by side
    for (size_t p = 0; p < planes; ++p, from += batch * width)
      for (int r = 0; r < slice.rows; r += rows, to += rows * width)
        std::memcpy(to, from + at(r) * width, rows * width * sizeof(A));
  }
  template <class A>
  void scatter(A* to, const A* from, size_t planes, size_t width) const {
    const size_t rows = order ? 1 : slice.rows;
    for (size_t p = 0; p < planes; ++p, to += batch * width)
      for (int r = 0; r < slice.rows; r += rows, from += rows * width)
        std::memcpy(to + at(r) * width, from, rows * width * sizeof(A));
  }
};

// What all slices share.
template <class T>
struct Shared {
  T *packed, *packed_backward, *head, *head_backward;
  unsigned char* mask;
  int *order, *lengths;

  Shared(const Kernels<T>& k, const Sequence<T>& call, size_t steps, Stretches& memory) {
    const SequencePlan& plan = *call.plan;
    const int width = plan.stack.sizes[plan.stack.layers];
    const size_t head_size = plan.head ? k.packed_linear_size(width, plan.numbers()) : 0;
    packed = memory.take<T>(k.packed_size(plan.stack_for(call.batch)));
    packed_backward =
        memory.take<T>(call.gradient ? k.packed_backward_size(plan.stack_for(call.batch), false) : 0);
    head = memory.take<T>(head_size);
    head_backward = memory.take<T>(call.gradient ? head_size : 0);
    // Past a row's end nothing was observed.
    mask = memory.take<unsigned char>(
        call.lengths && call.target && !plan.last ? steps * call.batch * plan.outputs : 0);
    const bool keyed = call.dropout.probability > 0 || plan.stack.zoneout > 0;
    order = memory.take<int>(call.lengths || keyed ? call.batch : 0);
    lengths = memory.take<int>(call.lengths ? call.batch : 0);
  }
};

// One slice: a batch of its own to the kernels, so that nothing is shared but the weights.
template <class T>
class Part {
  const Kernels<T>& k_;
  const Sequence<T>& call_;
  const SequencePlan& plan_;
  Rows rows_;
  bool whole_;
  size_t steps_, states_, cells_;  // numbers of a row in h; states besides h
  int width_;
  bool looks_;
  Forward<T> forward_ = {};
  Backward<T> backward_ = {};
  Linear<T> linear_ = {};
  Loss<T> loss_ = {};
  T *x_, *target_, *h0_, *c0_, *hn_, *cn_, *y_, *top_, *numbers_, *slope_, *dhn_, *work_;
  unsigned char* observed_;
  double* weight_;

 public:
  Part(const Kernels<T>& k, const Sequence<T>& call, size_t steps, Rows rows,
       const Shared<T>& shared)
      : k_(k), call_(call), plan_(*call.plan), rows_(rows),
        whole_(rows.slice.rows == call.batch && !call.lengths), steps_(steps),
        states_(plan_.states()), cells_(cell_shape(plan_.stack.cell).cells),
        width_(plan_.stack.sizes[plan_.stack.layers]), looks_(plan_.looks_for_last()) {
    forward_.stack = plan_.stack_for(call.batch);
    forward_.time = call.time;
    forward_.batch = rows.slice.rows;
    forward_.packed = shared.packed;
    forward_.lengths = call.lengths ? shared.lengths + rows.slice.first : nullptr;
    const bool keyed = call.dropout.probability > 0 || plan_.stack.zoneout > 0;
    forward_.order = keyed ? shared.order + rows.slice.first : nullptr;
    forward_.record = call.gradient != nullptr;
    // Dropout belongs to training.
    if (forward_.record) forward_.dropout = call.dropout;
    backward_.forward = forward_;
    backward_.packed = shared.packed_backward;
    linear_.rows = int(steps) * rows.slice.rows;
    linear_.input = width_;
    linear_.output = plan_.numbers();
    loss_.family = plan_.family;
    loss_.rows = linear_.rows;
    loss_.outputs = plan_.outputs;
    loss_.width = plan_.width;
    loss_.delta = plan_.delta;
    loss_.levels = plan_.family == Family::quantile ? plan_.levels : nullptr;
    loss_.period = call.each_step ? loss_.rows : rows.slice.rows;
  }

  size_t scratch_size() const { return k_.scratch_size(backward_, rows_.slice.rows); }
  size_t head_scratch_size() const {
    return plan_.head ? k_.linear_scratch_size(linear_, linear_.rows) : 0;
  }

  // Where everything of the slice lies that does not outlive it.
  void place(Stretches& memory) {
    const size_t r = rows_.slice.rows, states = r * states_, made = linear_.rows;
    const size_t copied = whole_ ? 0 : 1;
    x_ = memory.take<T>(copied * call_.time * r * plan_.stack.sizes[0]);
    target_ = memory.take<T>(call_.target ? copied * made * plan_.outputs : 0);
    observed_ = memory.take<unsigned char>(loss_.observed ? copied * made * plan_.outputs : 0);
    weight_ = memory.take<double>(call_.weight ? copied * loss_.period : 0);
    h0_ = memory.take<T>(call_.h0 ? copied * states : 0);
    c0_ = memory.take<T>(call_.c0 ? copied * states * cells_ : 0);
    hn_ = memory.take<T>(states);
    cn_ = memory.take<T>(call_.cn ? states * cells_ : 0);
    y_ = memory.take<T>(plan_.last && !looks_ ? 0 : call_.time * r * width_);
    top_ = memory.take<T>(looks_ ? r * width_ : 0);
    numbers_ = memory.take<T>(plan_.head ? made * plan_.numbers() : 0);
    slope_ = memory.take<T>(call_.gradient ? made * plan_.numbers() : 0);
    dhn_ = memory.take<T>(call_.gradient && plan_.last ? states : 0);
    work_ = memory.take<T>(k_.workspace_size(forward_, int(r)));
  }
  size_t size(const unsigned char* observed) {
    loss_.observed = observed;
    Stretches measure;
    place(measure);
    return measure.used();
  }

  // The sum of the slice's losses; its gradients stay in the scratches.
  double run(const Shared<T>& shared, const unsigned char* observed, double total, void* memory,
             T* scratch, T* head_scratch) {
    loss_.observed = observed;
    Stretches given(memory);
    place(given);
    take_in();
    k_.forward(forward_, {0, rows_.slice.rows}, work_);
    const size_t above = states_ - width_;  // of a row: where the last layer's states begin
    if (looks_) last_rows([&](T* row, T* top) { std::memcpy(top, row, width_ * sizeof(T)); });
    const T* read = looks_ ? top_ : plan_.last ? hn_ + above * rows_.slice.rows : y_;
    linear_.x = read;
    if (plan_.head) {
      linear_.packed = shared.head;
      linear_.bias = call_.weights + plan_.stack_weights() + size_t(plan_.numbers()) * width_;
      linear_.y = numbers_;
      k_.linear(linear_, {0, linear_.rows}, head_scratch);
      read = numbers_;
    }
    give_out(read);
    if (!call_.target) return 0;
    loss_.output = read;
    loss_.slope = call_.gradient ? slope_ : nullptr;
    const double sum = k_.loss(loss_, total);
    if (call_.gradient) back(shared, scratch, head_scratch, above * rows_.slice.rows);
    return sum;
  }

 private:
  void take_in() {
    const size_t planes = loss_.period / rows_.slice.rows;
    auto part = [&](auto* local, auto* from, size_t count, size_t width) -> decltype(from) {
      if (!from || whole_) return from;
      rows_.gather(local, from, count, width);
      return local;
    };
    forward_.x = part(x_, call_.x, call_.time, plan_.stack.sizes[0]);
    loss_.target = part(target_, call_.target, steps_, plan_.outputs);
    loss_.observed = part(observed_, loss_.observed, steps_, plan_.outputs);
    loss_.weight = part(weight_, call_.weight, planes, 1);
    forward_.h0 = states(h0_, call_.h0, 1);
    forward_.c0 = states(c0_, call_.c0, cells_);
    forward_.hn = hn_;
    forward_.cn = call_.cn ? cn_ : nullptr;
    forward_.y = plan_.last && !looks_ ? nullptr : y_;
  }

  // each: states of a unit.
  const T* states(T* local, const T* from, size_t each) {
    if (!from || whole_) return from;
    for_states([&](size_t all, size_t mine, int units) {
      rows_.gather(local + mine * each, from + all * each, 1, units * each);
    });
    return local;
  }

  // f(the output of a row's last step, its place in top_).
  template <class F>
  void last_rows(F f) {
    for (int r = 0; r < rows_.slice.rows; ++r) {
      const size_t step = (forward_.lengths ? forward_.lengths[r] : call_.time) - 1;
      f(y_ + (step * rows_.slice.rows + r) * width_, top_ + size_t(r) * width_);
    }
  }

  // f(where a layer's states begin in the caller's array, and in the slice's, units).
  template <class F>
  void for_states(F f) {
    size_t before = 0;
    for (int l = 1; l <= plan_.stack.layers; ++l) {
      const int units = plan_.stack.sizes[l] * plan_.stack.reach(l - 1);
      f(before * call_.batch, before * rows_.slice.rows, units);
      before += units;
    }
  }

  void give_out(const T* read) {
    for_states([&](size_t all, size_t mine, int units) {
      if (call_.hn) rows_.scatter(call_.hn + all, hn_ + mine, 1, units);
      if (call_.cn)
        rows_.scatter(call_.cn + all * cells_, cn_ + mine * cells_, 1, units * cells_);
    });
    if (call_.output) rows_.scatter(call_.output, read, steps_, plan_.numbers());
  }

  void back(const Shared<T>& shared, T* scratch, T* head_scratch, size_t above) {
    T* slope = slope_;
    if (plan_.head) {
      // The states were read; their gradient takes their place.
      T* to = looks_ ? top_ : plan_.last ? dhn_ + above : y_;
      linear_.packed = shared.head_backward;
      linear_.dy = slope_;
      linear_.dx = to;
      k_.linear_backward(linear_, {0, linear_.rows}, head_scratch);
      slope = to;
    } else if (looks_) {
      std::memcpy(top_, slope_, size_t(linear_.rows) * width_ * sizeof(T));
    } else if (plan_.last) {
      std::memcpy(dhn_ + above, slope_, size_t(linear_.rows) * width_ * sizeof(T));
    }
    if (looks_) {
      std::memset(y_, 0, size_t(call_.time) * rows_.slice.rows * width_ * sizeof(T));
      last_rows([&](T* row, T* top) { std::memcpy(row, top, width_ * sizeof(T)); });
      slope = y_;
    } else if (plan_.last) {
      std::memset(dhn_, 0, above * sizeof(T));
    }
    backward_.forward = forward_;
    backward_.dy = plan_.last && !looks_ ? nullptr : slope;
    backward_.dhn = plan_.last && !looks_ ? dhn_ : nullptr;
    k_.backward(backward_, {0, rows_.slice.rows}, work_, scratch);
  }
};

}  // namespace rollcast
