// The kinds of Windows whose process layouts are published: mode and layout of a WindowsRecipe.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "base/image_facts.h"

namespace v2p::test {

struct Era {
  ModeName mode;
  const char* layout;
};

inline constexpr Era kEras[] = {
    {ModeName::kX86, "2600"},      {ModeName::kX86, "3790sp0"}, {ModeName::kX86, "3790"},
    {ModeName::kX86, "6000"},      {ModeName::kX86, "7601"},    {ModeName::kPae, "2600"},
    {ModeName::kPae, "3790"},      {ModeName::kPae, "6000"},    {ModeName::kPae, "7601"},
    {ModeName::kPae, "9200"},      {ModeName::kPae, "9600"},    {ModeName::kPae, "10240"},
    {ModeName::kPae, "10586"},     {ModeName::kPae, "14393"},   {ModeName::kPae, "15063"},
    {ModeName::kPae, "16299"},     {ModeName::kPae, "17134"},   {ModeName::kPae, "17763"},
    {ModeName::kPae, "18362"},     {ModeName::kPae, "19041"},   {ModeName::kX64, "3790"},
    {ModeName::kX64, "6000"},      {ModeName::kX64, "7601"},    {ModeName::kX64, "9200"},
    {ModeName::kX64, "9600"},      {ModeName::kX64, "10240"},   {ModeName::kX64, "10586"},
    {ModeName::kX64, "14393"},     {ModeName::kX64, "15063"},   {ModeName::kX64, "16299"},
    {ModeName::kX64, "17134"},     {ModeName::kX64, "17763"},   {ModeName::kX64, "18362"},
    {ModeName::kX64, "19041"},     {ModeName::kX64, "20348"},   {ModeName::kX64, "22000"},
    {ModeName::kX64, "22621"},     {ModeName::kX64, "26100"},   {ModeName::kX64La57, "20348"},
    {ModeName::kX64La57, "26100"}, {ModeName::kArm64, "22000"},
};

inline std::ostream& operator<<(std::ostream& out, const Era& era) {
  constexpr const char* kModes[] = {"x86", "pae", "x64", "la57", "arm64"};
  return out << kModes[static_cast<std::size_t>(era.mode)] << "_" << era.layout;
}

inline std::string NameOfEra(const testing::TestParamInfo<Era>& era) {
  return testing::PrintToString(era.param);
}

}  // namespace v2p::test
