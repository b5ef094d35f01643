# Pages that real Linux guests swapped out: never mapped, named, and at the place that the guest's
# own kernel reported in /proc/self/pagemap (oracle_test.py compares the monitor's gva2gpa).
# SPDX-License-Identifier: Apache-2.0
"""usage: swap_test.py V2P"""

import collections
import csv
import json
import os
import subprocess
import sys
import unittest

import jsonschema

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GUESTS = os.path.join(ROOT, "testdata", "guests")
V2P = sys.argv[1] if len(sys.argv) > 1 else ""
with open(os.path.join(ROOT, "schema", "v2p-translation-1.json"), encoding="utf-8") as text:
    SCHEMA = jsonschema.Draft202012Validator(json.load(text))

IMAGES = {"x64swap.elf": 128, "x86paeswap.elf": 128, "arm64swap.elf": 128}  # rows


def rows_of(name):
    """Options for a root -> {va: (type, offset)}."""
    groups = collections.defaultdict(dict)
    with open(os.path.join(GUESTS, name + ".swap.tsv"), encoding="utf-8") as lines:
        for mode, dtb, ttbr1, va, area, offset in csv.reader(lines, delimiter="\t"):
            if not mode.startswith("#"):
                upper = () if ttbr1 == "-" else ("--ttbr1", ttbr1)
                root = ("--mode", mode, "--dtb", dtb, *upper)
                groups[root][int(va, 16)] = (int(area), int(offset, 16))
    return groups


def run(name, *arguments, addresses=()):
    return subprocess.run([V2P, *arguments, "--dump", os.path.join(GUESTS, name + ".zst")],
                          input="".join(f"{va:#x}\n" for va in addresses), capture_output=True,
                          text=True, timeout=120, check=False)


class Swapped(unittest.TestCase):
    def records(self, name, options, addresses):
        done = run(name, "--addresses", "-", "--format", "ndjson", *options, addresses=addresses)
        self.assertEqual(done.returncode, 1, done.stderr)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([int(r["va"], 16) for r in records], list(addresses))
        return records

    def check(self, record, place):
        SCHEMA.validate(record)
        self.assertEqual((record["status"], record["state"], record["reason"], record["pa"]),
                         ("not-present", "swap", "swap", None))
        self.assertEqual((record["hresult"], record["file_offset"]), ("0xd0000147", None))
        swap = record["nonresident"]["swap"]
        self.assertEqual((swap["type"], swap["offset"]), place, record["va"])
        self.assertIsNone(record["nonresident"]["frame"])

    def test_every_page_is_where_the_guest_says(self):
        for name, least in IMAGES.items():
            with self.subTest(name):
                count, areas = 0, set()
                for root, pages in rows_of(name).items():
                    for record in self.records(name, root, pages):
                        place = pages[int(record["va"], 16)]
                        self.check(record, place)
                        areas.add(place[0])
                        count += 1
                self.assertGreaterEqual(count, least)
                self.assertEqual(areas, {0, 1}, "both areas of the guest are in use")

    def test_strict_and_other_forms_agree(self):
        name = "x64swap.elf"
        root, va, area, offset = next((root, va, *at) for root, pages in rows_of(name).items()
                                      for va, at in pages.items() if at[0] == 1)
        self.check(self.records(name, (*root, "--strict"), [va])[0], (area, offset))
        where = f"swap area {area}, page {offset:#x}"
        for form in ("text", "csv"):
            done = run(name, "--format", form, *root, hex(va))
            self.assertEqual(done.returncode, 1)
            self.assertIn(where, done.stdout)
        self.assertIn(where, run(name, "pte", *root, hex(va)).stdout)

    def test_the_process_is_found_without_its_root(self):
        name = "x64swap.elf"
        rows = rows_of(name)
        with open(os.path.join(GUESTS, name + ".processes.tsv"), encoding="utf-8") as lines:
            pids = {row[2]: row[0] for row in csv.reader(lines, delimiter="\t") if len(row) > 3}
        for root, pages in rows.items():
            pid = pids[root[root.index("--dtb") + 1]]
            for record in self.records(name, ("--pid", pid), list(pages)[:8]):
                self.check(record, pages[int(record["va"], 16)])

    def test_nothing_is_read(self):
        name = "x64swap.elf"
        root, pages = next(iter(rows_of(name).items()))
        done = run(name, "read", *root, hex(next(iter(pages))), "10")
        self.assertEqual(done.returncode, 1)
        self.assertIn("absent: swap", done.stderr)
        self.assertRegex(done.stdout, r"^\S+  (\?\?[ -]){16}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
