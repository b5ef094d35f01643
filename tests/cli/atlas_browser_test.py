# The atlas in a real browser, Debian's Chromium: nothing in its console, nothing fetched, the sums
# of the legend as the tool's JSON has them, and the pointer finds what `owner` finds.
# SPDX-License-Identifier: Apache-2.0
"""usage: atlas_browser_test.py V2P [FOLDER]   FOLDER keeps screenshots, to look at"""

import json
import os
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import browser  # noqa: E402

PAGE = 4096
NUMBER = "t => Number(t.textContent.replaceAll(',', ''))"
SUMS = {".html": "[...document.querySelectorAll('#legend td.frames')].map(%s)" % NUMBER,
        ".svg": "[...document.querySelectorAll('text.frames')].map(%s)" % NUMBER}


def run(tool, *args, status=(0,)):
    done = subprocess.run([tool, *args], capture_output=True, text=True, timeout=600)
    assert done.returncode in status, (args, done.returncode, done.stderr)
    return done.stdout


def guest(folder, name):
    path = os.path.join(folder, name)
    packed = os.path.join(ROOT, "testdata", "guests", name + ".zst")
    subprocess.run(["zstd", "-q", "-d", packed, "-o", path], check=True)
    return path, []


def hostile(folder):
    """A guest whose processes have names that want to be more than text."""
    path, args = guest(folder, "x64pti.elf")
    with open(path, "r+b") as file:
        data = file.read()
        comm = b"init".ljust(16, b"\0")
        assert comm in data
        file.seek(0)
        file.write(data.replace(comm, b"</script><img x".ljust(16, b"\0")))
    return path, args


def small(folder):
    """A few MiB of raw memory, of which x64 tables at 0x1000 map 300 pages."""
    image = bytearray(1536 * PAGE)
    tables = {0x1000 + 8 * 511: 0x2003, 0x2000 + 8 * 510: 0x3003, 0x3000: 0x4003}
    tables.update({0x4000 + 8 * i: (20 + 3 * i) << 12 | 3 for i in range(300)})
    for at, entry in tables.items():
        struct.pack_into("<Q", image, at, entry)
    path = os.path.join(folder, "small.raw")
    with open(path, "wb") as file:
        file.write(image)
    return path, ["--as", "raw", "--dtb", "1000", "--mode", "x64"]


def large(folder):
    """12 GiB of sparse memory with a hole, above the tables of `small`: several frames a cell."""
    path, _ = small(folder)
    with open(path, "rb") as file:
        low = file.read()
    loads = [(0, len(low)), (4 << 30, 8 << 30)]
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 4, 62, 1, 0, 64, 0, 0, 64, 56,
                       len(loads), 0, 0, 0)
    at = PAGE
    for pa, size in loads:
        head += struct.pack("<IIQQQQQQ", 1, 7, at, 0, pa, size, size, PAGE)
        at += size
    path = os.path.join(folder, "large.elf")
    with open(path, "wb") as file:
        file.write(head.ljust(PAGE, b"\0") + low)
        file.truncate(at)
    return path, ["--dtb", "1000", "--mode", "x64"]


def check_file(tab, path, record):
    tab.open(path)
    assert tab.complaints == [], tab.complaints
    assert tab.requests == ["file://" + path], tab.requests
    frames = tab.evaluate(SUMS[path[path.rindex("."):]])
    assert len(frames) >= 5 and sum(frames) == record["frames"], (frames, record["frames"])
    held = record["frames"] - record["classes"]["absent"]
    assert sum(frames[:-1]) == held == record["frames_in_image"], frames


def tip_at(tab, x, y):
    tab.point(x, y)
    return tab.evaluate("document.getElementById('tip').hidden ? null : "
                        "[...document.getElementById('tip').children].map(e => e.innerText)")


def check_pointer(tab, tool, image, args, record):
    """What the tip says at many places, against `owner`."""
    box = tab.evaluate("(b => [b.left, b.top, b.width, b.height])"
                       "(document.getElementById('picture').getBoundingClientRect())")
    words = {"kernel": "kernel", "given-root": "the given root"}
    tips = {}
    for i in range(12):
        for j in range(12):
            tip = tip_at(tab, box[0] + box[2] * (i + 0.5) / 12, box[1] + box[3] * (j + 0.5) / 12)
            if tip:
                tips[tip[0]] = tip[1:]
    assert len(tips) > 60, len(tips)
    states = set()
    if record["cell_frames"] == 1:
        firsts = [span.split()[0] for span in tips]
        answers = run(tool, "owner", "-f", image, *args, "--format", "ndjson", "-q", *firsts,
                      status=(0, 1)).splitlines()
        for (span, lines), answer in zip(tips.items(), map(json.loads, answers)):
            first, last = (int(x, 16) for x in span.split(" to "))
            assert (first % PAGE, last - first) == (0, PAGE - 1), span
            [line] = lines
            state = answer["state"].replace("page-table", "page tables")
            if not answer["in_image"]:  # whoever maps it
                assert line == "absent", (span, line)
            elif state == "mapped":
                who = {o["kind"] for o in answer["owners"]}
                if who <= set(words):
                    assert line == words[who.pop()], (span, line)
                else:
                    assert line == "shared" or ", PID " in line, (span, line)
            else:
                assert line == state, (span, line, answer["state"])
            states.add(answer["state"])
        assert len(states) >= 2, states
    else:
        for span, lines in tips.items():
            first, last = (int(x, 16) for x in span.split(" to "))
            counts = [int(line.split(": ")[-1].replace(",", "")) for line in lines]
            assert sum(counts) * PAGE == last + 1 - first, (span, lines)
    assert tip_at(tab, 3, 3) is None
    return len(tips)


def check_rows(tab):
    """A row that is pointed at shows where its frames are."""
    mark = "document.getElementById('mark').getAttribute('d')"
    place = tab.evaluate("(b => [b.left + 30, b.top + b.height / 2])(document.querySelector("
                         "'#legend tr[data-cls=\"2\"]').getBoundingClientRect())")
    assert tab.evaluate(mark) is None
    tab.point(*place)
    assert tab.evaluate(mark).startswith("M"), "the page tables have a veil over the rest"
    tab.point(3, 3)
    assert tab.evaluate(mark) is None


def main():
    if browser.find() is None:
        print("SKIPPED: no chromium")
        return 77
    tool = os.path.abspath(sys.argv[1])
    keep = sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as folder, browser.Browser() as tab:
        for make in (small, lambda f: guest(f, "x64.elf"), lambda f: guest(f, "arm64.elf"), hostile,
                     large):
            image, args = make(folder)
            for suffix in (".html", ".svg"):
                path = image + suffix
                record = json.loads(run(tool, "atlas", "-f", image, *args, "-o", path, "--json",
                                        "-q"))
                check_file(tab, path, record)
                if suffix == ".html":
                    assert tab.evaluate("document.querySelectorAll('#tip, .squares').length") == 1
                    tips = check_pointer(tab, tool, image, args, record)
                    check_rows(tab)
                    print(f"{os.path.basename(image)}: {record['frames']} frames, {tips} places")
                assert tab.complaints == [], tab.complaints
                if keep:
                    tab.screenshot(os.path.join(keep, os.path.basename(path) + ".png"))
    print("the browser is content")
    return 0


if __name__ == "__main__":
    sys.exit(main())
