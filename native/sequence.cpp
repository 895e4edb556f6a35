#include <algorithm>
#include <atomic>
#include <new>
#include <numeric>
#include <vector>

#include "sequence_part.h"
#include "threads.h"
#include "workspace.h"

namespace rollcast {

size_t SequencePlan::units() const {
  size_t sum = 0;
  for (int l = 1; l <= stack.layers; ++l) sum += stack.sizes[l];
  return sum;
}

size_t SequencePlan::states() const {
  size_t sum = 0;
  for (int l = 0; l < stack.layers; ++l) sum += size_t(stack.sizes[l + 1]) * stack.reach(l);
  return sum;
}

size_t SequencePlan::stack_weights() const {
  size_t sum = 0;
  for (int l = 0; l < stack.layers; ++l) sum += stack.weights(l);
  return sum;
}

size_t SequencePlan::head_weights() const {
  return head ? size_t(numbers()) * (stack.sizes[stack.layers] + 1) : 0;
}

namespace {

template <class T>
double total_weight(const Kernels<T>& k, const Sequence<T>& call, size_t steps,
                    const unsigned char* observed) {
  Loss<T> all = {};
  all.rows = int(steps) * call.batch;
  all.outputs = call.plan->outputs;
  all.observed = observed;
  all.weight = call.weight;
  all.period = call.each_step ? all.rows : call.batch;
  return k.loss_weight(all);
}

}  // namespace

template <class T>
double run_sequence(const Kernels<T>& k, const Sequence<T>& call, int threads) {
  const SequencePlan& plan = *call.plan;
  const Stack stack = plan.stack_for(call.batch);
  const int width = stack.sizes[stack.layers];
  const size_t steps = plan.last ? 1 : call.time;
  const int slices = slice_count(call.batch);
  Stretches measure;
  const Shared<T> sizes(k, call, steps, measure);
  // The gradients of slices wait for each other, to be added in order.
  std::vector<size_t> scratch_at(slices), head_at(slices);
  for (int s = 0; s < slices; ++s) {
    const Rows rows = {slice_of(call.batch, s), call.batch, nullptr};
    const Part<T> part(k, call, steps, rows, sizes);
    scratch_at[s] = measure.used();
    measure.take<T>(call.gradient ? part.scratch_size() : 0);
    head_at[s] = measure.used();
    measure.take<T>(part.head_scratch_size());
  }
  Block block(measure.used());
  Stretches given(block.as<char>());
  const Shared<T> shared(k, call, steps, given);

  const int* order = nullptr;
  if (call.lengths || call.dropout.probability > 0 || stack.zoneout > 0) {
    std::iota(shared.order, shared.order + call.batch, 0);
    if (call.lengths) {
      std::stable_sort(shared.order, shared.order + call.batch,
                       [&](int a, int b) { return call.lengths[a] > call.lengths[b]; });
      for (int r = 0; r < call.batch; ++r) shared.lengths[r] = call.lengths[shared.order[r]];
      order = shared.order;
    }
  }
  const unsigned char* observed = call.observed;
  if (call.lengths && call.target && !plan.last) {
    const size_t row = plan.outputs, plane = row * call.batch;
    for (size_t t = 0; t < steps; ++t)
      for (int r = 0; r < call.batch; ++r)
        for (size_t i = t * plane + r * row, o = 0; o < row; ++o)
          shared.mask[i + o] = int(t) < call.lengths[r] && (!observed || observed[i + o]);
    observed = shared.mask;
  }
  const double total = call.target ? total_weight(k, call, steps, observed) : 0;

  k.pack(stack, call.weights, shared.packed);
  const T* head_weight = call.weights + plan.stack_weights();
  if (plan.head) k.pack_linear(width, plan.numbers(), head_weight, shared.head);
  if (call.gradient) {
    k.pack_backward(stack, call.weights, false, shared.packed_backward);
    if (plan.head)
      k.pack_linear_backward(width, plan.numbers(), head_weight, shared.head_backward);
  }

  std::vector<double> sums(slices);
  std::vector<T*> scratch(slices), head_scratch(slices);
  std::atomic<bool> no_memory{false};
  parallel(slices, threads, [&](int s) {
    const Rows rows = {slice_of(call.batch, s), call.batch, order};
    Part<T> part(k, call, steps, rows, shared);
    scratch[s] = reinterpret_cast<T*>(block.as<char>() + scratch_at[s]);
    head_scratch[s] = reinterpret_cast<T*>(block.as<char>() + head_at[s]);
    try {
      // Taken here, so that there are as many as threads, not as slices.
      Block memory(part.size(observed));
      sums[s] =
          part.run(shared, observed, total, memory.as<char>(), scratch[s], head_scratch[s]);
    } catch (const std::bad_alloc&) {
      no_memory = true;
    }
  });
  if (no_memory) throw std::bad_alloc();
  if (call.gradient) {
    Backward<T> made = {};
    made.forward.stack = stack;
    k.collect(made, scratch.data(), slices, call.gradient);
    if (plan.head) {
      Linear<T> head = {};
      head.input = width;
      head.output = plan.numbers();
      T* weight = call.gradient + plan.stack_weights();
      k.collect_linear(head, head_scratch.data(), slices, weight,
                       weight + size_t(head.output) * width);
    }
  }
  double sum = 0;
  for (double part : sums) sum += part;
  return total == 0 ? 0 : sum / total;
}

template double run_sequence(const Kernels<float>&, const Sequence<float>&, int);
template double run_sequence(const Kernels<double>&, const Sequence<double>&, int);

}  // namespace rollcast
