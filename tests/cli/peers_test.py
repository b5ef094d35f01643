# Inputs that kill or fool other tools: each gets the right answer or one line of error.
# SPDX-License-Identifier: Apache-2.0
"""usage: peers_test.py V2P

Which tool went wrong, and how, was measured on kdmp-parser, kdmp-parser-rs, Volatility 3, MemProcFS,
LeechCore and libvmi; the images are synthetic and the expected answers follow from the entries.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import windows_dump as dump  # noqa: E402

V2P = sys.argv[1] if len(sys.argv) > 1 else ""
MAPPED_4K = 0xFFFFF80000001000
TRANSITION_PTE = 0xFFFFF8000003C000
TRANSITION_BIT45 = 0xFFFFF80000200456
TRANSITION_PDE = 0xFFFFF80000400123
LARGE_WITH_PAT = 0xFFFFF90000A00111
LARGE_ABSENT = 0xFFFFF90000000345
TABLE_ABSENT = 0xFFFFFA0000000000
DATA_FRAME = 0x100
ANSWERS = {  # address: (status, state, physical address, page in the image)
    MAPPED_4K: ("mapped", "present", DATA_FRAME << 12, True),
    LARGE_WITH_PAT: ("mapped", "present", 0xA00111, False),  # kdmp-parser, -rs: 0xa01111
    LARGE_ABSENT: ("mapped", "present", 0x345, False),  # Volatility 3 raises
    TRANSITION_PTE: ("not-present", "transition", None, None),
    TRANSITION_BIT45: ("not-present", "transition", None, None),  # -rs: 0x200002bba456
    TRANSITION_PDE: ("not-present", "transition", None, None),  # Volatility 3: a 2 MiB page
    TABLE_ABSENT: ("table-not-in-image", None, None, None),  # kdmp-parser reads zeroes
    0x8000000000000000: ("non-canonical", None, None, None),  # kdmp-parser walks it
}


def tables():
    made = dump.X64Tables()
    made.set(MAPPED_4K, 4, DATA_FRAME << 12 | 0x63)
    made.set(TRANSITION_PTE, 4, 0x248880)  # transition, read-write protection
    made.set(TRANSITION_BIT45, 4, 0x200002BBA880)
    made.set(TRANSITION_PDE, 3, 0x4248880)  # bit 7 is part of the protection, not PS
    made.set(LARGE_WITH_PAT, 3, 0xA00000 | 0x10E3)
    made.set(LARGE_ABSENT, 3, 0xE3)
    made.set(TABLE_ABSENT, 1, 0x7FFF000 | 0x63)
    return made


def run(arguments, data=None, size=None):
    """Writes `data` to a file, runs v2p on it, returns (status, stdout, stderr)."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "image.dmp")
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
                if size is not None:
                    file.truncate(size)
        done = subprocess.run([V2P, "--dump", path, *arguments], capture_output=True, text=True,
                              timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr.replace(path, "image.dmp")


class Answers(unittest.TestCase):
    def check_answers(self, image, arguments=("--strict",)):
        status, out, err = run(["--format", "ndjson", *arguments, *map(hex, ANSWERS)], image)
        self.assertEqual(status, 1, err)
        for line, (va, want) in zip(out.splitlines(), ANSWERS.items(), strict=True):
            record = json.loads(line)
            pa = None if record["pa"] is None else int(record["pa"], 16)
            got = (record["status"], record["state"], pa,
                   record["page_in_image"] if pa is not None else None)
            self.assertEqual(got, want, hex(va))

    def test_full_dump(self):
        made = tables()
        self.check_answers(dump.full(made.image([DATA_FRAME]), made.root << 12))

    def test_entries_that_are_not_present_are_followed(self):
        made = tables()
        made.set(TRANSITION_PTE, 4, 0x248880)
        made.pages[0x4248] = bytearray(dump.PAGE)  # the table that the transition PDE leads to
        struct.pack_into("<Q", made.pages[0x4248], 8 * (TRANSITION_PDE >> 12 & 511), 0x248063)
        for i in range(80):  # other entries of a kernel with the mask of bit 45
            made.set(TRANSITION_BIT45 + 0x10000 + (i << 12), 4, 0x200000000880 | (0x20 + i) << 12)
        made.set(TRANSITION_PTE, 4, 0x200000248880)
        image = dump.bitmap(made.image([DATA_FRAME]), made.root << 12)
        want = {TRANSITION_PTE: ("transition", 0x248000), TRANSITION_BIT45: ("transition", 0x2BBA456),
                TRANSITION_PDE: ("present", 0x248123), LARGE_WITH_PAT: ("present", 0xA00111)}
        status, out, err = run(["--format", "ndjson", *map(hex, want)], image)
        self.assertEqual(status, 0, err)
        got = [(r["state"], int(r["pa"], 16)) for r in map(json.loads, out.splitlines())]
        self.assertEqual(got, list(want.values()))
        record = json.loads(out.splitlines()[1])["nonresident"]
        self.assertEqual(record["rules"]["invalid_mask"], "0x0000200000000000")
        self.assertEqual(record["rules"]["mask_source"], "entries")

    def test_a_frame_beyond_memory_is_not_made_to_fit(self):
        made = tables()  # too few entries to know the mask: no bit is dropped
        image = dump.bitmap(made.image([DATA_FRAME]), made.root << 12)
        _, out, err = run(["--json", hex(TRANSITION_BIT45)], image)
        record = json.loads(out)["translations"][0]
        self.assertEqual((record["state"], record["reason"], record["pa"]),
                         ("transition", "frame-out-of-range", None), err)

    def test_bitmap_dumps_of_every_type_are_read_alike(self):
        made = tables()
        for dump_type in (5, 6, 7):  # Volatility 3 refuses type 6
            self.check_answers(dump.bitmap(made.image([DATA_FRAME]), made.root << 12, dump_type))

    def test_range_dumps_are_not_raw_images(self):
        made = tables()  # Volatility 3 and MemProcFS open them as raw, silently
        for dump_type in (8, 9, 0xA):
            self.check_answers(dump.ranges(made.image([DATA_FRAME]), made.root << 12, dump_type))

    def test_root_with_pcid_bits(self):
        made = tables()  # a newer !vtop walks from the unmasked value
        self.check_answers(dump.full(made.image([DATA_FRAME]), made.root << 12 | 2))

    def test_last_frames_of_a_ragged_bitmap(self):
        made = tables()  # kdmp-parser loses up to 7 frames, LeechCore up to 63
        last = 0x1005  # six bits in the last byte
        made.set(MAPPED_4K, 4, last << 12 | 0x63)
        image = dump.bitmap(made.image([last]), made.root << 12)
        _, out, err = run(["--json", hex(MAPPED_4K)], image)
        record = json.loads(out)["translations"][0]
        self.assertEqual((record["pa"], record["page_in_image"]), (f"0x{last << 12:016x}", True), err)

    def test_bitmap_spanning_more_than_512_gib(self):
        made = tables()  # LeechCore gives up when the bitmap passes 16 MiB
        far = (600 << 30) >> 12
        made.set(MAPPED_4K, 4, far << 12 | 0x63)
        image = dump.bitmap(made.image([far]), made.root << 12)
        _, out, err = run(["--json", hex(MAPPED_4K)], image)
        record = json.loads(out)["translations"][0]
        self.assertEqual((record["pa"], record["page_in_image"]), (f"0x{far << 12:016x}", True), err)

    def test_arm64_dump_is_not_walked_as_x64(self):
        made = tables()
        image = dump.full(made.image([DATA_FRAME]), made.root << 12, machine=0xAA64)
        _, out, err = run(["--json", "fffff80000001000"], image)
        self.assertEqual(json.loads(out)["translations"][0]["mode"], "arm64", err)


class BadInput(unittest.TestCase):
    def check_refused(self, image, words, size=None):
        status, out, err = run([hex(MAPPED_4K)], image, size)
        self.assertEqual((status, out), (3, ""), err)
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIn("image.dmp: ", err)
        self.assertIn(words, err)

    def test_empty_file(self):
        self.check_refused(b"", "empty")  # kdmp-parser: SIGBUS

    def test_magic_only(self):
        self.check_refused(b"PAGEDU64", "truncated")

    def test_truncated_full_dump_keeps_what_it_has(self):
        made = tables()  # kdmp-parser: SIGSEGV
        image = dump.full(made.image([DATA_FRAME]), made.root << 12)
        status, out, err = run(["--format", "ndjson", hex(MAPPED_4K)], image[:-0x800])
        record = json.loads(out)
        self.assertEqual((status, record["status"], record["page_in_image"]), (0, "mapped", False), err)
        self.assertEqual(err.count("truncated"), 1, err)
        status, out, err = run(["--format", "ndjson", hex(MAPPED_4K)], image[:0x2800])
        self.assertEqual((status, json.loads(out)["status"]), (1, "table-not-in-image"), err)

    def test_truncated_bitmap_dump_has_no_invented_root(self):
        made = tables()  # kdmp-parser reads its own program's memory instead
        image = dump.bitmap(made.image([DATA_FRAME]), made.root << 12)
        status, out, err = run(["--format", "ndjson", hex(MAPPED_4K)], image[:0x3800])
        record = json.loads(out)
        self.assertEqual((status, record["status"]), (1, "table-not-in-image"), err)
        self.assertEqual(record["offsets"], [f"0x{made.root << 12:016x}"])

    def test_bitmap_of_2_to_the_40_bits(self):
        made = tables()  # kdmp-parser: SIGBUS
        image = bytearray(dump.bitmap(made.image([DATA_FRAME]), made.root << 12))
        dump.put(image, 0x2000, "bitmap.Pages", 1 << 40)
        self.check_refused(image, "bitmap")

    def test_two_to_the_31_runs(self):
        made = tables()  # kdmp-parser: bad_alloc
        image = bytearray(dump.full(made.image([DATA_FRAME]), made.root << 12))
        dump.put(image, 0, "header64.NumberOfRuns", 0x7FFFFFFF)
        self.check_refused(image, "runs")

    def test_elf_with_extended_program_header_count(self):
        # MemProcFS refuses, Volatility 3 takes 11.7 s: 70,000 LOADs, the count in section 0.
        count = 70000
        made = tables()
        pages = sorted(made.image([DATA_FRAME]).items())
        at = 64 + 64 + 56 * count
        head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 4, 62, 1, 0, 128, 64, 0, 64, 56,
                           0xFFFF, 64, 1, 0)
        section = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, count, 0, 0)
        loads = bytearray()
        for i in range(count):
            frame = pages[i][0] if i < len(pages) else 0x10000 + 2 * i
            size = 0x1000 if i < len(pages) else 0
            loads += struct.pack("<IIQQQQQQ", 1, 4, at + 0x1000 * min(i, len(pages)), 0, frame << 12,
                                 size, 0x1000, 0)
        image = head + section + bytes(loads) + b"".join(data for _, data in pages)
        status, out, err = run(["--format", "ndjson", "--dtb", hex(made.root << 12), "--mode", "x64",
                                hex(MAPPED_4K)], image)
        self.assertEqual((status, json.loads(out)["pa"]), (0, f"0x{DATA_FRAME << 12:016x}"), err)

    def test_user_minidump_is_named(self):
        self.check_refused(b"MDMP\x93\xa7" + bytes(0x4000), "minidump")  # kdmp-parser: no such word

    def test_triage_dump_says_why(self):
        image = bytearray(dump.header(4, 0x1AD000)) + bytearray(0x2000)
        self.check_refused(image, "triage")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=1)
