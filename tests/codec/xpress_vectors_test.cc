// Hand-made Xpress streams for each trap of the two formats. The verdicts are those of the text of
// [MS-XCA]; where libwim, libfwnt, samba and ms-compress were run on them too and differ, the
// comment says so. All kernels and the slow reference decoder must agree to the byte of input used.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "codec/xpress.h"
#include "codec/xpress_kernels.h"
#include "support/xpress_reference.h"

namespace v2p::test {
namespace {

using Bytes = std::vector<std::byte>;
using Fault = XpressFault;

Bytes FromHex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

struct Vector {
  const char* name;
  const char* table;  ///< Huffman: "offset:value" pairs of the 256 bytes that are not zero
  const char* stream;
  std::size_t size;
  Fault fault = Fault::kNone;
  const char* repeat = nullptr;  ///< the output is this text over and over, where it is that simple
};

void PrintTo(const Vector& vector, std::ostream* out) { *out << vector.name; }
std::string NameOf(const testing::TestParamInfo<Vector>& info) { return info.param.name; }

Bytes HuffmanStream(const Vector& vector) {
  Bytes bytes(256);
  for (std::string_view rest = vector.table; rest.size() >= 5; rest.remove_prefix(5)) {
    bytes[std::stoul(std::string(rest.substr(0, 2)), nullptr, 16)] =
        FromHex(rest.substr(3, 2)).front();
    if (rest.size() == 5) break;
    rest.remove_prefix(1);
  }
  const Bytes stream = FromHex(vector.stream);
  bytes.insert(bytes.end(), stream.begin(), stream.end());
  return bytes;
}

using Reference = XpressResult(std::span<const std::byte>, std::span<std::byte>);

void Check(const Vector& vector, const Bytes& in, Reference* reference,
           xpress::Decode* xpress::Kernel::*function) {
  Bytes expected(vector.size);
  const XpressResult verdict = reference(in, expected);
  ASSERT_EQ(verdict.has_value() ? Fault::kNone : verdict.error().fault, vector.fault);
  if (vector.repeat != nullptr) {
    const std::string_view text = vector.repeat;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(expected[i], static_cast<std::byte>(text[i % text.size()])) << i;
    }
  }
  for (const xpress::Kernel& kernel : xpress::Kernels()) {
    Bytes out(vector.size);
    const XpressResult result = xpress::Run(kernel.*function, in, out);
    EXPECT_EQ(result, verdict) << kernel.name;
    if (result) {
      EXPECT_EQ(out, expected) << kernel.name;
    }
  }
}

// Every cut is refused, or only removed what nobody needed.
void CheckCuts(const Vector& vector, const Bytes& in, Reference* reference,
               xpress::Decode* xpress::Kernel::*function) {
  Bytes whole(vector.size);
  const bool good = reference(in, whole).has_value();
  for (std::size_t size = 0; size < in.size(); ++size) {
    const auto cut = std::span(in).first(size);
    Bytes expected(vector.size);
    const XpressResult verdict = reference(cut, expected);
    if (good && verdict) {
      EXPECT_EQ(expected, whole) << size;
    }
    for (const xpress::Kernel& kernel : xpress::Kernels()) {
      Bytes out(vector.size);
      ASSERT_EQ(xpress::Run(kernel.*function, cut, out), verdict) << kernel.name << " " << size;
      if (verdict) {
        ASSERT_EQ(out, expected) << kernel.name << " " << size;
      }
    }
  }
}

class HuffmanVectors : public testing::TestWithParam<Vector> {};
class PlainVectors : public testing::TestWithParam<Vector> {};

TEST_P(HuffmanVectors, Decode) {
  Check(GetParam(), HuffmanStream(GetParam()), ReferenceHuffman, &xpress::Kernel::huffman);
}
TEST_P(HuffmanVectors, Cuts) {
  CheckCuts(GetParam(), HuffmanStream(GetParam()), ReferenceHuffman, &xpress::Kernel::huffman);
}
TEST_P(PlainVectors, Decode) {
  Check(GetParam(), FromHex(GetParam().stream), ReferencePlain, &xpress::Kernel::plain);
}
TEST_P(PlainVectors, Cuts) {
  CheckCuts(GetParam(), FromHex(GetParam().stream), ReferencePlain, &xpress::Kernel::plain);
}

constexpr const char* kRuns = "30:10 31:33 87:20";   // literal and match with an extra length
constexpr const char* kPairs = "30:20 31:22 80:02";  // literals a, b, c and a match of length 3
constexpr const char* kLong = "30:20 31:22 87:20";   // the same with an extra length byte
constexpr const char* kFifteen = "30:10 31:32 32:54 33:76 34:98 35:ba 36:dc 37:fe 38:0f";

const Vector kHuffman[] = {
    {"ExampleOfTheSpecification", "30:30 31:23 80:02 8f:20", "a8dc0000ff2601", 300, {}, "abc"},
    // Where the extra bytes stand depends on how many bits were consumed.
    {"ExtraByteAfter16Bits", kRuns, "0200dddc0c76bb00e00000", 59},
    {"ExtraByteAfter17Bits", kRuns, "01006e6ebbdd0c00700000", 60},
    {"ExtraByteAfter32Bits", kRuns, "00000200dddc0c76bb00e00000", 75},
    {"OffsetBitsFollowTheExtraByte", "30:20 31:22 a7:20", "611869601b067e38160018070000", 94},
    {"SixteenBitLengthOf15", kRuns, "805b0000ff0f00", 21},
    {"SixteenBitLengthOf14", kRuns, "805b0000ff0e00", 20, Fault::kShortLength},  // libwim accepts
    {"ThirtyTwoBitLength", kRuns, "805b0000ff000055020000", 603},  // libwim gives wrong bytes
    {"Symbol256InMidStreamIsAMatch", kPairs, "c01e0000", 9},       // ms-compress stops at 6
    {"EndMarkIsNotDecoded", kPairs, "f01e0000", 9},
    {"LookAheadWordAbsent", kPairs, "61180080", 9},
    {"ShorterThan260Bytes", kPairs, "6118", 8},
    {"ConsumedBitsMissing", kPairs, "6118", 9, Fault::kTruncated},  // libwim invents zeros
    {"HalfAWordDoesNotCount", kPairs, "611800", 9, Fault::kTruncated},
    {"TrailingBytes", kPairs, "611800800000ffffffffffffff", 9},
    {"ExtraByteLastInOddStream", kLong, "c018000020", 54},
    {"ExtraByteCut", kLong, "c0180000", 54, Fault::kTruncated},  // libwim invents 0
    {"MatchEndsAtTheEnd", "30:20 31:22 82:02", "001c0000", 9},
    {"MatchEndsBeyond", "30:20 31:22 82:02", "001c0000", 8, Fault::kPastOutput},
    {"LookAheadZerosDecodeAsLiterals", "30:20 31:22 82:02", "001c0000", 12},
    {"DistanceOfAllThatWasProduced", "30:20 31:22 88:02", "001c0000", 5},
    {"DistanceOneMore", "30:20 31:22 88:02", "001e0000", 5, Fault::kBeforeOutput},
    {"FirstSymbolIsAMatch", kPairs, "00c00000", 4, Fault::kBeforeOutput},
    {"CodesOf15Bits", kFifteen, "ff7ffcffffbfff7f0000", 7},
    {"EmptyCode", "", "0000000000000000", 4, Fault::kIncomplete},                // libwim accepts
    {"OneSymbolOfLength1", "30:10", "0000000000000000", 4, Fault::kIncomplete},  // libfwnt accepts
    {"ThreeSymbolsOfLength1", "30:10 31:11", "0000000000000000", 4, Fault::kOversubscribed},
    {"SixtyFourKiBOfZeros", "00:01 87:10", "00400000fffcff", 65536},
};

const Vector kPlain[] = {
    {"SpecificationAlphabet",
     "",
     "3f0000006162636465666768696a6b6c6d6e6f707172737475767778797a",
     26,
     {},
     "abcdefghijklmnopqrstuvwxyz"},
    {"SpecificationAbc", "", "ffffff1f61626317000fff2601", 300, {}, "abc"},
    {"ZerosByOneEncoder", "", "ffffff7f0007000ffffcff", 65536},
    {"ZerosByAnother", "", "ffffff5f0007000ffffbff00", 65536},
    {"HalfByteSharedOverALiteral", "", "ffffff5f61070020620f00", 24},
    {"HalfByteKeptAcrossAFlagWord", "",
     "00000040610700304142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5effffffff1700",
     54},
    {"ThirdMatchTakesANewByte", "", "ffffff7f610700100700070002", 34, {}, "a"},
    {"HighHalf15ExtendsAtThePosition", "", "ffffff63610700f0070005626364", 44},
    {"Extension0", "", "ffffff7f6107000f00", 26, {}, "a"},
    {"Extension254", "", "ffffff7f6107000ffe", 280, {}, "a"},
    {"Extension16Bits", "", "ffffff7f6107000fff1501", 281, {}, "a"},
    {"Extension16BitsLeast", "", "ffffff7f6107000fff1600", 26, {}, "a"},
    {"Extension16BitsOf21", "", "ffffff7f6107000fff1500", 25, Fault::kShortLength},
    {"Extension32Bits", "", "ffffff7f6107000fff000058020000", 604, {}, "a"},
    {"Extension32BitsWraps", "", "ffffff7f6107000fff0000ffffffff", 604, Fault::kPastOutput},
    {"LastTokenOfAFlagWord", "",
     "000000004142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60", 32},
    {"FreshFlagWordAtTheEnd", "",
     "000000004142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60ffffffff", 32},
    {"DistanceOfAllThatWasProduced", "", "ffffff3f61620800", 5, {}, "ab"},
    {"DistanceOneMore", "", "ffffff3f61621000", 5, Fault::kBeforeOutput},
    {"MatchPastTheOutput", "", "ffffff3f61620800", 4, Fault::kPastOutput},
    {"FirstTokenIsAMatch", "", "ffffffff0000", 3, Fault::kBeforeOutput},
    {"CutInALiteral", "", "ffffff3f61", 2, Fault::kTruncated},
    {"CutInAMatch", "", "ffffff3f616208", 5, Fault::kTruncated},
    {"CutInAHalfByte", "", "ffffff3f61620f00", 20, Fault::kTruncated},
    {"CutInA16BitLength", "", "ffffff3f61620f000fff40", 400, Fault::kTruncated},
    {"PaddingBehind", "", "ffffff3f616208000000000000000000", 5, {}, "ab"},
    {"EndsBeforeTheSize", "", "ffffff3f61620800", 6, Fault::kTruncated},
};

INSTANTIATE_TEST_SUITE_P(Xpress, HuffmanVectors, testing::ValuesIn(kHuffman), NameOf);
INSTANTIATE_TEST_SUITE_P(Xpress, PlainVectors, testing::ValuesIn(kPlain), NameOf);

TEST(Xpress, EmptyOutputNeedsNoInput) {
  EXPECT_EQ(XpressDecode({}, {}), XpressResult(0));
  EXPECT_EQ(XpressHuffmanDecode({}, {}), XpressResult(0));
}

TEST(Xpress, FaultsHaveKindsAndWords) {
  EXPECT_EQ((XpressError{Fault::kTruncated, 1}).Kind(), ErrorKind::kTruncated);
  EXPECT_EQ((XpressError{Fault::kTableTruncated, 1}).Kind(), ErrorKind::kTruncated);
  EXPECT_EQ((XpressError{Fault::kPastOutput, 1}).Kind(), ErrorKind::kCorrupt);
  EXPECT_NE(Describe(Fault::kPastOutput), Describe(Fault::kBeforeOutput));
}

}  // namespace
}  // namespace v2p::test
