// Messages for people, by spdlog, which is set up by the first message and not before.
// SPDX-License-Identifier: Apache-2.0
#include "cli/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <string>

#include "cli/safe_text.h"

namespace v2p::cli {
namespace {

int g_level = 0;

spdlog::logger& Logger() {
  static const std::unique_ptr<spdlog::logger> logger = [] {
    auto made =
        std::make_unique<spdlog::logger>("v2p", std::make_shared<spdlog::sinks::stderr_sink_st>());
    made->set_pattern("v2p: %v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

void Log(spdlog::level::level_enum level, int from, std::string_view line) {
  if (g_level < from) return;
  const std::string safe = SafeText(line);
  Logger().log(level, spdlog::string_view_t(safe.data(), safe.size()));
}

}  // namespace

void SetLogLevel(int level) { g_level = level; }

void LogError(std::string_view line) { Log(spdlog::level::err, -1, line); }
void LogWarning(std::string_view line) { Log(spdlog::level::warn, 0, line); }
void LogInfo(std::string_view line) { Log(spdlog::level::info, 1, line); }
void LogDebug(std::string_view line) { Log(spdlog::level::debug, 2, line); }

}  // namespace v2p::cli
