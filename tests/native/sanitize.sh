#!/usr/bin/env bash
# Builds check_engine and runs it on every row of the engine that this processor has: no memory
# error, no undefined behaviour, no data race, nothing read before it was written.
#
#   tests/native/sanitize.sh [address] [thread] [valgrind]     without arguments all three
#
# Needs cmake, ninja and a Python with nanobind on the PATH (`make sanitize` sees to it). JOBS sets
# how many compilers run at once; each needs 1 GB.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# build KIND OPTIMIZATION FLAGS leaves build/check/KIND/check_engine. Lines of the source are enough to read
# a report (-g1): what follows every variable (-g) trebles the time that the widest row compiles.
build() {
  echo "building check_engine for $1"
  cmake -S . -B "build/check/$1" -G Ninja -DROLLCAST_CHECK=ON -DCMAKE_BUILD_TYPE=Check \
    -DROLLCAST_OPTIMIZE="$2" -DCMAKE_CXX_FLAGS="-g1 $3" >/dev/null
  cmake --build "build/check/$1" --target check_engine --parallel "${JOBS:-1}" >/dev/null
}

check_address() {
  build address -O1 "-O1 -fsanitize=address,undefined -fno-omit-frame-pointer"
  ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 build/check/address/check_engine
}

check_thread() {
  build thread -O1 "-O1 -fsanitize=thread"
  TSAN_OPTIONS=halt_on_error=1 build/check/thread/check_engine
}

# Valgrind does not know AVX-512, so it sees the other rows, as they ship (-O3). Leaks are the address
# sanitizer's: here the children of fork would report threads that they never had.
check_valgrind() {
  if ! command -v valgrind >/dev/null; then
    echo "valgrind: skipped, it is not installed"
    return
  fi
  build valgrind -O3 "-O1"
  local row rows=(portable)
  if grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo; then rows+=(avx2); fi
  for row in "${rows[@]}"; do
    valgrind --quiet --error-exitcode=1 \
      build/check/valgrind/check_engine --light --untouched "$row"
  done
}

if [ $# -eq 0 ]; then set -- address thread valgrind; fi
for kind in "$@"; do "check_$kind"; done
echo "no findings"
