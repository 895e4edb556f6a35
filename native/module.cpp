// The Python module: the entries of bind/ and what concerns the engine as a whole.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind/arrays.h"

NB_MODULE(_native, m) {
  using namespace rollcast;
  // A graph of PyTorch's may hold a recording until after Python has looked for leaks.
  nanobind::set_leak_warnings(false);
  define_stack(m);
  define_rollout(m);
  define_stream(m);
  define_linear(m);
  define_loss(m);
  define_sequence(m);
  define_dropout(m);
  define_update(m);
  define_windows(m);
  m.def("row", [] { return std::string(engine().name); });
  m.def("select_row", &select_row);
  m.def("supported_rows", &supported_rows);
  m.def("bfloat16_units", [] { return bfloat16_units(engine()); });
  m.def("compiled_rows", &compiled_rows);
  m.def("threads", &thread_count);
  m.def("set_threads", &set_thread_count);
  m.def(
      "share_team",
      [](const std::optional<std::string>& library) {
        return share_team(library ? library->c_str() : nullptr);
      },
      nanobind::arg("library").none());
  m.def("granted_cpus", &granted_cpus);
  m.def("idle_bytes", &idle_bytes);
  m.def("release_idle", &release_idle);
}
