// `v2p schema`: the JSON Schemas of the output, built into the program.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/safe_text.h"
#include "cli/schemas.h"

namespace v2p::cli {
namespace {

// All schemas as members of one object, named as in the output's `schema` member.
std::string AllSchemas() {
  std::string out = "{";
  std::string_view separator = "\n";
  for (const EmbeddedSchema& schema : Schemas()) {
    std::string_view text = schema.text;
    while (text.ends_with('\n')) text.remove_suffix(1);
    out += fmt::format("{}\"{}\": {}", separator, schema.name, text);
    separator = ",\n";
  }
  return out + "\n}\n";
}

}  // namespace

int RunSchema(const Args& args) {
  if (args.schema.empty()) return PrintAndExit(AllSchemas(), kAllTranslated);
  std::string known;
  for (const EmbeddedSchema& schema : Schemas()) {
    if (schema.name == args.schema) return PrintAndExit(schema.text, kAllTranslated);
    known += fmt::format(" {}", schema.name);
  }
  LogError(fmt::format("there is no schema '{}'; known are:{}", SafeText(args.schema), known));
  return kUsageError;
}

}  // namespace v2p::cli
