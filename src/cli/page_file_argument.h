// `--pagefile [N=]FILE`: which file is which page file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace v2p::cli {

/// A number and a file for each word. Without `N=` a file gets the number behind the one before, as
/// Windows lists its page files; the first gets 0. A name that begins so is written ./1=name.
std::vector<std::pair<unsigned, std::string>> PageFileArguments(std::span<const std::string> words);

}  // namespace v2p::cli
