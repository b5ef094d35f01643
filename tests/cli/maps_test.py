# Whole address spaces and the way back, on real guests of testdata/: maps holds every row of the
# oracles, owner inverts maps.
# SPDX-License-Identifier: Apache-2.0
"""usage: maps_test.py V2P"""

import bisect
import collections
import csv
import io
import json
import os
import random
import signal
import subprocess
import sys

import jsonschema

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import oracle_rows  # noqa: E402

GUESTS = ["x64.elf", "x64pti.elf", "x86pae.elf", "x86.lime", "arm64.elf", "lime.lime", "win64.dmp",
          "x64la57.lime", "x64hole.lime"]
PAGE = 4096


class Tool:
    def __init__(self, binary):
        self.binary = binary
        self.schemas = json.loads(self.run("schema")[0])

    def run(self, *args, status=(0,), stdin=None):
        done = subprocess.run([self.binary, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              input=stdin, text=True, timeout=600)
        assert done.returncode in status, (args, done.returncode, done.stderr)
        return done.stdout, done.stderr

    def records(self, *args, **kwargs):
        out = self.run(*args, "--format", "ndjson", **kwargs)[0]
        return [json.loads(line) for line in out.splitlines()]

    def validate(self, record):
        schema = self.schemas[record["schema"]]
        jsonschema.Draft202012Validator(schema).validate(record)


def root_args(row):
    args = ["--dtb", hex(row.dtb), "--mode", row.mode]
    return args + (["--ttbr1", hex(row.ttbr1)] if row.ttbr1 is not None else [])


def check_rows(rows, mappings):
    """Every row of the oracles, both those that are mapped and those that are not."""
    starts = [int(m["va"], 16) for m in mappings]
    assert starts == sorted(starts), "ranges are not in order"
    seen = collections.Counter()
    for row in rows:
        if row.exception == "el0" or row.status == "non-canonical":
            continue
        at = bisect.bisect_right(starts, row.va) - 1
        m = mappings[at] if at >= 0 and row.va <= int(mappings[at]["va_last"], 16) else None
        assert (m is not None) == (row.status == "mapped"), (row, m)
        seen[row.status] += 1
        if m is None or row.pa is None:
            continue
        assert int(m["pa"], 16) + row.va - starts[at] == row.pa, (row, m)
        if row.page_bytes.isdigit():
            assert m["page_bytes"] == int(row.page_bytes), (row, m)
        size = m["pages"] * m["page_bytes"]
        if row.in_image == "yes":
            assert m["in_image_bytes"] > 0, (row, m)
        elif row.in_image == "no" and row.page_bytes == "4096":
            assert m["in_image_bytes"] < size, (row, m)
    return seen


def pages_of(mappings):
    for m in mappings:
        va, pa = int(m["va"], 16), int(m["pa"], 16)
        for at in range(0, m["pages"] * m["page_bytes"], PAGE):
            yield va + at, pa + at


def check_inverse(tool, image, args, mappings, picked):
    """owner PA gives exactly the addresses that maps has for it."""
    inverse = collections.defaultdict(set)
    wanted = set(picked)
    for va, pa in pages_of(mappings):
        if pa in wanted:
            inverse[pa].add(va)
    # 0x8: any byte of the page, and its address moves along
    words = "\n".join(hex(pa + 8) for pa in picked)
    records = tool.records("owner", "-f", image, *args, "--addresses", "-", status=(0, 1),
                           stdin=words)
    assert len(records) == len(picked)
    shared = 0
    for pa, record in zip(picked, records):
        assert int(record["pa"], 16) == pa + 8
        got = {int(o["va"], 16) - 8 for o in record["owners"]}
        assert len(got) == len(record["owners"])
        assert got == inverse[pa], (hex(pa), got ^ inverse[pa])
        state = ("page-table" if record["tables"] else "mapped" if got else
                 "unmapped" if record["in_image"] else "absent")
        assert record["state"] == state
        shared += len(got) > 1
    tool.validate(records[0])
    return shared


def check_guest(tool, name):
    image = os.path.join(ROOT, "testdata", "guests", name + ".zst")
    rows = oracle_rows.read(os.path.join(ROOT, "testdata", "guests", name + ".expected.tsv.zst"))
    by_root = collections.defaultdict(list)
    for row in rows:
        by_root[tuple(root_args(row))].append(row)
    seen, shared, tables = collections.Counter(), 0, 0
    rng = random.Random(3)
    for args, own in by_root.items():
        mappings = tool.records("maps", "-f", image, *args)
        seen += check_rows(own, mappings)
        tool.validate(mappings[0])
        sample = sorted(rng.sample(mappings, min(len(mappings), 300)), key=lambda m: m["pa"])
        picked = sorted({int(m["pa"], 16) + rng.randrange(m["pages"] * m["page_bytes"] // PAGE) * PAGE
                         for m in sample} | {rng.randrange(1 << 30) & -PAGE for _ in range(50)})
        shared += check_inverse(tool, image, args, mappings, picked)
        dtb = int(args[1], 16) & ~0x1F & ((1 << 48) - 1)
        [root] = tool.records("owner", "-f", image, *args, hex(dtb), status=(0, 1))
        tables += root["state"] == "page-table"
    assert tables == len(by_root), "a root is a page table"
    assert seen["mapped"] > 100, seen
    print(f"{name}: {len(by_root)} roots, {dict(seen)} rows, {shared} shared pages")


def check_forms(tool):
    """Leaves, filters and forms of one guest."""
    image = os.path.join(ROOT, "testdata", "guests", "x86.lime.zst")
    row = oracle_rows.read(os.path.join(ROOT, "testdata", "guests", "x86.lime.expected.tsv.zst"))[0]
    args = ["-f", image, *root_args(row)]
    ranges = tool.records("maps", *args)
    leaves = tool.records("maps", *args, "--leaves")
    assert all(m["pages"] == 1 for m in leaves)
    assert list(pages_of(leaves)) == list(pages_of(ranges)) and len(leaves) > len(ranges)
    user = tool.records("maps", *args, "--user")
    kernel = tool.records("maps", *args, "--kernel")
    assert user and kernel and all(m["user"] for m in user) and not any(m["user"] for m in kernel)
    assert sorted(user + kernel, key=lambda m: m["va"]) == ranges
    risky = tool.records("maps", *args, "--wx")
    assert risky == [m for m in ranges if m["writable"] and m["executable"]]
    document = json.loads(tool.run("maps", *args, "--json")[0])
    tool.validate(document)
    assert document["mappings"] == ranges and document["complete"] is True
    table = list(csv.DictReader(io.StringIO(tool.run("maps", *args, "--format", "csv")[0])))
    assert [(r["va"], r["pa"], int(r["pages"])) for r in table] == \
        [(m["va"], m["pa"], m["pages"]) for m in ranges]
    assert tool.run("maps", *args)[0].count("\n") == len(ranges) + 1
    pa = ranges[0]["pa"]
    document = json.loads(tool.run("owner", *args, "--json", pa)[0])
    tool.validate(document)
    assert ranges[0]["va"] in [o["va"] for o in document["owners"][0]["owners"]]
    table = list(csv.DictReader(io.StringIO(tool.run("owner", *args, "--format", "csv", pa)[0])))
    assert ranges[0]["va"] in [r["va"] for r in table]
    assert ranges[0]["va"][2:10] in tool.run("owner", *args, pa)[0].replace("`", "")
    err = tool.run("owner", *args, "--file-offset", "1000", status=(2,))[1]
    assert "compressed" in err, err


def check_offsets(tool, folder):
    """File offsets of an image that is not compressed lead to the same owners."""
    plain = os.path.join(folder, "x86.lime")
    packed = os.path.join(ROOT, "testdata", "guests", "x86.lime.zst")
    subprocess.run(["zstd", "-q", "-d", packed, "-o", plain], check=True)
    row = oracle_rows.read(os.path.join(ROOT, "testdata", "guests", "x86.lime.expected.tsv.zst"))[0]
    args = ["-f", plain, *root_args(row)]
    held = [m["pa"] for m in tool.records("maps", *args) if m["in_image_bytes"]][:50]
    # A range may be in the image in part, and its first page absent.
    by_pa = [r for r in tool.records("owner", *args, *held) if r["file_offset"] is not None]
    offsets = [hex(r["file_offset"]) for r in by_pa]
    by_offset = tool.records("owner", *args, "--file-offset", *offsets)
    strip = lambda r: {k: v for k, v in r.items() if k != "input"}
    assert list(map(strip, by_pa)) == list(map(strip, by_offset)) and len(by_pa) > 5
    [head] = tool.records("owner", *args, "--file-offset", "0", status=(1,))
    assert head["state"] == "no-memory" and head["pa"] is None


def interrupted(tool, begun, *args):
    """Output of a run that gets SIGINT when `begun` stands in it."""
    with subprocess.Popen([tool.binary, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as work:
        try:
            if args[0] == "owner":
                work.stdin.write(b"1000\n")
                work.stdin.flush()
            out = b""
            while begun not in out:
                more = os.read(work.stdout.fileno(), 65536)
                assert more, work.stderr.read()
                out += more
            work.send_signal(signal.SIGINT)
            work.stdin.close()  # were the signal to come just before a read, that would last
            out += work.stdout.read()
            assert work.wait(60) == 130, work.returncode
        finally:
            work.kill()
    return out.decode()


def check_interrupted(tool, folder):
    """A run that is cut short says so in its JSON. The image: a table that leads to itself, so that
    there is no end of pages, none of which --wx shows."""
    image = os.path.join(folder, "endless.raw")
    with open(image, "wb") as file:
        file.write(bytes(PAGE) + (0x8000000000001003).to_bytes(8, "little") * 512)
        file.truncate(1 << 36)
    args = ["-f", image, "--as", "raw", "--dtb", "1000", "--mode", "x64", "-q"]
    document = json.loads(interrupted(tool, b"[", "maps", *args, "--wx", "--json"))
    tool.validate(document)
    assert document["mappings"] == [] and document["error"]["error"] == "interrupted"
    lines = interrupted(tool, b"\n", "maps", *args, "--format", "ndjson").splitlines()
    record = json.loads(lines[-1])
    tool.validate(record)
    assert len(lines) > 1 and record["error"] == "interrupted"

    image = os.path.join(ROOT, "testdata", "guests", "x64.elf.zst")
    args = ["owner", "-f", image, "--addresses", "-"]
    document = json.loads(interrupted(tool, b'"state"', *args, "--json"))
    tool.validate(document)
    assert len(document["owners"]) == 1 and document["error"]["error"] == "interrupted"
    lines = interrupted(tool, b"\n", *args, "--format", "ndjson").splitlines()
    assert [json.loads(line)["schema"] for line in lines] == ["v2p.owner/1", "v2p.error/1"]
    # A word that is none ends a run, too.
    out = tool.run(*args, "--json", stdin="1000\nxyz\n", status=(2,))[0]
    document = json.loads(out)
    tool.validate(document)
    assert len(document["owners"]) == 1 and document["error"]["error"] == "usage"


def main():
    import tempfile
    tool = Tool(sys.argv[1])
    for name in GUESTS:
        check_guest(tool, name)
    check_forms(tool)
    with tempfile.TemporaryDirectory() as folder:
        check_offsets(tool, folder)
        check_interrupted(tool, folder)
    print("maps and owner agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
