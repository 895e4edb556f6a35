#include "dispatch.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

#if defined(__x86_64__) && defined(__linux__)
// AMX: the processor has tiles and their products of bfloat16, the system saves them, and lets us.
bool has_tiles() {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  if (!(d >> 22 & 1) || !(d >> 24 & 1)) return false;
  const long request_permission = 0x1023, tile_data = 18;  // arch_prctl(2)
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

bool has_pairs() {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
}
#else
bool has_tiles() { return false; }
bool has_pairs() { return false; }
#endif

}  // namespace

std::vector<std::string> bfloat16_units(const Engine& row) {
  static const bool tiles = has_tiles(), pairs = has_pairs();
  std::vector<std::string> names;
  if (row.single.pack_bfloat16 && tiles) names.push_back("tiles");
  if (row.single.pack_bfloat16 && pairs) names.push_back("pairs");
  return names;
}

Products bfloat16_products(const Engine& row) {
  const auto names = bfloat16_units(row);
  const char* wanted = std::getenv("ROLLCAST_BFLOAT16");
  for (const auto& name : names)
    if (!wanted || !*wanted || name == wanted)
      return name == "tiles" ? Products::bfloat16_tiles : Products::bfloat16_pairs;
  throw std::invalid_argument(
      "products in bfloat16 are not to be had with the instruction set '" + std::string(row.name) +
      "' on this processor; units that it has: " + (names.empty() ? "none" : joined(names)));
}

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
