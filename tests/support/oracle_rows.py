# The rows of the oracles: what an independent source says of one address under one root.
# SPDX-License-Identifier: Apache-2.0
"""Sources: gva2gpa and `info tlb` of QEMU's monitor, /proc/self/pagemap of the guest's kernel,
kdmp-parser's walk of the quarkslab/rewind pages. A row's status is what a translation must say."""

import dataclasses
import json
import os
import subprocess

# image of a guest, mode, root of the process that sleeps (in no register), its other roots
GUESTS = {
    "x64": ("x64.elf", "x64", [0x1FFB4000]),
    "x64pti": ("x64pti.elf", "x64", [0x18FE000, 0x18FF000]),
    "x86pae": ("x86pae.elf", "pae", [0x1E2F280]),
    "x86": ("x86.raw", "x86", [0x1E94000]),
    "arm64": ("arm64.elf", "arm64", [0x43233000]),
    "lime": ("lime.lime", "x64", [0x2ACC000]),
    "win64": ("win64.dmp", "x64", [0x104B64000]),
    "win32pae": ("win32pae.dmp", "pae", [0x1CF2780]),
}
TABLES = {"x64la57": "x64-la57", "x64hole": "x64"}


@dataclasses.dataclass(frozen=True)
class Row:
    oracle: str  # gva2gpa, tlb, pagemap, rewind, selfmap
    mode: str
    dtb: int
    ttbr1: int | None
    va: int
    status: str
    pa: int | None = None
    page_bytes: str = "-"  # a number, "large" (the source says only that it is), or "-"
    in_image: str = "-"  # yes, no, - (the source does not say)
    exception: str = "-"  # el0: the source could not look; protnone, shared: it says otherwise

    COLUMNS = "oracle mode dtb ttbr1 va status pa page_bytes in_image exception".split()

    def line(self):
        return "\t".join(hex(v) if isinstance(v, int) else "-" if v is None else v
                         for v in dataclasses.astuple(self))

    @classmethod
    def parse(cls, line):
        f = line.split("\t")
        number = lambda s: None if s == "-" else int(s, 16)
        return cls(f[0], f[1], number(f[2]), number(f[3]), number(f[4]), f[5], number(f[6]), *f[7:])


def read(path):
    """The rows of an .expected.tsv.zst file."""
    done = subprocess.run(["zstd", "-q", "-dc", path], check=True, stdout=subprocess.PIPE,
                          text=True)
    return [Row.parse(line) for line in done.stdout.splitlines() if not line.startswith("#")]


def canonical(mode, va):
    """SDM vol. 1 section 3.3.7.1; Arm ARM D8.2.4 with two roots (bits 63:48 all alike)."""
    if mode in ("x86", "pae"):
        return va < 1 << 32
    top = {"x64": 47, "x64-la57": 56, "arm64": 48}[mode]
    return va >> top in (0, (1 << 64 - top) - 1)


def _lines(path):
    with open(path) as f:
        for line in f:
            yield json.loads(line)


def _hex(value):
    return None if value is None else int(value, 16)


def _unmapped(mode, va):
    return "not-present" if canonical(mode, va) else "non-canonical"


def monitor_rows(path, mode, sizes=True):
    """gva2gpa answers, and `info tlb` leaves where the file has them (they carry flags)."""
    for r in _lines(path):
        va, pa = _hex(r["va"]), _hex(r["pa"])
        if "flags" in r:
            large = r["flags"][2] == "P"
            size = {"x86": "4194304", "pae": "2097152"}.get(mode, "large") if large else "4096"
            yield Row("tlb", mode, _hex(r["cr3"]), None, va, "mapped", pa, size if sizes else "-")
            continue
        # the monitor walks with the privilege of the stopped CPU
        except_ = "el0" if r.get("el") == 0 and va >> 55 & 1 else "-"
        status = "mapped" if pa is not None else _unmapped(mode, va)
        yield Row("gva2gpa", mode, _hex(r["cr3"]), _hex(r.get("ttbr1")), va, status, pa,
                  exception=except_)


def describe(corpus, guest):
    """(image file, mode, roots of the sleeping process, regs) of a guest's folder."""
    with open(os.path.join(corpus.root, "guests", guest, "regs.json")) as f:
        regs = json.load(f)
    if "image" in regs:  # made by scripts/make-guest; it does not know the sleeping process's root
        return regs["image"], regs["mode"], [], regs
    return *GUESTS[guest], regs


