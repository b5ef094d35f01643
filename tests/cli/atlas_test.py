# The atlas on real guests of testdata/: its sums and every cell of it against what `owner` says of
# each frame and what the container holds; the files as files; names that mean harm.
# SPDX-License-Identifier: Apache-2.0
"""usage: atlas_test.py V2P"""

import base64
import collections
import csv
import hashlib
import html.parser
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ET

import jsonschema

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import guest_images  # noqa: E402

V2P = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
PAGE = 4096
GUESTS = ["x64.elf", "x64pti.elf", "arm64.elf", "x86pae.elf"]
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = b"</script><img x"  # as long as a name of Linux can be


def run(*args, status=0, stdin=None):
    done = subprocess.run([V2P, *args], capture_output=True, input=stdin, text=True, timeout=600)
    assert done.returncode == status, (args, done.returncode, done.stderr)
    return done.stdout, done.stderr


def unpacked(name, folder):
    path = os.path.join(folder, name)
    packed = os.path.join(ROOT, "testdata", "guests", name + ".zst")
    subprocess.run(["zstd", "-q", "-d", packed, "-o", path], check=True)
    return path


def held_frames(path):
    """By a parser of containers that is not ours."""
    image = guest_images.Image(path)
    return {f for pa, n, _ in image.extents for f in range(pa // PAGE, (pa + n - 1) // PAGE + 1)}


def class_of(record):
    """The rule of `v2p schema v2p.atlas/1`, on what `owner` says of a frame: (class, processes)."""
    if not record["in_image"]:
        return "absent", set()
    if record["tables"]:
        return "page-table", set()
    at_kernel = {o["va"] for o in record["owners"] if o["kind"] in ("kernel", "given-root")}
    having = {(o["kind"], o["dtb"]) for o in record["owners"]
              if o["kind"] in ("process", "orphan-root") and o["va"] not in at_kernel}
    if len(having) > 1:
        return "shared", having
    if having:
        return "process", having
    return ("kernel" if at_kernel else "unmapped"), set()


def hilbert(order, index):
    """Coordinates by turning quadrants from the outermost in; the tool goes the other way."""
    def walk(x, y, right, down, side, at):
        # (right, down): the axes of this square; the curve ends at the end of `down`
        if side == 1:
            return x, y
        side //= 2
        part, at = divmod(at, side * side)
        rx, ry = right
        dx, dy = down
        if part == 0:
            return walk(x, y, down, right, side, at)
        if part == 1:
            return walk(x + rx * side, y + ry * side, right, down, side, at)
        if part == 2:
            return walk(x + (rx + dx) * side, y + (ry + dy) * side, right, down, side, at)
        corner = (x + rx * (side - 1) + dx * (2 * side - 1), y + ry * (side - 1) + dy * (2 * side - 1))
        return walk(*corner, (-dx, -dy), (-rx, -ry), side, at)
    return walk(0, 0, (1, 0), (0, 1), 1 << order, index)


class Page(html.parser.HTMLParser):
    """Text of scripts by their type, rows with their classes, everything that could fetch."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.rows, self.tags = {}, {}, collections.Counter()
        self.attributes, self.policy = collections.Counter(), ""
        self._script = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags[tag] += 1
        self.attributes.update(list(attrs))
        if tag == "script":
            self._script = attrs.get("type", "script")
        if tag == "tr" and "data-cls" in attrs:
            self.rows[int(attrs["data-cls"])] = attrs["data-name"]
        if "http-equiv" in attrs:
            self.policy = attrs["content"]

    def handle_endtag(self, tag):
        if tag == "script":
            self._script = None

    def handle_data(self, data):
        if self._script:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data


def cells_of(page):
    """[(first frame, frames, [(class, frames)])] as the script of the page has them."""
    data = json.loads(page.scripts["application/json"])
    size = 1 << data["shift"]
    words = [w for word in data["cells"].split() for w in
             ([word.split("*")[0]] * int(word.split("*")[1]) if "*" in word else [word])]
    stretches = data["stretches"] + [[len(words), None]]
    out = []
    for (cell, frame), (end, _) in zip(stretches, stretches[1:]):
        for i, word in enumerate(words[cell:end]):
            first = frame + i * size
            frames = min(size, data["frames"] - first)
            parts = [tuple(map(int, p.split(":"))) for p in word.split(",")] if ":" in word else \
                [(int(word), frames)]
            out.append((first, frames, parts))
    return out, data


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def atlas(self, image, name, *args, status=0):
        out, err = run("atlas", "-f", image, "-o", self.path(name), "--json", *args, status=status)
        return json.loads(out) if out else None, err

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def raw(self, pages=1536):
        """A raw image of a few MiB, x64 tables at 0x1000 that map frames 20, 23, ... 110."""
        image = bytearray(pages * PAGE)
        tables = {0x1000 + 8 * 511: 0x2003, 0x2000 + 8 * 510: 0x3003, 0x3000: 0x4003}
        tables.update({0x4000 + 8 * i: (20 + 3 * i) << 12 | 3 for i in range(31)})
        for at, entry in tables.items():
            struct.pack_into("<Q", image, at, entry)
        with open(self.path("small.raw"), "wb") as file:
            file.write(image)
        return self.path("small.raw"), ["--as", "raw", "--dtb", "1000", "--mode", "x64", "-q"]


class Sums(Case):
    def test_guests_frame_by_frame(self):
        schema = json.loads(run("schema", "v2p.atlas/1")[0])
        seen = collections.Counter()
        for guest in GUESTS:
            with self.subTest(guest):
                image = unpacked(guest, self.folder.name)
                record, _ = self.atlas(image, guest + ".html")
                jsonschema.Draft202012Validator(schema).validate(record)
                self.check(image, record, guest + ".html", seen)
        for name in ("kernel", "page-table", "shared", "process", "absent"):
            self.assertGreater(seen[name], 0, name)

    def check(self, image, record, name, seen):
        held = held_frames(image)
        self.assertEqual(record["frames"], max(held) + 1)
        self.assertEqual(record["frames_in_image"], len(held))
        words = "\n".join(hex(f * PAGE) for f in sorted(held))
        answers = run("owner", "-f", image, "--format", "ndjson", "--addresses", "-", stdin=words,
                      status=1 if record["classes"]["unmapped"] else 0)[0].splitlines()
        classes, alone, shared = {}, collections.Counter(), collections.Counter()
        for frame, answer in zip(sorted(held), map(json.loads, answers), strict=True):
            classes[frame] = class_of(answer)
            cls, having = classes[frame]
            (alone if cls == "process" else shared).update(having)
        counts = collections.Counter(cls for cls, _ in classes.values())
        counts["absent"] = max(held) + 1 - len(held)
        self.assertEqual({k: v for k, v in record["classes"].items() if v}, {**counts})
        self.assertEqual(sum(record["classes"].values()), record["frames"])
        for owner in record["owners"]:
            key = (owner["kind"], owner["dtb"])
            self.assertEqual((owner["frames"], owner["shared_frames"]), (alone[key], shared[key]))
        self.assertLessEqual(set(alone) | set(shared),
                             {(o["kind"], o["dtb"]) for o in record["owners"]})
        seen.update(counts)
        self.check_cells(name, record, classes)

    def check_cells(self, name, record, classes):
        page = Page(self.read(name))
        cells, data = cells_of(page)
        fixed = {0: "absent", 1: "unmapped", 2: "page-table", 3: "kernel", 4: "shared"}
        self.assertEqual({c for c in page.rows if c < 5}, set(fixed))
        drawn = 0
        for first, frames, parts in cells:
            got = collections.Counter()
            for cls, count in parts:
                got[fixed.get(cls, "process")] += count
            here = collections.Counter(classes.get(f, ("absent", None))[0]
                                       for f in range(first, first + frames))
            self.assertEqual(data["shift"], 0)
            self.assertEqual(got, here, hex(first * PAGE))
            drawn += frames - here["absent"]
        self.assertEqual(drawn, record["frames_in_image"])

    def test_picture_has_the_cells_where_the_curve_has_them(self):
        image, args = self.raw()
        record, _ = self.atlas(image, "a.svg", *args)
        self.assertEqual(record["classes"], {"kernel": 31, "page-table": 4, "shared": 0,
                                             "process": 0, "unmapped": 1501, "absent": 0})
        svg = ET.fromstring(self.read("a.svg"))
        [cells] = [g for g in svg.iter(SVG + "g") if g.get("class") == "cells"]
        order = 6  # 1536 frames, one a cell
        self.assertEqual(float(re.fullmatch(r"scale\((.*)\)", cells.get("transform"))[1]), 12)
        by_colour = []
        for path in cells:
            places = set()
            rectangles = re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-(\d+)z", path.get("d"))
            self.assertEqual(path.get("d"),
                             "".join("M{} {}h{}v{}h-{}z".format(*r) for r in rectangles))
            for x, y, width, height, back in (map(int, r) for r in rectangles):
                self.assertEqual(width, back)
                new = {(i, j) for i in range(x, x + width) for j in range(y, y + height)}
                self.assertFalse(new & places, "drawn twice")
                places |= new
            by_colour.append(places)
        tables, mapped = {1, 2, 3, 4}, {20 + 3 * i for i in range(31)}
        want = [set(range(1536)) - tables - mapped, tables, mapped]
        want = [{hilbert(order, frame) for frame in frames} for frames in want]
        self.assertEqual(sorted(by_colour, key=len), sorted(want, key=len))


class Forms(Case):
    def test_svg_is_one_well_formed_file(self):
        image, args = self.raw()
        record, _ = self.atlas(image, "a.svg", *args)
        svg = ET.fromstring(self.read("a.svg"))
        frames = [int(t.text.replace(",", "")) for t in svg.iter(SVG + "text")
                  if t.get("class") == "frames"]
        self.assertEqual(sum(frames), record["frames"])
        for element in svg.iter():
            self.assertIn(element.tag.removeprefix(SVG), ("svg", "title", "rect", "text", "tspan",
                                                          "g", "path", "circle"))
            self.assertFalse([a for a in element.attrib if "href" in a or a.startswith("on")])
        titles = [t.text for t in svg.iter(SVG + "title")]
        self.assertTrue(any(t.startswith("0x0 to 0x") for t in titles), titles[:3])

    def test_html_needs_nothing_from_outside(self):
        image, args = self.raw()
        self.atlas(image, "a.html", *args)
        text = self.read("a.html")
        page = Page(text)
        self.assertFalse({"src", "href", "srcset", "data", "action"} & set(page.attributes))
        self.assertFalse({"link", "img", "iframe", "object", "embed"} & set(page.tags))
        self.assertNotRegex(text, r"url\(|@import|//[a-z]+\.|https?:")
        digest = base64.b64encode(hashlib.sha256(page.scripts["script"].encode()).digest())
        self.assertIn(f"script-src 'sha256-{digest.decode()}'", page.policy)
        self.assertIn("default-src 'none'", page.policy)

    def test_text_and_csv_say_the_same(self):
        image, args = self.raw()
        record, _ = self.atlas(image, "a.svg", *args)
        text = run("atlas", "-f", image, "-o", self.path("b.svg"), *args)[0]
        self.assertRegex(text, r"(?m)^unmapped +1,501 +5.9 MiB +97.7 %$")
        table = run("atlas", "-f", image, "-o", self.path("c.svg"), *args, "--format", "csv")[0]
        rows = list(csv.DictReader(io.StringIO(table)))
        self.assertEqual({r["class"]: int(r["frames"]) for r in rows},
                         {k: v for k, v in record["classes"].items() if k != "process"})
        run("atlas", "-f", image, "-o", self.path("d.svg"), *args, "--format", "windbg", status=2)

    def test_same_image_same_bytes(self):
        image = unpacked("x64.elf", self.folder.name)
        for name in ("a.html", "b.html"):
            self.atlas(image, name)
        self.assertEqual(self.read("a.html"), self.read("b.html"))


class Names(Case):
    def test_hostile_names_stay_text(self):
        image = unpacked("x64.elf", self.folder.name)
        with open(image, "r+b") as file:
            data = file.read()
            comm = b"init".ljust(16, b"\0")
            self.assertIn(comm, data)
            file.seek(0)
            file.write(data.replace(comm, HOSTILE.ljust(16, b"\0")))
        record, _ = self.atlas(image, "a.html")
        self.assertIn(HOSTILE.decode(), [o["name"] for o in record["owners"]])
        page = Page(self.read("a.html"))
        self.assertEqual((page.tags["script"], page.tags["img"]), (2, 0))
        self.assertIn(HOSTILE.decode() + ", PID 85", page.rows.values())
        self.atlas(image, "a.svg")
        svg = ET.fromstring(self.read("a.svg"))
        self.assertEqual(len(list(svg.iter(SVG + "img"))), 0)
        self.assertTrue(any(HOSTILE.decode() in (t.text or "") for t in svg.iter(SVG + "title")))

    def test_the_images_own_name(self):
        image, args = self.raw()
        evil = self.path("a<b>&\"'\x1b\uffff.raw")
        os.rename(image, evil)
        self.atlas(evil, "a.svg", *args)
        title = ET.fromstring(self.read("a.svg")).find(SVG + "title").text
        self.assertEqual(title, "Physical memory of a<b>&\"'\\x1b\ufffd.raw")
        self.atlas(evil, "a.html", *args)
        self.assertEqual(Page(self.read("a.html")).tags["b"], 0)


class Files(Case):
    def test_other_names_are_refused(self):
        image, args = self.raw()
        for name in ("a.png", "svg", "a.svg.zst"):
            _, err = self.atlas(image, name, *args, status=2)
            self.assertIn(".svg", err)
            self.assertIn(".html", err)
        self.assertIn("-o", run("atlas", "-f", image, *args, status=2)[1])
        self.assertEqual(os.listdir(self.folder.name), ["small.raw"])

    def test_force(self):
        image, args = self.raw()
        with open(self.path("a.svg"), "w", encoding="utf-8") as file:
            file.write("from before")
        _, err = self.atlas(image, "a.svg", *args, status=2)
        self.assertIn("--force", err)
        self.assertEqual(self.read("a.svg"), "from before")
        self.atlas(image, "a.svg", *args, "--force")
        self.assertTrue(self.read("a.svg").startswith("<?xml"))
        os.rename(image, self.path("image.svg"))
        _, err = self.atlas(self.path("image.svg"), "image.svg", *args, "--force", status=2)
        self.assertIn("same file", err)

    def test_no_system_no_file(self):
        empty = self.path("empty.raw")
        with open(empty, "wb") as file:
            file.truncate(1 << 20)
        record, err = self.atlas(empty, "a.svg", "--as", "raw", status=3)
        self.assertEqual(record["error"], "no-root")
        self.assertIn("--dtb", err)
        self.assertEqual(os.listdir(self.folder.name), ["empty.raw"])
        image = unpacked("x64.elf", self.folder.name)
        record, err = self.atlas(image, "a.svg", "--os", "7", status=3)
        self.assertEqual(record["error"], "no-root")

    def test_interrupted_it_leaves_no_file(self):
        huge = self.path("huge.raw")
        with open(huge, "wb") as file:
            file.truncate(1 << 40)  # a hole: no disk, and more than is searched before the signal
        with subprocess.Popen([V2P, "atlas", "-f", huge, "--as", "raw", "-q", "--json",
                               "-o", self.path("a.svg")], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as work:
            self.addCleanup(work.kill)
            while len(os.listdir(self.folder.name)) == 1:
                self.assertIsNone(work.poll())
                time.sleep(0.01)
            work.send_signal(signal.SIGINT)
            out, _ = work.communicate(timeout=60)
        self.assertEqual(work.returncode, 130)
        self.assertEqual(json.loads(out)["error"], "interrupted")
        self.assertEqual(os.listdir(self.folder.name), ["huge.raw"])

    def test_interrupted_while_tables_are_read(self):
        """A table that leads to itself has no end of pages."""
        endless = self.path("endless.raw")
        with open(endless, "wb") as file:
            file.write(bytes(PAGE) + (0x1003).to_bytes(8, "little") * 512)
            file.truncate(1 << 36)
        with subprocess.Popen([V2P, "atlas", "-f", endless, "--as", "raw", "--dtb", "1000",
                               "--mode", "x64", "-q", "-o", self.path("a.svg")],
                              stderr=subprocess.DEVNULL) as work:
            self.addCleanup(work.kill)
            while len(os.listdir(self.folder.name)) == 1:
                self.assertIsNone(work.poll())
                time.sleep(0.01)
            time.sleep(0.3)  # the root has been found by then
            work.send_signal(signal.SIGINT)
            self.assertEqual(work.wait(60), 130)
        self.assertEqual(os.listdir(self.folder.name), ["endless.raw"])


if __name__ == "__main__":
    sys.argv.pop()
    unittest.main()
