# Pages that are not in memory, through the command line: what records say, page files, `read` and
# `pte`. The images are synthetic crash dumps whose tables are made here; entries are those that
# Windows 10 17763 and 15063 would write (type information as in testdata/layouts/windows_pte.tsv).
# SPDX-License-Identifier: Apache-2.0
"""usage: nonresident_test.py V2P"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

import jsonschema

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import windows_dump as dump  # noqa: E402

V2P = sys.argv[1] if len(sys.argv) > 1 else ""
with open(os.path.join(ROOT, "schema", "v2p-translation-1.json"), encoding="utf-8") as text:
    SCHEMA = json.load(text)

BASE = 0xFFFFF80000000000
VALID, TRANSITION, PAGED, ZEROED, PROTOTYPE, FREED, SHARED_OUT = (
    BASE + (0x100 + i << 12) for i in range(7))
TABLE_OUT = BASE + 0x40003000  # its last table is in page file 0
ARRAY = 0xFFFFF80012345000  # prototype entries
DATA = 0x100
MASK = 1 << 45


def masked(entry):
    return entry | MASK if not entry & MASK else entry | 0x10


def tables():
    made = dump.X64Tables()
    array = made.new_table()
    made.set(ARRAY, 4, array << 12 | 0x63)
    struct.pack_into("<QQ", made.pages[array], 0, DATA << 12 | 0x63, masked(0x44 << 32 | 0x84))
    made.set(VALID, 4, DATA << 12 | 0x963)
    made.set(TRANSITION, 4, masked(DATA << 12 | 0x880))
    made.set(PAGED, 4, masked(0x1234 << 32 | 0x1084))  # page file 1
    made.set(ZEROED, 4, masked(0x80))
    made.set(PROTOTYPE, 4, masked((ARRAY & (1 << 48) - 1) << 16 | 0x480))
    made.set(SHARED_OUT, 4, masked((ARRAY + 8 & (1 << 48) - 1) << 16 | 0x480))
    made.set(FREED, 4, masked(0x200))
    made.set(TABLE_OUT, 3, masked(0x55 << 32 | 0x84))
    for i in range(80):  # enough for the statistic of the mask
        made.set(BASE + (0x180 + i << 12), 4, masked(0x20 + i << 12 | 0x880))
    made.pages[made.root][8 * 0x1F8:8 * 0x1F8 + 8] = struct.pack("<Q", made.root << 12 | 0x63)
    return made


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.image = self.path("image.dmp")
        made = tables()
        self.dtb = made.root << 12
        with open(self.image, "wb") as file:
            file.write(dump.bitmap(made.image([DATA]), self.dtb))
        self.page = DATA.to_bytes(8, "little") * 512

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run_tool(self, *arguments):
        return subprocess.run([V2P, "--dump", self.image, *arguments], capture_output=True,
                              text=True, timeout=60, check=False)

    def record(self, va, *arguments):
        done = self.run_tool("--format", "ndjson", *arguments, hex(va))
        record = json.loads(done.stdout)
        jsonschema.Draft202012Validator(SCHEMA).validate(record)
        self.assertEqual(done.returncode, 0 if record["status"] == "mapped" else 1)
        return record


class Records(Case):
    def test_forms_and_reasons(self):
        want = {
            VALID: ("mapped", "present", None, DATA << 12),
            TRANSITION: ("mapped", "transition", None, DATA << 12),
            PROTOTYPE: ("mapped", "prototype", None, DATA << 12),
            PAGED: ("not-present", "pagefile", "pagefile", None),
            ZEROED: ("not-present", "demand-zero", "demand-zero", None),
            FREED: ("not-present", "unknown", "decommitted", None),
            SHARED_OUT: ("not-present", "pagefile", "pagefile", None),
        }
        for va, answer in want.items():
            record = self.record(va)
            pa = record["pa"] and int(record["pa"], 16)
            self.assertEqual((record["status"], record["state"], record["reason"], pa), answer)
            code = "0x00000000" if pa else "0xd0000147"
            self.assertEqual(record["hresult"], code)

    def test_strict_keeps_to_present_entries(self):
        for va in (TRANSITION, PROTOTYPE, PAGED, ZEROED):
            record = self.record(va, "--strict")
            self.assertEqual((record["status"], record["pa"]), ("not-present", None))

    def test_the_rules_are_in_the_record(self):
        rules = self.record(TRANSITION)["nonresident"]["rules"]
        self.assertEqual(rules["invalid_mask"], f"{MASK:#018x}")
        self.assertEqual((rules["mask_source"], rules["layout"]), ("entries", "swizzled"))
        self.assertGreaterEqual(rules["mask_entries"], 80)

    def test_a_prototype_shows_its_own_walk(self):
        record = self.record(PROTOTYPE)
        visit = record["nonresident"]["prototype"]
        self.assertEqual(int(visit["va"], 16), ARRAY)
        self.assertEqual([s["level"] for s in visit["walk"]], ["PML4E", "PDPTE", "PDE", "PTE"])
        self.assertEqual(int(visit["entry"], 16), DATA << 12 | 0x63)
        # base, four entries, the prototype entry, the page: the inner walk stays out
        self.assertEqual(record["levels"], 7)
        self.assertEqual(record["offsets"][5], visit["pa"])
        self.assertEqual(record["offsets"][6], record["pa"])

    def test_windbg_shows_both_walks(self):
        lines = self.run_tool("--format", "windbg", hex(PROTOTYPE)).stdout.splitlines()
        self.assertEqual(lines[0], f"Amd64VtoP: Virt {PROTOTYPE:016x}, pagedir {self.dtb:016x}")
        self.assertEqual(lines[5], f"Amd64VtoP: Virt {ARRAY:016x}, pagedir {self.dtb:016x}")
        self.assertTrue(lines[10].startswith("Amd64VtoP: Mapped phys "))
        self.assertEqual(lines[11], f"Amd64VtoP: Mapped phys {DATA << 12:016x}")
        self.assertEqual(len(lines), 13)

    def test_text_and_csv_say_where_the_page_is(self):
        self.assertIn("page file 1, offset 0x1234000", self.run_tool(hex(PAGED)).stdout)
        self.assertIn('"page file 1, offset 0x1234000"',
                      self.run_tool("--format", "csv", hex(PAGED)).stdout)


class PageFiles(Case):
    def page_file(self, pages):
        name = self.path("swapfile.sys")
        with open(name, "wb") as file:
            for page, data in pages.items():
                file.seek(page << 12)
                file.write(data)
        return name

    def test_without_the_file_number_and_offset(self):
        stored = self.record(PAGED)["nonresident"]["stored"]
        self.assertEqual((stored["page_file"], stored["page_file_offset"]), (1, 0x1234000))
        self.assertEqual((stored["file"], stored["found"]), (None, False))

    def test_with_the_file(self):
        name = self.page_file({0x1234: b"paged out page!!" * 256})
        record = self.record(PAGED, "--pagefile", "1=" + name)
        stored = record["nonresident"]["stored"]
        self.assertEqual((record["status"], record["pa"], record["hresult"]),
                         ("not-present", None, "0xd0000147"))
        self.assertEqual((stored["file"], stored["file_offset"], stored["found"]),
                         (name, 0x1234000, True))

    def test_numbers_follow_the_order_of_the_files(self):
        name = self.page_file({0x1234: b"x" * 4096})
        other = self.path("pagefile.sys")
        with open(other, "wb") as file:
            file.write(b"y" * 8192)
        record = self.record(PAGED, "--pagefile", other, "--pagefile", name)
        self.assertEqual(record["nonresident"]["stored"]["file"], name)

    def test_a_table_in_a_page_file(self):
        record = self.record(TABLE_OUT)
        self.assertEqual((record["state"], record["levels"]), ("pagefile", 4))
        table = bytearray(4096)
        struct.pack_into("<Q", table, 3 * 8, DATA << 12 | 0x63)
        name = self.page_file({0x55: bytes(table)})
        record = self.record(TABLE_OUT, "--pagefile", name)
        self.assertEqual((record["status"], record["state"], int(record["pa"], 16)),
                         ("mapped", "present", DATA << 12))
        # the entry in the file has no physical address: Offsets ends before it, S_FALSE
        self.assertEqual((record["hresult"], record["offsets_hresult"], record["levels"]),
                         ("0x00000000", "0x00000001", 4))
        self.assertIsNone(record["walk"][3]["entry_at"])
        self.assertEqual(record["nonresident"]["tables"][0]["stored"]["file"], name)

    def test_a_short_file_is_named(self):
        name = self.page_file({1: b"x" * 4096})
        stored = self.record(PAGED, "--pagefile", "1=" + name)["nonresident"]["stored"]
        self.assertEqual((stored["found"], stored["failure"]), (False, "beyond-page-file"))

    def test_a_missing_file_is_an_error(self):
        done = self.run_tool("--pagefile", self.path("none"), hex(PAGED))
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_a_number_twice_is_usage(self):
        name = self.page_file({1: b"x" * 4096})
        done = self.run_tool("--pagefile", "1=" + name, "--pagefile", "1=" + name, hex(PAGED))
        self.assertEqual(done.returncode, 2, done.stderr)


class Read(Case):
    def read(self, *arguments):
        return subprocess.run([V2P, "read", "--dump", self.image, *map(str, arguments)],
                              capture_output=True, text=True, timeout=60, check=False)

    def raw(self, va, length, *arguments):
        out = self.path("out.bin")
        done = self.read("--raw", "-o", out, "--force", *arguments, hex(va), hex(length))
        with open(out, "rb") as file:
            return done, file.read()

    def test_rows(self):
        done = self.read(hex(VALID + 8), "18")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(), [
            "fffff800`00100008  00 01 00 00 00 00 00 00                          ........",
            "fffff800`00100010  00 01 00 00 00 00 00 00-00 01 00 00 00 00 00 00  ................"])

    def test_resolution_is_that_of_translations(self):
        for va in (VALID, TRANSITION, PROTOTYPE):
            done, data = self.raw(va, 0x1000)
            self.assertEqual((done.returncode, data), (0, self.page), done.stderr)

    def test_a_page_of_a_page_file(self):
        name = self.path("swapfile.sys")
        with open(name, "wb") as file:
            file.seek(0x1234000)
            file.write(b"paged out page!!" * 256)
        done, data = self.raw(PAGED + 0x10, 0x20, "--pagefile", "1=" + name)
        self.assertEqual((done.returncode, data), (0, b"paged out page!!" * 2), done.stderr)

    def test_absent_parts_are_marked_and_never_invented(self):
        done = self.read(hex(TRANSITION + 0xFF8), "10")
        self.assertEqual(done.returncode, 1)
        self.assertIn("?? ?? ?? ?? ?? ?? ?? ??", done.stdout)
        self.assertIn("absent: pagefile", done.stderr)
        done, data = self.raw(TRANSITION, 0x2000)
        self.assertEqual((done.returncode, len(data), data[:0x1000]), (1, 0x2000, self.page))
        self.assertIn("4096 of 8192 bytes are absent", done.stderr)

    def test_demand_zero_is_not_read_as_zeroes(self):
        done = self.read(hex(ZEROED), "10")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("00 00", done.stdout.split("  ", 1)[1])

    def test_usage(self):
        for arguments in (("zz", "10"), (hex(VALID), "0"), (hex(VALID), "10", "--raw"),
                          ("ffffffffffffff00", "200")):
            self.assertEqual(self.read(*arguments).returncode, 2, arguments)


class Pte(Case):
    def pte(self, va):
        return subprocess.run([V2P, "pte", "--dump", self.image, hex(va)], capture_output=True,
                              text=True, timeout=60, check=False)

    def test_columns_of_a_valid_entry(self):
        lines = self.pte(VALID).stdout.splitlines()
        self.assertEqual(lines[0], " " * 43 + f"VA {VALID:016x}")
        base = 0xFFFF000000000000 | 0x1F8 << 39  # the self map that tables() put there
        entry = base + (VALID >> 12 & (1 << 36) - 1) * 8
        self.assertEqual(lines[1][81:], f"PTE at {entry:016X}")
        self.assertEqual(lines[2][81:], f"contains {DATA << 12 | 0x963:016X}")
        self.assertEqual(lines[3][81:], "pfn 100       -G-DA--KWEV")
        self.assertIn("  PTE   present, writable, accessed, dirty, global", lines)

    def test_forms_that_are_not_valid(self):
        words = {TRANSITION: ["Transition: 100", "Protect: 4 - read-write"],
                 PAGED: ["PageFile: 1", "Offset: 1234"], ZEROED: ["DemandZero"],
                 FREED: ["Page has been freed"], PROTOTYPE: [f"Proto: {ARRAY:016X}"]}
        for va, want in words.items():
            lines = self.pte(va).stdout.splitlines()
            self.assertIn("not valid", lines[3])
            for word in want:
                self.assertIn(word, lines)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
