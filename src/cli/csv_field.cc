// One field of a CSV row (RFC 4180).
// SPDX-License-Identifier: Apache-2.0
#include "cli/csv_field.h"

#include "cli/safe_text.h"

namespace v2p::cli {

std::string CsvField(std::string_view text) {
  std::string safe = SafeText(text);
  if (safe.find_first_of(",\"") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

std::string CsvUntrusted(std::string_view text) {
  const bool formula = !text.empty() && std::string_view("=+-@").find(text[0]) != std::string::npos;
  std::string field(formula ? "'" : "");
  field += text;
  return CsvField(field);
}

}  // namespace v2p::cli
