// Streams: a stack, and a linear layer on its output, stepped once a call. Everything a step needs is
// made once and kept, the states too.
#include <cstring>
#include <stdexcept>

#include "stack.h"

namespace rollcast {
namespace {

// The numbers behind a Python array, read without NumPy's help: an nb::ndarray costs more than a
// small step.
template <class T>
class Borrowed {
  Py_buffer view_;

 public:
  explicit Borrowed(nb::handle array) {
    if (PyObject_GetBuffer(array.ptr(), &view_, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT))
      throw nb::python_error();
  }
  ~Borrowed() { PyBuffer_Release(&view_); }
  Borrowed(const Borrowed&) = delete;

  bool is(Py_ssize_t rows, Py_ssize_t columns) const {
    const char type = sizeof(T) == 4 ? 'f' : 'd';
    if (!view_.format || view_.format[0] != type || view_.format[1]) return false;
    if (view_.ndim == 1) return rows == 1 && view_.shape[0] == columns;
    return view_.ndim == 2 && view_.shape[0] == rows && view_.shape[1] == columns;
  }
  const T* data() const { return static_cast<const T*>(view_.buf); }
};

template <class T>
class Stream {
 public:
  Stream(const Packed<T>& packed, size_t batch, Maybe<In<T>> weight, Maybe<In<T>> bias, Out<T> y)
      : kernels_(kernels<T>(*packed.row)), y_(nb::cast(y)) {
    const Shape& shape = packed.shape;
    const int units = shape.output();
    call_.stack = shape.stack();
    call_.time = 1;
    call_.batch = length_of(batch, "batch (1 to 2^30 rows)");
    if (double(batch) * double(shape.units() + shape.cells()) > 0x1p50) throw std::bad_alloc();
    call_.products = packed.products;
    call_.packed = packed.panels.template as<T>();
    h_.assign(batch * shape.widths(), 0);
    call_.h0 = call_.hn = h_.data();
    if (shape.cells()) {
      c_.assign(batch * shape.cells(), 0);
      call_.c0 = call_.cn = c_.data();
    }
    call_.y = y.data();
    operations_ = 2.0 * double(shape.weights()) * call_.batch;
    if (weight) {
      expect(weight->ndim() == 2 && weight->shape(1) == size_t(units), "weight");
      output_.assign(batch * units, 0);
      head_.rows = call_.batch;
      head_.input = units;
      head_.output = length_of(weight->shape(0), "weight (1 to 2^30 rows)");
      const T* first = data(bias, head_.output, "bias");
      bias_.assign(first, first + (first ? head_.output : 0));
      head_.bias = first ? bias_.data() : nullptr;
      panels_ = Block(kernels_.packed_linear_size(units, head_.output) * sizeof(T));
      kernels_.pack_linear(units, head_.output, weight->data(), panels_.as<T>());
      head_.packed = panels_.as<T>();
      head_.x = call_.y = output_.data();
      head_.y = y.data();
      operations_ += 2.0 * double(units) * head_.output * call_.batch;
    }
    expect(y.size() == batch * (weight ? head_.output : units), "y");
    const int slices = slice_count(call_.batch);
    for (int s = 0; s < slices; ++s) {
      const int rows = slice_of(call_.batch, s).rows;
      work_.emplace_back(kernels_.workspace_size(call_, rows) * sizeof(T));
      if (weight) scratch_.emplace_back(kernels_.linear_scratch_size(head_, rows) * sizeof(T));
    }
  }

  nb::object step(nb::handle array) {
    const Borrowed<T> x(array);
    expect(x.is(call_.batch, call_.stack.sizes[0]), "x");
    const Turn turn(busy_);
    call_.x = x.data();
    // A small step is over before another thread could have begun.
    if (operations_ < 1e6) {
      run();
    } else {
      WithoutLock free;
      run();
    }
    return y_;
  }

  nb::object states(bool cell) {
    const std::vector<T>& from = cell ? c_ : h_;
    if (from.empty()) return nb::none();
    const Turn turn(busy_);
    T* copy = new T[from.size()];
    nb::capsule owner(copy, [](void* memory) noexcept { delete[] static_cast<T*>(memory); });
    std::memcpy(copy, from.data(), from.size() * sizeof(T));
    return nb::cast(nb::ndarray<nb::numpy, const T, nb::ndim<1>>(copy, {from.size()}, owner));
  }

  void set_states(bool cell, In<T> values) {
    std::vector<T>& to = cell ? c_ : h_;
    expect(values.size() == to.size(), "states");
    const Turn turn(busy_);
    std::memcpy(to.data(), values.data(), to.size() * sizeof(T));
  }

 private:
  // Steps of one stream follow each other. Taken and given back while the lock is held.
  class Turn {
    bool& busy_;

   public:
    explicit Turn(bool& busy) : busy_(busy) {
      if (busy) throw std::runtime_error("rollcast engine: this stream is in use");
      busy = true;
    }
    ~Turn() { busy_ = false; }
    Turn(const Turn&) = delete;
  };

  void run() {
    parallel(int(work_.size()), threads_for(operations_), [&](int s) {
      const Slice slice = slice_of(call_.batch, s);
      kernels_.forward(call_, slice, work_[s].template as<T>());
      if (head_.y) kernels_.linear(head_, slice, scratch_[s].template as<T>());
    });
  }

  const Kernels<T>& kernels_;
  Forward<T> call_ = {};
  Linear<T> head_ = {};
  double operations_;
  nb::object y_;
  Block panels_;
  std::vector<T> h_, c_, output_, bias_;
  std::vector<Block> work_, scratch_;
  bool busy_ = false;
};

template <class T>
std::unique_ptr<Stream<T>> stream(const Packed<T>& packed, size_t batch, Maybe<In<T>> weight,
                                  Maybe<In<T>> bias, Out<T> y) {
  return std::make_unique<Stream<T>>(packed, batch, weight, bias, y);
}

template <class T>
void define(nb::module_& m, const char* name) {
  using nb::arg;
  nb::class_<Stream<T>>(m, name)
      .def("step", &Stream<T>::step, arg("x"))
      .def("states", &Stream<T>::states, arg("cell"))
      .def("set_states", &Stream<T>::set_states, arg("cell"), arg("values").noconvert());
  m.def("stream", &stream<T>, arg("packed"), arg("batch"), arg("weight").none().noconvert(),
        arg("bias").none().noconvert(), arg("y").noconvert(), nb::keep_alive<0, 1>());
}

}  // namespace

void define_stream(nb::module_& m) {
  define<float>(m, "StreamSingle");
  define<double>(m, "StreamDouble");
}

}  // namespace rollcast
