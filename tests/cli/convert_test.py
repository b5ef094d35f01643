# `v2p convert`: the output of every target translates as its input does, row by row of the oracles.
# SPDX-License-Identifier: Apache-2.0
"""usage: convert_test.py V2P [unittest arguments]

The answers are those of QEMU's monitor and of the guests' kernels (testdata/guests).
"""
import hashlib
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import corpus as corpus_files  # noqa: E402
import guest_images  # noqa: E402
import hiberfil  # noqa: E402
import oracle_rows  # noqa: E402
import oracle_run  # noqa: E402
import windows_dump  # noqa: E402

V2P = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
GUESTS = os.path.join(ROOT, "testdata", "guests")


HEADER = windows_dump.LAYOUT  # testdata/layouts, a transcription apart from the parser's
# Of the dumps made from these guests: bytes, and SHA-256 of all pages in order of address, as the
# guests' own containers hold them (tests/support/guest_images.py reads those).
PAGE_SUMS = {
    "x64.elf": (860160,
        "17c2492a421b8ca5331c26a79593d9e7d929ec0177c6f39536a2591eb73884fc"),
    "lime.lime": (831488,
        "077906564fa12c7996ace27a7a11bb95cbbbc0497a23be6c93763e34c46c6c73"),
    "win64.dmp": (1028096,
        "b542e78f1e9df81cf7fa415fec776768b9450b62206f18f44842a4a00174885b"),
    "arm64.elf": (1536000,
        "437ca06c5cf5c5172932b931ee42a5b70a02f43fbe6398ecb73853af4ecb9daf"),
}


def whole_pages(path):
    """{frame: bytes} of the pages that an image holds in full, by a reader that is not v2p's."""
    image = guest_images.Image(path)
    pages = {}
    for first, size, _ in image.extents:
        for frame in range(first + 4095 >> 12, first + size >> 12):
            pages.setdefault(frame, image.piece(frame << 12)[1][:4096])
    return {frame: data for frame, data in pages.items() if len(data) == 4096}


