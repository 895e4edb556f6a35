// Memory for slices, kept between calls: fresh pages cost more than the arithmetic on them.
#pragma once
#include <cstddef>

namespace rollcast {

// A block aligned to 64 bytes; goes back to the store when dropped.
class Block {
 public:
  Block() = default;
  explicit Block(size_t bytes);
  ~Block();
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;
  Block(const Block&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(memory_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};

// Bytes waiting in the store, never more than `idle_limit`; the oldest go first.
size_t idle_bytes();
constexpr size_t idle_limit = size_t(1) << 30;
void release_idle();

}  // namespace rollcast
