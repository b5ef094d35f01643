// Whether to use colour.
// SPDX-License-Identifier: Apache-2.0
#include "cli/color.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace v2p::cli {
namespace {

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

bool UseColor(ColorChoice choice) {
  if (choice != ColorChoice::kAuto) return choice == ColorChoice::kAlways;
  if (!Variable("NO_COLOR").empty()) return false;
  const std::string_view force = Variable("CLICOLOR_FORCE");
  if (!force.empty() && force != "0") return true;
  return Variable("TERM") != "dumb" && isatty(STDOUT_FILENO) != 0;
}

}  // namespace v2p::cli
