# Roots and processes through the command line, on the reduced images of real guests in testdata.
# SPDX-License-Identifier: Apache-2.0
"""usage: locate_test.py V2P

The guests' own registers (INDEX of testdata) and the recipe's answers are the oracle; JSON is checked
against schema/ by python3-jsonschema."""

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

import jsonschema

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GUESTS = os.path.join(ROOT, "testdata", "guests")
REWIND = os.path.join(ROOT, "testdata", "windows", "rewind_cng.dmp.zst")
X64 = os.path.join(GUESTS, "x64.elf.zst")
PTI = os.path.join(GUESTS, "x64pti.elf.zst")
ARM64 = os.path.join(GUESTS, "arm64.elf.zst")


def run(*arguments):
    return subprocess.run([V2P, *arguments], capture_output=True, text=True, timeout=120,
                          check=False)


def validate(document):
    name, major = document["schema"].removeprefix("v2p.").split("/")
    path = os.path.join(ROOT, "schema", f"v2p-{name}-{major}.json")
    with open(path, encoding="utf-8") as file:
        jsonschema.Draft202012Validator(json.load(file)).validate(document)
    return document


class Dtb(unittest.TestCase):
    def roots(self, *arguments):
        done = run("dtb", "--json", "--dump", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return validate(json.loads(done.stdout))

    def test_a_linux_guest(self):
        document = self.roots(X64)
        [system] = document["systems"]
        self.assertEqual((system["os"], system["mode"]), ("linux", "x64"))
        self.assertGreaterEqual(system["confidence"], 60)
        # CR3 of both CPUs, as QEMU wrote them into the notes.
        found = {root["dtb"] for root in document["roots"] if root["standing"] == "verified"}
        self.assertLessEqual({"0x0000000002456000", "0x0000000002458000"}, found)

    def test_arm64_has_two_roots(self):
        [system] = self.roots(ARM64)["systems"]
        self.assertEqual(system["mode"], "arm64")
        [kernel] = [r for r in self.roots(ARM64)["roots"] if r["class"] == "kernel"]
        self.assertEqual(kernel["ttbr1"], "0x0000000041858000")  # TTBR1_EL1 by QEMU's monitor

    def test_real_windows_pages(self):
        document = self.roots(REWIND)
        self.assertEqual({root["dtb"] for root in document["roots"]},
                         {"0x0000000003700000", "0x0000000235500000"})
        self.assertEqual(document["systems"][0]["build"], 17763)

    def test_forms_agree(self):
        document = self.roots(X64)
        lines = [validate(json.loads(line)) for line in
                 run("dtb", "--format", "ndjson", "--dump", X64).stdout.splitlines()]
        self.assertEqual(document["roots"], lines)
        rows = list(csv.DictReader(io.StringIO(run("dtb", "--format", "csv", "--dump", X64).stdout)))
        self.assertEqual([(r["dtb"], r["class"], r["confidence"]) for r in rows],
                         [(r["dtb"], r["class"], str(r["confidence"])) for r in lines])
        self.assertEqual(run("dtb", "--format", "windbg", "--dump", X64).returncode, 2)

    def test_explain_shows_every_test(self):
        done = run("dtb", "--explain", "--dump", REWIND)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("+ self-map: slot 0x1e8", done.stdout)
        self.assertIn("? low-stub", done.stdout)

    def test_a_given_root_is_checked(self):
        done = run("dtb", "--json", "--dtb", "1000", "--dump", X64)
        self.assertEqual(done.returncode, 3)
        document = validate(json.loads(done.stdout))
        self.assertEqual({root["standing"] for root in document["roots"]}, {"rejected"})
        self.assertTrue(all(root["reason"] for root in document["roots"]))

    def test_nothing_is_no_root(self):
        with tempfile.NamedTemporaryFile(suffix=".raw") as image:
            image.write(bytes(1 << 20))
            image.flush()
            done = run("dtb", "--all", "--dump", image.name)
            self.assertEqual(done.returncode, 3)
            self.assertIn("no root that can be believed", done.stdout)
            done = run("--dump", image.name, "fffff78000000000")
            self.assertEqual((done.returncode, done.stdout), (3, ""))
            self.assertIn("no page table root was found", done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)


class Chosen(unittest.TestCase):
    def record(self, *arguments, status=0):
        done = run("--format", "ndjson", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return validate(json.loads(done.stdout.splitlines()[0]))

    def test_the_claim_is_weighed(self):
        record = self.record("--dump", X64, "ffffffff81000000", status=1)
        self.assertEqual((record["dtb"], record["dtb_source"]), ("0x0000000002458000", "cpu0-note"))
        self.assertGreaterEqual(record["confidence"], 60)

    def test_arm64_needs_no_root(self):
        done = run("--dump", ARM64, "ffff800000000000")
        self.assertIn("TTBR1 0x41858000 found by a scan", done.stdout)

    def test_the_mode_of_a_verified_root_is_no_guess(self):
        document = json.loads(run("--json", "--dump", REWIND, "fffff78000000014").stdout)
        validate(document)
        self.assertIs(document["mode_assumed"], False)
        self.assertEqual(document["dtb"], "0x0000000235500000")
        self.assertTrue(any("probable" in note for note in document["notes"]))

    def test_two_roots_are_a_usage_error(self):
        for pair in (["--pid", "4", "--dtb", "1000"], ["--pid", "4", "--process", "x"],
                     ["--cpu", "0", "--process", "x"]):
            self.assertEqual(run("--dump", X64, *pair, "0").returncode, 2)

    def test_a_system_that_is_not_there(self):
        done = run("--dump", X64, "--os", "2", "ffffffff81000000")
        self.assertEqual(done.returncode, 3)
        self.assertIn("--os 2: the image holds 1: x64 Linux", done.stderr)


class Ps(unittest.TestCase):
    def test_an_image_without_a_system(self):
        with tempfile.NamedTemporaryFile(suffix=".raw") as image:
            image.write(bytes(1 << 20))
            image.flush()
            done = run("ps", "--json", "--dump", image.name)
            self.assertEqual(done.returncode, 3)
            self.assertEqual(validate(json.loads(done.stdout))["error"], "no-root")

    def test_a_linux_guest(self):
        done = run("ps", "--json", "--dump", X64)
        self.assertEqual(done.returncode, 0, done.stderr)
        [system] = validate(json.loads(done.stdout))["systems"]
        self.assertEqual((system["os"], system["dtb"]), ("linux", "0x0000000015c10000"))


if __name__ == "__main__":
    V2P = sys.argv.pop(1)
    unittest.main()
