# `v2p convert`: the output of every target translates as its input does, row by row of the oracles.
# SPDX-License-Identifier: Apache-2.0
"""usage: convert_test.py V2P [unittest arguments]

The answers are those of QEMU's monitor and of the guests' kernels (testdata/guests).
"""
import os
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import oracle_rows  # noqa: E402
import oracle_run  # noqa: E402

V2P = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
GUESTS = os.path.join(ROOT, "testdata", "guests")


def run(*arguments):
    return subprocess.run([V2P, *arguments], capture_output=True, text=True, check=False)


class Convert(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="v2p-convert-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def convert(self, source, to, *more):
        out = self.path("out." + to)
        done = run("-v", "convert", "--force", source, out, "--to", to, *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("read back and equal", done.stderr)
        return out

    def check(self, name, image, *options):
        rows = oracle_rows.read(os.path.join(GUESTS, name + ".expected.tsv.zst"))
        tally = oracle_run.Tally(f"{name} as {os.path.basename(image)}")
        oracle_run.compare_all_roots(V2P, image, rows, tally, options)
        self.assertTrue(tally.report())
        self.assertGreater(sum(tally.agree.values()), 100)

    def test_every_target_answers_as_the_original(self):
        for name in ("x64.elf", "x64pti.elf", "lime.lime", "win64.dmp", "x86pae.elf", "arm64.elf"):
            source = os.path.join(GUESTS, name + ".zst")
            for to in ("raw", "lime", "zst"):
                with self.subTest(name=name, to=to):
                    out = self.convert(source, to)
                    options = []
                    if to != "lime":
                        with open(out + ".ranges", encoding="ascii") as file:
                            options = ["--as", "raw", "--ranges", file.read().strip()]
                    self.check(name, out, *options)

    def test_crash_dumps_answer_as_the_original(self):
        for name, mode in (("x64.elf", "x64"), ("win64.dmp", "x64"), ("arm64.elf", "arm64")):
            with self.subTest(name=name):
                out = self.convert(os.path.join(GUESTS, name + ".zst"), "dmp", "--dtb", "1000",
                                   "--mode", mode)
                self.check(name, out)
                with open(out, "rb") as file:
                    head = file.read(0x2000 + 0x38)
                self.assertEqual(head[:8], b"PAGEDU64")
                self.assertEqual(struct.unpack_from("<I", head, 0xF98)[0], 5)
                first, pages, bits = struct.unpack_from("<QQQ", head, 0x2020)
                self.assertEqual(os.path.getsize(out), first + pages * 4096)
                self.assertEqual(struct.unpack_from("<Q", head, 0xFA0)[0], os.path.getsize(out))
                self.assertGreaterEqual(first, 0x2038 + bits // 8)

    def test_what_makes_no_sense_is_said(self):
        source = os.path.join(GUESTS, "lime.lime.zst")
        done = run("convert", source, self.path("out"), "--to", "dmp")
        self.assertEqual(done.returncode, 3)
        self.assertIn("give --dtb", done.stderr)
        self.assertEqual(run("convert", source, self.path("out"), "--to", "vhd").returncode, 2)
        self.assertEqual(run("convert", source, self.path("out")).returncode, 2)
        self.assertEqual(run("convert", source, source, "--to", "raw").returncode, 2)
        self.assertEqual(os.listdir(self.folder.name), [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