def process_roots(mode, sleeping, regs):
    key = "ttbr0" if mode == "arm64" else "cr3"
    roots = {}
    for p in regs["processes"]:
        known = p["index"] < len(regs["vcpus"])
        roots[p["pid"]] = [regs["vcpus"][p["index"]][key]] if known else sleeping
    return roots


def pagemap_rows(path, mode, sleeping, regs):
    """The kernel calls PROT_NONE pages present, and the program touches its first shared page
    after it has printed its map: such rows carry an exception and what the tables say."""
    roots = process_roots(mode, sleeping, regs)
    ttbr1 = regs["vcpus"][0]["ttbr1"] if mode == "arm64" else None  # one upper root for all
    for r in _lines(path):
        va, present = _hex(r["va"]), r["present"]
        at = [m for m in regs["maps"]
              if m["pid"] == r["pid"] and 0 <= va - _hex(m["va"]) < m["len"]]
        kind, first = (at[0]["kind"], _hex(at[0]["va"])) if at else (None, None)
        for root in roots[r["pid"]]:
            if present and kind == "protnone":
                yield Row("pagemap", mode, root, ttbr1, va, "not-present", exception="protnone")
            elif present:
                yield Row("pagemap", mode, root, ttbr1, va, "mapped", _hex(r["pa"]))
            elif kind == "shared" and va == first:
                yield Row("pagemap", mode, root, ttbr1, va, "mapped", exception="shared")
            else:
                yield Row("pagemap", mode, root, ttbr1, va, "not-present")


def guest_rows(corpus, guest):
    _, mode, sleeping, regs = describe(corpus, guest)
    path = lambda name: corpus.path("guests", guest, name)
    yield from monitor_rows(path("oracle.jsonl"), mode)
    if mode != "arm64":
        # in `lime` two large pages were split after the acquisition: addresses agree, sizes do not
        yield from monitor_rows(path("oracle.tlb.jsonl"), mode, sizes=guest != "lime")
    yield from pagemap_rows(path("oracle.pagemap.jsonl"), mode, sleeping, regs)


REWIND_DTB = 0x235500002
NEGATIVE = {"notpresent": "not-present", "table-not-in-dump": "table-not-in-image",
            "noncanonical": "non-canonical"}


def rewind_rows(corpus):
    folder = ("windows", "rewind_cng_safeguarded")
    sizes = {"4K": "4096", "2M": "2097152"}
    with open(corpus.path(*folder, "vectors.tsv")) as f:
        for line in f:
            if line.startswith("0x"):
                va, pa, size, held = line.rstrip("\n").split("\t")
                in_image = ("yes" if held == "1" else "no") if size == "4K" else "-"
                yield Row("rewind", "x64", REWIND_DTB, None, _hex(va), "mapped", _hex(pa),
                          sizes[size], in_image)
    with open(corpus.path(*folder, "vectors.neg.tsv")) as f:
        for line in f:
            if line.startswith("0x"):
                va, reason = line.split("\t")[:2]
                status = NEGATIVE[reason.rsplit("-", 1)[0]]
                yield Row("rewind", "x64", REWIND_DTB, None, _hex(va), status)
    with open(corpus.path(*folder, "registers.json")) as f:
        for r in json.load(f)["registers"].values():
            found = r["result"] == "ok"
            yield Row("rewind", "x64", REWIND_DTB, None, _hex(r["va"]),
                      "mapped" if found else "table-not-in-image", _hex(r["pa"]),
                      sizes[r["size_or_level"]] if found else "-",
                      ("yes" if r["first16"] else "no") if found else "-")


ARM_SLICE_DTB = 0x800A9000


def arm_slice_rows(corpus):
    sizes = {"4K": "4096", "2M": "2097152", "1G": "1073741824"}
    with open(corpus.path("windows", "first1MiB_arm64_19042.tsv")) as f:
        for line in f:
            if line.startswith("0x"):
                va, pa, size, held = line.rstrip("\n").split("\t")
                yield Row("selfmap", "arm64", ARM_SLICE_DTB, None, _hex(va), "mapped", _hex(pa),
                          sizes[size], "yes" if held == "1" else "no")
