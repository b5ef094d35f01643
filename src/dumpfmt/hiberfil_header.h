// Page 0 of a hibernation file: in which state it is and which family of layouts it belongs to.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace v2p::hiberfil {

enum class State : std::uint8_t {
  kValid,     ///< hibr, HIBR: waits for its resume
  kBreak,     ///< BRKP: the same, and the kernel breaks into the debugger on resume
  kConsumed,  ///< wake, WAKE: resumed from, or given up
  kResuming,  ///< RSTR: a resume was under way
  kReusable,  ///< HORM: hibernate once, resume many times
  kLink,      ///< link: the image lies on another volume
  kNoHeader,  ///< no signature: wiped, or never there
};

State StateOf(std::span<const std::byte> head);

/// Name of a state in output, kebab-case.
std::string_view Name(State state);

/// What the state means for who reads the file, in words.
std::string_view WordsOf(State state);

/// Whether the body may be newer than the hibernation, or gone.
bool IsDoubtful(State state);

}  // namespace v2p::hiberfil
