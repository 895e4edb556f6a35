// A cell and how its layers are wired, as Python says it: checked once, given to every call.
#pragma once
#include <nanobind/stl/vector.h>

#include <vector>

#include "arrays.h"

namespace rollcast {

struct Wiring {
  std::vector<int> dilation;  // one a layer; empty: every layer goes on from the step before
  bool residual = false;
  double zoneout = 0;

  // The stack with pointers into this, which must outlive it.
  Stack of(Stack stack) const {
    stack.dilation = dilation.empty() ? nullptr : dilation.data();
    stack.residual = residual;
    stack.zoneout = zoneout;
    return stack;
  }
  void check(Cell cell, int layers) const {
    expect(dilation.empty() || int(dilation.size()) == layers, "dilation (one a layer)");
    for (int steps : dilation) expect(steps >= 1 && steps <= 1 << 16, "dilation");
    expect(zoneout >= 0 && zoneout < 1 && (!zoneout || !by_row(cell)), "zoneout");
  }
};

struct Kind {
  Cell cell;
  Wiring wiring;
};

}  // namespace rollcast