def whole_frames(path):
    """(frames in full, SHA-256 of their bytes in order), without holding them."""
    image = guest_images.Image(path)
    frames, digest = 0, hashlib.sha256()
    for first, size, at in image.extents:
        begin, end = first + 4095 & ~4095, first + size & ~4095
        if begin < end:
            frames += end - begin >> 12
            digest.update(image.data[at + begin - first:at + end - first])
    return frames, digest.hexdigest()


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

    def unpacked(self, name):
        path = self.path(name)
        if not os.path.exists(path):
            subprocess.run(["zstd", "-q", "-d", os.path.join(GUESTS, name + ".zst"), "-o", path],
                           check=True)
        return path

    def field(self, data, name, base=0):
        at, size = HEADER[name]
        return int.from_bytes(data[base + at:base + at + size], "little")

    def check_bitmap_dump(self, out, pages, root, machine):
        """Every field that the specification has readers check, and every page."""
        with open(out, "rb") as file:
            data = file.read()
        frames = sorted(pages)
        self.assertEqual(data[:8], b"PAGEDU64")
        self.assertEqual(self.field(data, "header64.DumpType"), 5)
        self.assertEqual(self.field(data, "header64.MachineImageType"), machine)
        self.assertEqual(self.field(data, "header64.DirectoryTableBase"), root)
        self.assertEqual(self.field(data, "header64.RequiredDumpSpace"), len(data))
        self.assertGreater(self.field(data, "header64.NumberProcessors"), 0)
        self.assertEqual(data[0x2000:0x2008], b"FDMPDUMP")
        first = self.field(data, "bitmap.FirstPage", 0x2000)
        bits = self.field(data, "bitmap.Pages", 0x2000)
        bitmap = data[0x2000 + HEADER["bitmap.Bitmap"][0]:first]
        self.assertEqual(first % 4096, 0)
        self.assertEqual(self.field(data, "bitmap.TotalPresentPages", 0x2000), len(frames))
        self.assertEqual(bits, frames[-1] + 1)
        self.assertGreaterEqual(len(bitmap), (bits + 7) // 8)
        self.assertEqual(len(data), first + 4096 * len(frames))
        present = [i for i in range(8 * len(bitmap)) if bitmap[i >> 3] >> (i & 7) & 1]
        self.assertEqual(present, frames)
        held = hashlib.sha256(data[first:]).hexdigest()
        self.assertEqual(held, hashlib.sha256(b"".join(pages[f] for f in frames)).hexdigest())
        return len(data), held

    def test_crash_dumps_hold_their_header_and_pages(self):
        for name, mode, machine in (("x64.elf", "x64", 0x8664), ("lime.lime", "x64", 0x8664),
                                    ("win64.dmp", "x64", 0x8664), ("arm64.elf", "arm64", 0xAA64)):
            with self.subTest(name=name):
                source = self.unpacked(name)
                out = self.convert(source, "dmp", "--dtb", "1000", "--mode", mode)
                self.assertEqual(self.check_bitmap_dump(out, whole_pages(source), 0x1000, machine),
                                 PAGE_SUMS[name])

    def test_hibernation_files_convert_as_the_memory_in_them(self):
        encoders = hiberfil.Encoders()
        if not (encoders.plain and encoders.huffman):
            self.skipTest("libwim15 or samba-libs is not installed")
        pages = hiberfil.pages_of(guest_images.Image(self.unpacked("x64.elf")))
        source = self.path("hiberfil.sys")
        for header, make in (("modern64_4D8", hiberfil.Modern), ("win7_x64", hiberfil.Legacy)):
            codings = ["huffman", "plain", "raw"] if make is hiberfil.Modern else ["plain", "raw"]
            with open(source, "wb") as file:
                file.write(make(header, encoders, codings).build(pages))
            for to in ("raw", "lime", "zst", "dmp"):
                with self.subTest(header=header, to=to):
                    options = ["--dtb", "2458000", "--mode", "x64"] if to == "dmp" else []
                    out = self.convert(source, to, *options)
                    if to == "dmp":
                        self.check_bitmap_dump(out, pages, 0x2458000, 0x8664)
                    flat = ["--as", "raw", "--ranges", self.ranges(out)] if to in (
                        "raw", "zst") else []
                    self.check("x64.elf", out, *flat)

    def ranges(self, out):
        with open(out + ".ranges", encoding="ascii") as file:
            return file.read().strip()

    def begun(self, size, **options):
        """A conversion that takes a while and has just begun to write."""
        source = self.path("long.raw")
        with open(source, "wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
        work = subprocess.Popen([V2P, "convert", source, self.path("out.zst"), "--to", "zst"],
                                **options)
        while work.poll() is None and not any(".tmp" in n for n in os.listdir(self.folder.name)):
            pass
        return work

    def test_interrupted_it_leaves_no_file(self):
        with self.begun(512 << 20, stderr=subprocess.PIPE) as work:
            work.send_signal(signal.SIGINT)
            work.communicate()
            self.assertEqual(work.returncode, 130)
        self.assertEqual(os.listdir(self.folder.name), ["long.raw"])

    def test_progress_is_shown_on_a_terminal_after_a_second(self):
        terminal, theirs = pty.openpty()
        work = self.begun(256 << 20, stderr=theirs)
        os.close(theirs)
        work.send_signal(signal.SIGSTOP)  # a second passes without much work
        time.sleep(1.1)
        work.send_signal(signal.SIGCONT)
        shown = b""
        try:
            while more := os.read(terminal, 65536):
                shown += more
        except OSError:  # the other end is closed
            pass
        os.close(terminal)
        self.assertEqual(work.wait(), 0)
        self.assertRegex(shown.decode(), r"convert 512 MiB +\[[#.]+\] +\d+ %.*/s.*left")

    def test_whole_guests_as_crash_dumps(self):
        """32 bits as full dumps, 64 as bitmap dumps."""
        if not os.environ.get("V2P_CORPUS"):
            self.skipTest("V2P_CORPUS is not set")
        corpus = corpus_files.Corpus(os.environ["V2P_CORPUS"])
        self.addCleanup(corpus.close)
        for name in ("win32pae", "x86pae", "win64"):
            with self.subTest(name=name):
                image, mode, _, _ = oracle_rows.describe(corpus, name)
                source = corpus.path("guests", name, image)
                out = self.convert(source, "dmp", "--dtb", "1000", "--mode", mode)
                self.assertEqual(whole_frames(out), whole_frames(source))
                tally = oracle_run.Tally(f"whole {name} as out.dmp")
                oracle_run.compare_all_roots(V2P, out, oracle_rows.guest_rows(corpus, name), tally)
                self.assertTrue(tally.report())
                corpus.drop(source)

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
