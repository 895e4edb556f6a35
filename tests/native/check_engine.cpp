// Calls every entry of every row of the engine on memory of exactly the right size, without Python,
// to be run under sanitizers and valgrind: see sanitize.sh.
//
//   check_engine [--light] [--untouched] [row ...]
//
// --light leaves out what is slow under valgrind; --untouched does not fill workspaces beforehand,
// so that valgrind sees what is read before it was written. Without rows: all that can run here.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "check_rollout.h"

namespace {

bool light = false, untouched = false;
std::atomic<int> failures{0}, calls{0};

void expect(bool good, const char* what, const std::string& where) {
  if (good) return;
  ++failures;
  std::fprintf(stderr, "FAILED on %s: %s: %s\n", engine().name, what, where.c_str());
}

std::string described(const Case& c, size_t number_bytes) {
  std::string text = "cell " + std::to_string(int(c.cell)) + " sizes";
  for (int size : c.sizes) text += " " + std::to_string(size);
  text += " time " + std::to_string(c.time) + " batch " + std::to_string(c.batch);
  const std::pair<bool, const char*> options[] = {
      {c.record, " record"}, {c.lengths, " lengths"}, {c.dropout, " dropout"},
      {c.states, " states"}, {c.outputs, " outputs"}, {c.need_x, " need_x"},
      {c.recompute, " recompute"}};
  for (const auto& [on, name] : options)
    if (on) text += name;
  for (int steps : c.dilation) text += " dilation " + std::to_string(steps);
  if (c.residual) text += " residual";
  if (c.zoneout > 0) text += " zoneout";
  if (c.projection) text += " projection " + std::to_string(c.projection);
  return text + (number_bytes == 4 ? " float" : " double");
}

// A few weights, moved both ways; `call` runs the case.
template <class F>
void check_gradient(const Case& c, const Result<double>& found, F call) {
  double largest = 0;
  for (double value : found.gradient) largest = std::fmax(largest, std::fabs(value));
  for (size_t part = 0; part < 5; ++part) {
    const size_t index = part * (c.weights() - 1) / 4;
    double loss[2];
    for (int side = 0; side < 2; ++side) {
      const Exact<double> weights = random_weights<double>(c);
      weights[index] += side ? 1e-6 : -1e-6;
      loss[side] = call(weights, 1, Fill::zero).loss;
    }
    const double slope = (loss[1] - loss[0]) / 2e-6;
    expect(std::fabs(slope - found.gradient[index]) <= 1e-5 * (1 + largest),
           "the gradient is not the central difference", described(c, 8));
  }
}

// `outputs` of a head that is fed back, or 0 for the stack alone.
template <class T>
void check_case(const Case& c, int threads, int outputs = 0) {
  const std::string where =
      described(c, sizeof(T)) + (outputs ? " head " + std::to_string(outputs) : "");
  const auto call = [&](const Exact<T>& weights, int threads, Fill fill) {
    return outputs ? run_rollout(c, outputs, weights, threads, fill) : run(c, weights, threads, fill);
  };
  const Exact<T> weights = random_weights<T>(c);
  const Result<T> one = call(weights, 1, untouched ? Fill::untouched : Fill::nan);
  ++calls;
  expect(one.finite(), "an output was not written, or made of what nobody wrote", where);
  if (light) return;
  const Result<T> other = call(weights, threads, Fill::zero);
  expect(one.same_bits(other), "threads or old contents of memory change the bits", where);
  if constexpr (sizeof(T) == 8)
    if (c.record && (c.outputs || c.states) && c.cost() <= 30'000) check_gradient(c, one, call);
}

template <class T>
void check_stacks() {
  const std::vector<int> stacks[] = {{1, 1}, {3, 17, 5}, {1, 3, 1, 17}, {97, 3}, {17, 51, 97}};
  // record, lengths, dropout, states, outputs, need_x; the first alone where a case is large.
  const int options[] = {0b111111, 0b000000, 0b011110, 0b100000, 0b100111, 0b110110, 0b101011};
  int turn = 0;
  for (int cell = 0; cell < cell_count; ++cell)
    for (const auto& sizes : stacks)
      for (int time : {1, 2, 130})
        for (int batch : {1, 7, 65})
          for (int mask : options) {
            const Case c = {Cell(cell),       sizes,           time,
                            batch,            bool(mask & 32), bool(mask & 16),
                            bool(mask & 8),   bool(mask & 4),  bool(mask & 2),
                            bool(mask & 1)};
            if (light && c.cost() > 3'000'000) continue;
            check_case<T>(c, 2 + turn++ % 2);
            if (c.cost() > (light ? 200'000 : 5'000'000)) break;
          }
}

// Dilation shorter and longer than a chunk and than the series, residual connections, zoneout.
template <class T>
void check_wiring() {
  int turn = 0;
  for (int cell = 0; cell < cell_count; ++cell)
    for (const auto& dilation : {std::vector<int>{}, {2, 1, 3}, {19, 1, 40}})
      for (const auto& [time, batch] : {std::pair{1, 1}, {2, 7}, {30, 65}, {110, 1}})
        for (int mask = 0; mask < 16; ++mask) {
          Case c = {Cell(cell), {3, 5, 5, 5}, time, batch, bool(mask & 1), bool(mask & 2),
                    bool(mask & 4), bool(mask & 8), true, true, bool(mask & 1 && mask & 4)};
          c.dilation = dilation;
          c.residual = mask & 3;
          c.zoneout = by_row(c.cell) || mask % 3 ? 0 : 0.3;
          if (light && (mask + ++turn) % 5) continue;
          check_case<T>(c, 2 + turn++ % 2);
          c.lengths = false;
          check_case<T>(c, 2 + turn++ % 2, 2);
        }
}

// Projection, windows that are made again, closed loops: every mixture on a few shapes.
template <class T>
void check_loops() {
  const std::vector<int> stacks[] = {{1, 3}, {3, 17, 5}, {17, 51, 97}};
  int turn = 0;
  for (int cell = 0; cell < cell_count; ++cell)
    for (const auto& sizes : stacks)
      for (const auto& [time, batch] : {std::pair{1, 1}, {2, 7}, {300, 1}, {130, 9}, {30, 65}})
        for (int mask = 0; mask < 8; ++mask) {
          Case c = {Cell(cell), sizes, time, batch, bool(mask & 1), false, bool(mask & 2),
                    bool(mask & 4), mask != 5, true};
          if (light && (c.cost() > 3'000'000 || mask % 3)) continue;
          for (int projection : {0, 2}) {
            if (projection && c.cell != Cell::lstm) break;
            c.projection = projection;
            for (bool recompute : {false, true}) {
              c.recompute = recompute;
              if (recompute && !c.record) break;
              c.lengths = mask & 4;
              if (projection || recompute) check_case<T>(c, 2 + turn++ % 2);
              c.lengths = false;
              check_case<T>(c, 2 + turn++ % 2, std::min(c.sizes[0], 1 + mask));
            }
          }
          if (c.cost() > 5'000'000 && mask == 3) break;
        }
}

template <class T>
void check_linear(int rows, int input, int output, bool all) {
  const Kernels<T>& k = kernels<T>();
  const Exact<T> x = random<T>(size_t(rows) * input, 1), w = random<T>(size_t(output) * input, 2);
  const Exact<T> bias = random<T>(output, 3, !all), dy = random<T>(size_t(rows) * output, 4);
  const Fill fill = untouched ? Fill::untouched : Fill::nan;
  const Exact<T> y(size_t(rows) * output, fill), dx(x.size(), fill, false, !all);
  const Exact<T> dw(w.size(), fill), db(output, fill, false, !all);
  const Exact<T> packed(k.packed_linear_size(input, output), fill, true);
  Linear<T> call = {rows, input, output, x.get(), packed.get(), bias.get(), y.get(), dy.get(), dx.get()};
  const int slices = slice_count(rows);
  for (bool back : {false, true}) {
    std::vector<Exact<T>> scratch;
    std::vector<T*> pointers;
    for (int s = 0; s < slices; ++s) {
      scratch.emplace_back(k.linear_scratch_size(call, slice_of(rows, s).rows), fill, true);
      pointers.push_back(scratch.back().get());
    }
    if (!back) k.pack_linear(input, output, w.get(), packed.get());
    else if (all) k.pack_linear_backward(input, output, w.get(), packed.get());
    parallel(slices, 3, [&](int s) {
      (back ? k.linear_backward : k.linear)(call, slice_of(rows, s), scratch[s].get());
    });
    if (back) k.collect_linear(call, pointers.data(), slices, dw.get(), db.get());
    ++calls;
  }
  const std::string where = "linear " + std::to_string(rows) + " " + std::to_string(input) + " " +
                            std::to_string(output);
  for (const Exact<T>* array : {&y, &dx, &dw, &db})
    for (size_t i = 0; i < array->size(); ++i)
      if (!std::isfinite((*array)[i])) return expect(false, "an output was not written", where);
  double sum = all ? double(bias[output - 1]) : 0.0;  // the last number of y, the slow way
  for (int i = 0; i < input; ++i)
    sum += double(x[size_t(rows - 1) * input + i]) * double(w[size_t(output - 1) * input + i]);
  expect(std::fabs(sum - double(y[y.size() - 1])) < 1e-4, "a wrong product", where);
}

template <class T>
void check_updates(size_t size) {
  const Kernels<T>& k = kernels<T>();
  const Exact<T> w = random<T>(size, 1), g = random<T>(size, 2);
  const Exact<T> mean(size, Fill::zero), square(size, Fill::zero), velocity(size, Fill::nan);
  const Clip<T> clip = {T(0.5), T(2)};
  k.sgd(w.get(), g.get(), nullptr, size, clip, T(0.1), T(0), T(0.01), true);
  k.sgd(w.get(), g.get(), velocity.get(), size, clip, T(0.1), T(0.9), T(0.01), true);
  k.sgd(w.get(), g.get(), velocity.get(), size, clip, T(0.1), T(0.9), T(0), false);
  for (bool decoupled : {false, true})
    k.adam(w.get(), g.get(), mean.get(), square.get(), size, clip, T(0.1), T(0.9), T(0.999), T(1e-8),
           T(0.1), T(0.001), T(0.01), decoupled);
  const Exact<T> other(size, Fill::zero), centre(size, Fill::zero);
  for (T* middle : {static_cast<T*>(nullptr), centre.get()})
    for (T* moving : {static_cast<T*>(nullptr), velocity.get()})
      k.rmsprop(w.get(), g.get(), other.get(), middle, moving, size, clip, T(0.01), T(0.99), T(1e-8),
                T(0.5), T(0.01));
  calls += 11;
  expect(std::isfinite(k.squared_norm(w.get(), size, T(0.1))), "an update", std::to_string(size));
  expect(std::isfinite(k.dot(w.get(), g.get(), size)), "a product", std::to_string(size));
}

template <class T>
void check_loss(Family family, int width, int rows, int outputs, bool all) {
  const size_t elements = size_t(rows) * outputs;
  const Exact<T> output = random<T>(elements * width, 1), target = random<T>(elements, 2);
  const Exact<double> levels = random<double>(width, 3), weight = random<double>(rows, 4, all);
  const Exact<unsigned char> observed(elements, Fill::zero, false, all);
  const Exact<T> slope(output.size(), untouched ? Fill::untouched : Fill::nan);
  for (size_t i = 0; i < observed.size(); ++i) observed[i] = i % 3 > 0;
  for (size_t i = 0; i < weight.size(); ++i) weight[i] = std::fabs(weight[i]) + 0.1;
  const Loss<T> call = {family, rows, outputs, width, 0.5,
                        family == Family::quantile ? levels.get() : nullptr, output.get(),
                        target.get(), observed.get(), weight.get(), rows, slope.get()};
  const Kernels<T>& k = kernels<T>();
  const double sum = k.loss(call, k.loss_weight(call));
  bool good = std::isfinite(sum);
  for (size_t i = 0; i < slope.size(); ++i) good = good && std::isfinite(slope[i]);
  ++calls;
  expect(good, "a loss or a slope", std::to_string(int(family)) + " " + std::to_string(elements));
}

// Everything between two updates in one call: the same bits on one thread and on three.
template <class T>
void check_sequence(Cell cell, int batch, bool head, bool last, bool lengths, bool back) {
  const int sizes[] = {3, 17, 6}, time = 20, outputs = 2, steps = last ? 1 : time;
  const double levels[] = {0.1, 0.5, 0.9};
  const SequencePlan plan = {{cell, 2, sizes}, outputs, 3, head, last, Family::quantile, 1, levels};
  const size_t count = plan.stack_weights() + plan.head_weights(), states = plan.units() * batch;
  const Exact<T> weights = random<T>(count, 1), x = random<T>(size_t(time) * batch * 3, 2);
  const Exact<T> target = random<T>(size_t(steps) * batch * outputs, 3);
  const Exact<T> h0 = random<T>(states, 4);
  const Exact<double> weight(batch, Fill::zero);
  const Exact<int> ends(batch, Fill::zero, false, !lengths);
  for (int r = 0; r < batch; ++r) weight[r] = 1 + r % 3;
  for (size_t r = 0; r < ends.size(); ++r) ends[r] = 1 + int(r * 7 % time);
  std::vector<T> before;
  double loss = 0;
  for (int threads : {1, 3}) {
    const Exact<T> gradient(count, Fill::nan, false, !back), hn(states, Fill::nan);
    const Exact<T> output(size_t(steps) * batch * 6, Fill::nan);
    const Sequence<T> call = {&plan, time, batch, weights.get(), x.get(), target.get(), nullptr,
                              weight.get(), false, ends.get(), h0.get(), nullptr, hn.get(), nullptr,
                              {0.3, 1, 2}, gradient.get(), output.get()};
    const double found = run_sequence(kernels<T>(), call, threads);
    std::vector<T> all = gradient.values();
    for (const Exact<T>* array : {&hn, &output})
      for (size_t i = 0; i < array->size(); ++i) all.push_back((*array)[i]);
    bool good = std::isfinite(found);
    for (T value : all) good = good && std::isfinite(value);
    expect(good, "an output was not written", "sequence " + std::to_string(batch));
    expect(before.empty() || (before == all && loss == found), "threads change the bits",
           "sequence " + std::to_string(batch));
    before = all;
    loss = found;
    ++calls;
  }
}

template <class T>
void check_windows(int batch) {
  const int rows = 13, context = 8, series = 40;
  const Exact<double> values = random<double>(series, 1), location(batch, Fill::nan);
  const Exact<double> scale(batch, Fill::nan);
  const Exact<int64_t> begin(batch, Fill::zero), stop(batch, Fill::zero);
  for (int j = 0; j < batch; ++j) {
    begin[j] = j * 5 % (series - rows + 1);
    stop[j] = context + j % 7;
  }
  const Exact<T> scaled(size_t(rows) * batch, Fill::nan);
  const Exact<bool> observed(size_t(rows) * batch, Fill::zero);
  gather<T>({context, rows, batch, values.get(), begin.get(), stop.get(), 1e-9, true,
             Measure::deviation, location.get(), scale.get(), scaled.get(), observed.get()});
  ++calls;
  for (size_t i = 0; i < scaled.size(); ++i)
    expect(std::isfinite(scaled[i]), "a window", std::to_string(batch));
}

template <class T>
void check_dropout(int time, int batch, int units) {
  const Exact<T> values = random<T>(size_t(time) * batch * units, 1);
  std::vector<int> order(batch);
  for (int b = 0; b < batch; ++b) order[b] = batch - 1 - b;
  for (const int* rows : {static_cast<const int*>(nullptr), static_cast<const int*>(order.data())})
    kernels<T>().drop({0.5, 7, 3}, 1, time, batch, units, rows, values.get());
  calls += 2;
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i])) return expect(false, "dropout", std::to_string(units));
}

Case shared_case(int cell) {
  return {Cell(cell), {3, 17, 5}, 20, 65, true, true, true, true, true, true};
}

// The pool serves one caller; the others work alone. Blocks come and go meanwhile.
void check_callers() {
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([caller] {
      const Exact<float> weights = random_weights<float>(shared_case(caller));
      const auto alone = run(shared_case(caller), weights, 1, Fill::nan);
      for (int repeat = 0; repeat < (light ? 2 : 10); ++repeat) {
        Block block(size_t(1000 + 70'000 * repeat)), moved(std::move(block));
        std::memset(moved.as<char>(), repeat, 1000);
        expect(alone.same_bits(run(shared_case(caller), weights, 1 + repeat % 3, Fill::zero)),
               "callers disturb each other", std::to_string(caller));
        if (repeat == 5) release_idle();
      }
    });
  for (auto& caller : callers) caller.join();
}

#if !defined(__SANITIZE_THREAD__)
// Whether a child, and its child, work on with pools of their own.
bool child_works(int depth, const Result<float>& before, const Exact<float>& weights) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(120);  // a lock that nobody will open
    Block block(100'000);
    const bool good = before.same_bits(run(shared_case(2), weights, 3, Fill::zero)) &&
                      (depth == 0 || child_works(depth - 1, before, weights));
    _exit(good ? 0 : 1);
  }
  int status = 1;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// While other threads take memory from the store and give it back.
void check_fork() {
  const Exact<float> weights = random_weights<float>(shared_case(2));
  const auto before = run(shared_case(2), weights, 3, Fill::zero);
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;
  for (int i = 0; i < 3; ++i)
    others.emplace_back([&] {
      while (!stop) Block block(100'000), other(200'000);
    });
  for (int i = 0; i < (light ? 2 : 20); ++i)
    expect(child_works(1, before, weights), "a child of fork", std::to_string(i));
  stop = true;
  for (auto& other : others) other.join();
}
#endif

template <class T>
void check_type() {
  check_stacks<T>();
  check_loops<T>();
  check_wiring<T>();
  for (int rows : {1, 7, 65})
    for (int input : {1, 3, 17, 51, 97})
      for (int output : {1, 3, 17, 51, 97})
        for (bool all : {false, true}) check_linear<T>(rows, input, output, all);
  for (size_t size : {1, 3, 17, 51, 97}) check_updates<T>(size);
  for (int family = 0; family < 4; ++family)
    for (int width : {1, 7, 600})
      for (int rows : {1, 3, 97})
        for (int outputs : {1, 6})
          for (bool all : {false, true})
            if (width == 1 || family == 3) check_loss<T>(Family(family), width, rows, outputs, all);
  for (int cell = 0; cell < cell_count; ++cell)
    for (int batch : {1, 7, 65})
      for (int options = 0; options < 16; ++options)
        if (!light || options % 5 == 0)
          check_sequence<T>(Cell(cell), batch, options & 1, options & 2, options & 4, options & 8);
  for (int batch : {1, 7, 65}) check_windows<T>(batch);
  for (int units : {1, 3, 17, 51, 97}) check_dropout<T>(3, 5, units);
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::string> rows;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--light") light = true;
    else if (argument == "--untouched") untouched = true;
    else rows.push_back(argument);
  }
  for (const std::string& row : rows.empty() ? supported_rows() : rows) {
    select_row(row);
    calls = 0;
    check_type<float>();
    check_type<double>();
    check_callers();
#if !defined(__SANITIZE_THREAD__)
    check_fork();
#endif
    std::printf("%s: %d calls\n", row.c_str(), calls.load());
    std::fflush(stdout);
  }
  release_idle();
  if (failures) std::fprintf(stderr, "%d checks failed\n", failures.load());
  return failures ? 1 : 0;
}
