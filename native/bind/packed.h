// What a stack is, and its weights packed for calls that follow each other.
#pragma once
#include <vector>

#include "arrays.h"

namespace rollcast {

struct Shape {
  Cell cell;
  std::vector<int> sizes;

  Stack stack() const { return {cell, int(sizes.size()) - 1, sizes.data()}; }
  size_t units() const {
    size_t sum = 0;
    for (size_t l = 1; l < sizes.size(); ++l) sum += sizes[l];
    return sum;
  }
  size_t gates() const { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }
  size_t weights() const {
    size_t sum = 0;
    for (size_t l = 1; l < sizes.size(); ++l)
      sum += gates() * sizes[l] * size_t(sizes[l - 1] + sizes[l] + 2);
    return sum;
  }
};

inline Shape shape_of(int cell, const std::vector<int>& sizes) {
  expect(cell >= 0 && cell <= 3, "cell");
  expect(sizes.size() >= 2 && sizes.size() <= 65, "sizes (1 to 64 layers)");
  for (int size : sizes) expect(size > 0 && size <= 1 << 20, "sizes");
  return {Cell(cell), sizes};
}

// Weights in the form that forward reads, for calls that follow each other. The row they were packed
// for serves them to the end, whatever is selected meanwhile.
template <class T>
struct Packed {
  Shape shape;
  const Engine* row;
  Block panels;
};

}  // namespace rollcast
