# Reads and writes the containers of testdata/ and its recipe, independent of the C++ parsers.
# SPDX-License-Identifier: Apache-2.0
"""Sources of the layouts: System V ABI and QEMU dump/dump.c (ELF core), LiME's lime.h, 
DUMP_HEADER32 and 64 as in QEMU include/qemu/win_dump_defs.h, libbdump and kdmp-parser."""

import bisect
import mmap
import struct


class Image:
    """Extents (pa, length, file offset), sorted, over one mapped file."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            self.data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        self.extents = sorted(self._parse())
        self._starts = [e[0] for e in self.extents]

    def _parse(self):
        head = self.data[:8]
        if head[:4] == b"\x7fELF":
            return self._elf()
        if head[:4] == b"EMiL":
            return self._lime()
        if head[:4] == b"PAGE":
            return self._dump(head[4:] == b"DU64")
        return [(0, len(self.data), 0)]

    def _elf(self):
        phoff, = struct.unpack_from("<Q", self.data, 32)
        phnum, = struct.unpack_from("<H", self.data, 56)
        self.headers = [struct.unpack_from("<IIQQQQQQ", self.data, phoff + 56 * i)
                        for i in range(phnum)]
        return [(h[4], h[5], h[2]) for h in self.headers if h[0] == 1 and h[5]]

    def _lime(self):
        at, out = 0, []
        while at < len(self.data):
            magic, version, first, last = struct.unpack_from("<IIQQ", self.data, at)
            assert (magic, version) == (0x4C694D45, 1), f"no LiME header at {at:#x}"
            out.append((first, last - first + 1, at + 32))
            at += 32 + last - first + 1
        return out

    def _dump(self, is64):
        kind, = struct.unpack_from("<I", self.data, 0xF98 if is64 else 0xF88)
        at = 0x2000 if is64 else 0x1000
        if kind in (5, 6):
            assert self.data[at:at + 8] in (b"SDMPDUMP", b"FDMPDUMP")
            first, = struct.unpack_from("<Q", self.data, at + 0x20)
            bits, = struct.unpack_from("<Q", self.data, at + 0x30)
            bitmap = self.data[at + 0x38:at + 0x38 + (bits + 7) // 8]
            out = []
            for pfn in range(bits):
                if bitmap[pfn >> 3] >> (pfn & 7) & 1:
                    out.append((pfn << 12, 4096, first + 4096 * len(out)))
            return out
        assert kind == 1
        count, = struct.unpack_from("<I", self.data, 0x88 if is64 else 0x64)
        form, base = ("<QQ", 0x98) if is64 else ("<II", 0x6C)
        out = []
        for i in range(count):
            pfn, pages = struct.unpack_from(form, self.data, base + struct.calcsize(form) * i)
            held = min(pages * 4096, max(0, len(self.data) - at))  # a cut file holds less
            if held:
                out.append((pfn << 12, held, at))
            at += pages * 4096
        return out

    def extent_at(self, pa):
        i = bisect.bisect_right(self._starts, pa) - 1
        if i < 0 or pa >= self.extents[i][0] + self.extents[i][1]:
            return None
        return self.extents[i]

    def read(self, pa, n):
        e = self.extent_at(pa)
        if e is None or pa + n > e[0] + e[1]:
            return None
        return self.data[e[2] + pa - e[0]:e[2] + pa - e[0] + n]

    def piece(self, page):
        """The part of a page that the image holds: (first address, bytes), or None."""
        for at in (page, *(e[0] for e in self.extents if page < e[0] < page + 4096)):
            e = self.extent_at(at)
            if e:
                n = min(page + 4096, e[0] + e[1]) - at
                return at, self.read(at, n)
        return None


def runs_of(image, pages):
    """Kept pages as contiguous [address, bytes] runs; a page held in part is kept in part."""
    out = []
    for page in sorted(pages):
        piece = image.piece(page)
        if piece is None:
            continue
        if out and out[-1][0] + len(out[-1][1]) == piece[0]:
            out[-1][1] += piece[1]
        else:
            out.append([piece[0], bytearray(piece[1])])
    return out


def fill_gaps(image, pages, limit):
    """Adds the pages of the smallest gaps until the set forms at most `limit` runs."""
    pages = {p for p in pages if image.piece(p)}
    order = sorted(pages)
    gaps = sorted((b - a, a, b) for a, b in zip(order, order[1:])
                  if b - a > 4096 and image.extent_at(a) == image.extent_at(b))
    total = sum(1 for a, b in zip(order, order[1:]) if b - a > 4096) + 1
    for size, a, b in gaps[:max(0, total - limit)]:
        pages.update(range(a, b, 4096))
    return pages


def write_lime(image, pages, path):
    with open(path, "wb") as f:
        for first, data in runs_of(image, pages):
            f.write(struct.pack("<IIQQQ", 0x4C694D45, 1, first, first + len(data) - 1, 0) + data)


def write_elf(image, pages, path):
    """QEMU's own headers and notes; the LOADs are replaced by one for each run of kept pages."""
    runs, old = runs_of(image, pages), image.data
    note = next(h for h in image.headers if h[0] == 4)
    shoff, = struct.unpack_from("<Q", old, 40)
    shnum, = struct.unpack_from("<H", old, 60)
    phoff = struct.unpack_from("<Q", old, 32)[0]
    strings = struct.unpack_from("<IIQQQQIIQQ", old, shoff + 64)  # section 1: the name table
    head = bytearray(old[:phoff])
    struct.pack_into("<H", head, 56, len(runs) + 1)
    notes_at = phoff + 56 * (len(runs) + 1)
    at = notes_at + note[5]
    table = struct.pack("<IIQQQQQQ", 4, note[1], notes_at, *note[3:])
    for first, data in runs:
        table += struct.pack("<IIQQQQQQ", 1, 0, at, first, first, len(data), len(data), 0)
        at += len(data)
    if shnum > 1:
        struct.pack_into("<Q", head, shoff + 64 + 24, at)
    with open(path, "wb") as f:
        f.write(head + table + old[note[2]:note[2] + note[5]])
        for _, data in runs:
            f.write(data)
        f.write(old[strings[4]:strings[4] + strings[5]] if shnum > 1 else b"")


