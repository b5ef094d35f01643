// The JSON objects that several forms share: a translation and a failure.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.h"
#include "cli/json_writer.h"
#include "cli/record.h"

namespace v2p::cli {

/// `v2p.translation/1`, keys in the order of its schema.
void WriteTranslation(const Record& record, JsonWriter& json);

/// `v2p.error/1`.
void WriteError(std::string_view image, const Error& error, JsonWriter& json);

}  // namespace v2p::cli
