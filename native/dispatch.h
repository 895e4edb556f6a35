// Which rows were compiled, which this processor can run, and which one is in use.
#pragma once
#include <string>
#include <vector>

#include "engine.h"

namespace rollcast {

std::vector<std::string> compiled_rows();
std::vector<std::string> supported_rows();  // best first

// The row in use. Chosen once: the best one, or what ROLLCAST_ISA names.
const Engine& engine();

// Forces a row; throws std::invalid_argument with the possible names.
void select_row(const std::string& name);

// The processor's units for products in bfloat16 that the row can use, best first: "tiles", "pairs".
std::vector<std::string> bfloat16_units(const Engine& row);

// The one to use: the best, or what ROLLCAST_BFLOAT16 names. Throws std::invalid_argument where there is
// none.
Products bfloat16_products(const Engine& row);

}  // namespace rollcast
