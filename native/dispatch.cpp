#include "dispatch.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace rollcast {

#if defined(ROLLCAST_HAS_avx512)
namespace avx512 { extern const Engine engine; }
#endif
#if defined(ROLLCAST_HAS_avx2)
namespace avx2 { extern const Engine engine; }
#endif
#if defined(ROLLCAST_HAS_neon)
namespace neon { extern const Engine engine; }
#endif
namespace portable { extern const Engine engine; }

namespace {

struct Row {
  const Engine* engine;
  bool (*supported)();
};

// THE table, best first.
const Row rows[] = {
#if defined(ROLLCAST_HAS_avx512)
    {&avx512::engine,
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("fma");
     }},
#endif
#if defined(ROLLCAST_HAS_avx2)
    {&avx2::engine,
     [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
#endif
#if defined(ROLLCAST_HAS_neon)
    {&neon::engine, [] { return true; }},
#endif
    {&portable::engine, [] { return true; }},
};

std::atomic<const Engine*> chosen{nullptr};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::vector<std::string> compiled_rows() {
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(row.engine->name);
  return names;
}

std::vector<std::string> supported_rows() {
  std::vector<std::string> names;
  for (const Row& row : rows)
    if (row.supported()) names.push_back(row.engine->name);
  return names;
}

void select_row(const std::string& name) {
  for (const Row& row : rows)
    if (name == row.engine->name) {
      if (!row.supported())
        throw std::invalid_argument("ROLLCAST_ISA: this processor cannot run '" + name +
                                    "'; it can run: " + joined(supported_rows()));
      chosen = row.engine;
      return;
    }
  throw std::invalid_argument("ROLLCAST_ISA: '" + name + "' is not an instruction set of this build" +
                              "; possible here: " + joined(supported_rows()));
}

const Engine& engine() {
  if (!chosen) {
    const char* wanted = std::getenv("ROLLCAST_ISA");
    select_row(wanted && *wanted ? std::string(wanted) : supported_rows().front());
  }
  return *chosen;
}

}  // namespace rollcast
