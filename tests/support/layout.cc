// Reading of the layout tables.
// SPDX-License-Identifier: Apache-2.0
#include "support/layout.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace v2p::test {

Layout::Layout(const std::string& name) {
  std::ifstream in(std::string(V2P_TESTDATA) + "/layouts/" + name + ".tsv");
  if (!in) throw std::runtime_error("no layout table " + name);
  std::string line;
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream row(line);
    std::string structure;
    std::string field;
    std::string at;
    std::string size;
    if (!std::getline(row, structure, '\t') || !std::getline(row, field, '\t') ||
        !std::getline(row, at, '\t') || !std::getline(row, size, '\t')) {
      throw std::runtime_error("bad layout line: " + line);
    }
    fields_[structure + "." + field] = {std::stoul(at, nullptr, 16), std::stoul(size, nullptr, 0)};
  }
}

const Layout::Field& Layout::Get(const std::string& path) const {
  const auto it = fields_.find(path);
  if (it == fields_.end()) throw std::runtime_error("no layout field " + path);
  return it->second;
}

std::size_t Layout::SizeOf(const std::string& structure) const {
  return Get(structure + ".sizeof").at;
}

void Layout::Put(std::vector<std::byte>& bytes, std::size_t base, const std::string& path,
                 std::uint64_t value) const {
  const Field& field = Get(path);
  PutLe(bytes, base + field.at, field.size, value);
}

void PutLe(std::vector<std::byte>& bytes, std::size_t at, std::size_t size, std::uint64_t value) {
  if (bytes.size() < at + size) bytes.resize(at + size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[at + i] = i < 8 ? static_cast<std::byte>(value >> (8 * i)) : std::byte{0};
  }
}

void PutText(std::vector<std::byte>& bytes, std::size_t at, std::string_view text) {
  if (bytes.size() < at + text.size()) bytes.resize(at + text.size());
  for (std::size_t i = 0; i < text.size(); ++i) bytes[at + i] = static_cast<std::byte>(text[i]);
}

}  // namespace v2p::test
