# Writes schemas.cc: every schema/v2p-NAME-MAJOR.json as a string named v2p.NAME/MAJOR.
function(v2p_embed_schemas out)
  file(GLOB schemas CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/schema/*.json)
  list(SORT schemas)
  set(entries "")
  foreach(file ${schemas})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(stem ${file} NAME_WE)
    string(REGEX REPLACE "^v2p-(.*)-([0-9]+)$" "v2p.\\1/\\2" name ${stem})
    file(READ ${file} text)
    string(APPEND entries "    {\"${name}\", R\"schema(${text})schema\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${out} @ONLY CONTENT [[
// Generated from schema/*.json by cmake/embed_schemas.cmake.
// SPDX-License-Identifier: Apache-2.0
#include "cli/schemas.h"

namespace v2p::cli {

std::span<const EmbeddedSchema> Schemas() {
  static constexpr EmbeddedSchema kSchemas[] = {
@entries@  };
  return kSchemas;
}

}  // namespace v2p::cli
]])
endfunction()