def write_full_dump(image, pages, path):
    """A type 1 dump under the real header; only the run list and its page count are rewritten."""
    is64 = image.data[4:8] == b"DU64"
    form, block, size, limit = ("<QQ", 0x88, 0x2000, 42) if is64 else ("<II", 0x64, 0x1000, 86)
    runs = runs_of(image, fill_gaps(image, pages, limit))
    assert len(runs) <= limit and all(first % 4096 == 0 for first, _ in runs)
    head = bytearray(image.data[:size])
    count = sum(len(d) for _, d in runs) // 4096
    at = block + (16 if is64 else 8)
    if is64:
        struct.pack_into("<IIQ", head, block, len(runs), 0, count)
    else:
        struct.pack_into("<II", head, block, len(runs), count)
    head[at:block + 700] = (b"PAGE" * 175)[:block + 700 - at]
    for i, (first, data) in enumerate(runs):
        struct.pack_into(form, head, at + struct.calcsize(form) * i, first >> 12, len(data) >> 12)
    _write_dump(path, head, runs, 0xFA0, size + count * 4096)


def write_bitmap_dump(image, pages, path, kind=5, bits=None):
    """A type 5 or 6 dump: the given header with its type set; second header and bitmap are ours."""
    runs = runs_of(image, pages)
    assert all(first % 4096 == 0 and len(data) % 4096 == 0 for first, data in runs)
    kept = [first // 4096 + i for first, data in runs for i in range(len(data) // 4096)]
    bits = bits or kept[-1] + 1
    bitmap = bytearray((bits + 7) // 8)
    for pfn in kept:
        bitmap[pfn >> 3] |= 1 << (pfn & 7)
    first_page = (0x2038 + len(bitmap) + 4095) & ~4095
    head = bytearray(image.data[:0x2000])
    struct.pack_into("<I", head, 0xF98, kind)
    second = b"SDMPDUMP" + bytes(24) + struct.pack("<QQQ", first_page, len(kept), bits) + bitmap
    head += second + bytes(first_page - 0x2000 - len(second))
    _write_dump(path, head, runs, 0xFA0, first_page + len(kept) * 4096)


def _write_dump(path, head, runs, size_at, size):
    if head[4:8] == b"DU64" and struct.unpack_from("<Q", head, size_at)[0]:
        struct.pack_into("<Q", head, size_at, size)  # RequiredDumpSpace, where the writer filled it
    with open(path, "wb") as f:
        f.write(head)
        for _, data in runs:
            f.write(data)

