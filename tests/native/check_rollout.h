// Closed-loop rollouts on memory of exactly the size they may touch, for check_engine.cpp.
#pragma once
#include "check_calls.h"

// A third of the rows are fed in each step, but for a stretch of steps without any.
inline bool fed_at(const Case& c, int step, int row) {
  if (step == 0 || (step > c.time / 2 && step < c.time / 2 + 20)) return false;
  return (step + row) % 3 == 0;
}

// As `run`, of a stack with a head of `outputs`; the gradients of the head come last.
template <class T>
Result<T> run_rollout(const Case& c, int outputs, const Exact<T>& weights, int threads, Fill fill) {
  const Kernels<T>& k = kernels<T>();
  const bool has_cell = c.c_count() > 0;
  const size_t steps = size_t(c.time) * c.batch, hs = c.h_count(), cs = c.c_count();
  const int width = c.width();
  Exact<T> x = random<T>(steps * c.sizes[0], 2), head = random<T>(size_t(outputs) * width, 8);
  for (size_t i = 0; i < head.size(); ++i) head[i] /= T(width);
  // A head of one output has no lags and no offset, and all of a wider one but the last is fed.
  const int lag_count = outputs > 1 ? 3 * outputs - 4 : 0, feed = outputs - (outputs > 2);
  const Exact<T> lags = random<T>(lag_count, 13), offset = random<T>(steps, 14, !lag_count);
  const Exact<T> past = random<T>(size_t(std::max(0, lag_count - 1)) * c.batch, 15, !c.states);
  for (int j = 0; j < lag_count; ++j) lags[j] /= T(lag_count);
  const Exact<T> bias = random<T>(outputs, 9), dy = random<T>(steps * outputs, 3, !c.outputs);
  const Exact<T> h0 = random<T>(hs, 4, !c.states), c0 = random_cells<T>(c);
  const Exact<T> dhn = random<T>(hs, 6, !c.states), dcn = random<T>(cs, 7, !c.states || !has_cell);
  const Exact<T> y(steps * outputs, fill), hn(hs, fill, false, !c.states);
  const Exact<T> cn(cs, fill, false, !c.states || !has_cell);
  const Exact<uint8_t> fed(steps, Fill::zero);
  for (int t = 0; t < c.time; ++t)
    for (int b = 0; b < c.batch; ++b) {
      const size_t at = size_t(t) * c.batch + b;
      fed[at] = fed_at(c, t, b);
      // What is fed in its place is never read.
      if (fed[at]) for (int i = 0; i < feed; ++i) x[at * c.sizes[0] + i] = T(NAN);
    }

  const Stack stack = c.stack();
  const Exact<T> packed(k.packed_size(stack), fill, true);
  const Exact<T> panels(k.packed_linear_size(width, outputs), fill, true);
  k.pack(stack, weights.get(), packed.get());
  k.pack_linear(width, outputs, head.get(), panels.get());
  const Forward<T> forward = {stack, c.time, c.batch, x.get(), packed.get(), h0.get(), c0.get(),
                              nullptr, nullptr, nullptr, hn.get(), cn.get(),
                              {c.dropout ? 0.3 : 0.0, 11, 12}, c.record, c.recompute};
  const Rollout<T> call = {forward, outputs, feed, fed.get(), panels.get(), bias.get(), y.get(), lag_count,
                           lags.get(), past.get(), offset.get()};
  const int slices = slice_count(c.batch);
  std::vector<Exact<T>> work;
  for (int s = 0; s < slices; ++s)
    work.emplace_back(k.rollout_size(call, slice_of(c.batch, s).rows), fill, true);
  parallel(slices, threads, [&](int s) { k.rollout(call, slice_of(c.batch, s), work[s].get()); });

  Result<T> result;
  result.arrays = {y.values(), hn.values(), cn.values()};
  const Exact<T>* sent[] = {&dy, &dhn, &dcn};
  for (int a = 0; a < 3; ++a)
    for (size_t i = 0; i < sent[a]->size(); ++i)
      result.loss += double(result.arrays[a][i] * (*sent[a])[i]);
  if (!c.record) return result;

  const Exact<T> back(k.packed_backward_size(stack, true), fill, true);
  const Exact<T> head_back(k.packed_linear_size(width, outputs), fill, true);
  k.pack_backward(stack, weights.get(), true, back.get());
  k.pack_linear_backward(width, outputs, head.get(), head_back.get());
  const Exact<T> gradient(c.weights(), fill), dx(x.size(), fill);
  const Exact<T> dhead(head.size(), fill), dbias(outputs, fill);
  const Exact<T> dlags(lag_count, fill), doffset(steps, fill);
  const Exact<T> dh0(hs, fill, false, !c.states), dc0(cs, fill, false, !c.states || !has_cell);
  RolloutBackward<T> backward = {call, {forward, back.get(), nullptr, dhn.get(), dcn.get(), dx.get(),
                                        dh0.get(), dc0.get()}, head_back.get(), dy.get(),
                                 doffset.get()};
  // What the caller may have changed or dropped since.
  Forward<T>* made[] = {&backward.made.stack, &backward.stack.forward};
  for (Forward<T>* of : made) {
    of->x = of->h0 = of->c0 = nullptr;
    of->hn = of->cn = nullptr;
  }
  backward.made.y = nullptr;
  backward.made.past = backward.made.offset = nullptr;
  std::vector<Exact<T>> scratch;
  std::vector<T*> pointers;
  for (int s = 0; s < slices; ++s) {
    const int rows = slice_of(c.batch, s).rows;
    scratch.emplace_back(k.rollout_scratch_size(backward, rows), fill, true);
    pointers.push_back(scratch.back().get());
  }
  parallel(slices, threads, [&](int s) {
    k.rollout_backward(backward, slice_of(c.batch, s), work[s].get(), scratch[s].get());
  });
  k.collect_rollout(call, pointers.data(), slices, gradient.get(), dhead.get(), dbias.get(),
                    dlags.get());
  result.gradient = gradient.values();
  for (const Exact<T>* array : {&gradient, &dx, &dh0, &dc0, &dhead, &dbias, &dlags, &doffset})
    result.arrays.push_back(array->values());
  return result;
}
