// What most cells of by_row.h have in common; a cell declares what differs.
#pragma once
#include "../several.h"

namespace rollcast::ROLLCAST_ROW {

template <class T>
struct ByRowCell {
  typedef T Element;
  static constexpr bool by_row = true, whole = false, bias_in_sums = true;
  static constexpr int row_saved = 0, vectors = 0;
};

// Four gates, all reached by x and by h, in the order of the LSTM.
template <class T>
struct FourGates : ByRowCell<T> {
  static constexpr int gates = 4;
  static constexpr int panels = 4, x_first = 0, x_count = 4, h_first = 0, h_count = 4;
  static constexpr int x_gates[4] = {0, 1, 2, 3}, h_gates[4] = {0, 1, 2, 3};
  static constexpr bool has_cell = true, carry_reaches_h = false;
  static constexpr int cells = 1;
};

// Gates that see x alone; the state before reaches the next one by a factor.
template <class T>
struct InputGates : ByRowCell<T> {
  static constexpr int x_first = 0, h_first = 0, h_count = 0;
  static constexpr int x_gates[3] = {0, 1, 2}, h_gates[1] = {0};
  static constexpr bool has_cell = false, carry_reaches_h = true;
  static constexpr int cells = 0;
};

}  // namespace rollcast::ROLLCAST_ROW
