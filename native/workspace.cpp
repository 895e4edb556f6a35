#include "workspace.h"

#include <pthread.h>

#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace rollcast {
namespace {

struct Idle {
  void* memory;
  size_t bytes;
};

// Under the address sanitizer a block has exactly the bytes asked for and is never used twice.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool exact = true;
#else
constexpr bool exact = false;
#endif

constexpr size_t most_idle = 128;

// Room for all from the start: giving a block back must not ask for memory. Never destroyed: blocks
// may come back while the process ends.
std::vector<Idle>& make_store() {
  auto* idle = new std::vector<Idle>;
  idle->reserve(most_idle + 1);
  return *idle;
}

std::mutex mutex;
std::vector<Idle>& store = make_store();
size_t waiting = 0;

// A child of fork gets the store unlocked and whole, whatever other threads were doing.
[[maybe_unused]] const int forks = pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); },
                                                  [] { mutex.unlock(); });

}  // namespace

Block::Block(size_t bytes) {
  if (bytes > size_t(-1) / 4) throw std::bad_alloc();
  if (!exact) {
    std::lock_guard<std::mutex> lock(mutex);
    // Newest first: its pages are the likeliest to be in the cache. Not much larger than asked.
    for (auto it = store.rbegin(); it != store.rend(); ++it)
      if (it->bytes >= bytes && it->bytes <= bytes + bytes / 2 + 65536) {
        memory_ = it->memory;
        bytes_ = it->bytes;
        waiting -= bytes_;
        store.erase(std::next(it).base());
        return;
      }
  }
  bytes_ = exact ? bytes : (bytes + 4095) / 4096 * 4096 + 4096;
  if (posix_memalign(&memory_, exact ? 64 : 4096, bytes_)) throw std::bad_alloc();
}

Block::~Block() {
  if (exact) std::free(memory_);
  if (exact || !memory_) return;
  std::lock_guard<std::mutex> lock(mutex);
  store.push_back({memory_, bytes_});
  waiting += bytes_;
  while (waiting > idle_limit || store.size() > most_idle) {
    waiting -= store.front().bytes;
    std::free(store.front().memory);
    store.erase(store.begin());
  }
}

Block::Block(Block&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

size_t idle_bytes() {
  std::lock_guard<std::mutex> lock(mutex);
  return waiting;
}

void release_idle() {
  std::lock_guard<std::mutex> lock(mutex);
  for (const Idle& idle : store) std::free(idle.memory);
  store.clear();
  waiting = 0;
}

}  // namespace rollcast
