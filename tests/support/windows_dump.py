# Writes small Windows x64 dumps from a few pages; offsets from testdata/layouts/windows_dump.tsv.
# SPDX-License-Identifier: Apache-2.0
import os
import struct

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGE = 0x1000


def load_layout(name):
    """{"structure.field": (offset, size)} of a layout table."""
    fields = {}
    with open(os.path.join(ROOT, "testdata", "layouts", name + ".tsv"), encoding="utf-8") as table:
        for line in table:
            if line.strip() and not line.startswith("#"):
                structure, field, offset, size = line.rstrip("\n").split("\t")[:4]
                fields[f"{structure}.{field}"] = (int(offset, 16), int(size))
    return fields


LAYOUT = load_layout("windows_dump")


def put(image, base, path, value):
    offset, size = LAYOUT[path]
    data = value if isinstance(value, bytes) else (value % (1 << 8 * size)).to_bytes(size, "little")
    image[base + offset:base + offset + len(data)] = data


def header(dump_type, dtb, machine=0x8664, fields=()):
    """The 0x2000 bytes of a PAGEDU64 header, filled with PAGE where nothing is set."""
    image = bytearray(b"PAGE" * 0x800)
    put(image, 0, "header64.Signature", b"PAGE")
    put(image, 0, "header64.ValidDump", b"DU64")
    put(image, 0, "header64.MajorVersion", 15)
    put(image, 0, "header64.MinorVersion", 19041)
    put(image, 0, "header64.DirectoryTableBase", dtb)
    put(image, 0, "header64.MachineImageType", machine)
    put(image, 0, "header64.NumberProcessors", 1)
    put(image, 0, "header64.DumpType", dump_type)
    for path, value in dict(fields).items():
        put(image, 0, "header64." + path, value)
    return image


def runs_of(pages):
    """[(first frame, count)] of a {frame: bytes} map."""
    runs = []
    for frame in sorted(pages):
        if runs and frame == runs[-1][0] + runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([frame, 1])
    return runs


def body(pages):
    return b"".join(pages[frame] for frame in sorted(pages))


def full(pages, dtb, **options):
    image = header(1, dtb, **options)
    runs = runs_of(pages)
    put(image, 0, "header64.NumberOfRuns", len(runs))
    put(image, 0, "header64.NumberOfPages", len(pages))
    at = LAYOUT["header64.Run"][0]
    for i, (first, count) in enumerate(runs):
        struct.pack_into("<QQ", image, at + 16 * i, first, count)
    return bytes(image) + body(pages)


def bitmap(pages, dtb, dump_type=5, bits=None, **options):
    bits = bits or max(pages) + 1
    second = bytearray(LAYOUT["bitmap.sizeof"][0] + (bits + 7) // 8)
    second += bytes(-len(second) % PAGE)
    put(second, 0, "bitmap.Signature", b"SDMP")
    put(second, 0, "bitmap.ValidDump", b"DUMP")
    put(second, 0, "bitmap.FirstPage", 0x2000 + len(second))
    put(second, 0, "bitmap.TotalPresentPages", len(pages))
    put(second, 0, "bitmap.Pages", bits)
    at = LAYOUT["bitmap.Bitmap"][0]
    for frame in pages:
        second[at + frame // 8] |= 1 << frame % 8
    return bytes(header(dump_type, dtb, **options)) + bytes(second) + body(pages)


def ranges(pages, dtb, dump_type=0xA):
    runs = runs_of(pages)
    metadata = 0x10 + 16 * len(runs)
    second = bytearray(LAYOUT["rdmp.sizeof"][0] + 16 * len(runs))
    put(second, 0, "rdmp.Marker", 0x40)
    put(second, 0, "rdmp.Signature", b"RDMP")
    put(second, 0, "rdmp.ValidDump", b"DUMP")
    put(second, 0, "rdmp.MetadataSize", metadata)
    put(second, 0, "rdmp.FirstPageOffset", 0x2020 + metadata)
    put(second, 0, "rdmp.NumberOfRanges", len(runs))
    put(second, 0, "rdmp.TotalNumberOfPages", len(pages))
    for i, (first, count) in enumerate(runs):
        struct.pack_into("<QQ", second, LAYOUT["rdmp.Range"][0] + 16 * i, first, count)
    return bytes(header(dump_type, dtb)) + bytes(second) + body(pages)


class X64Tables:
    """x64 page tables in frames of their own, from frame 0x10 up."""

    def __init__(self):
        self.pages = {}
        self.next_frame = 0x10
        self.root = self.new_table()

    def new_table(self):
        frame, self.next_frame = self.next_frame, self.next_frame + 1
        self.pages[frame] = bytearray(PAGE)
        return frame

    def set(self, va, levels, entry):
        """Makes the tables above and stores `entry` at depth `levels` (4: PTE, 3: PDE, 2: PDPTE)."""
        frame = self.root
        for depth in range(1, levels + 1):
            at = 8 * (va >> (48 - 9 * depth) & 511)
            if depth == levels:
                struct.pack_into("<Q", self.pages[frame], at, entry)
                return
            (old,) = struct.unpack_from("<Q", self.pages[frame], at)
            if not old:
                old = self.new_table() << 12 | 0x63
                struct.pack_into("<Q", self.pages[frame], at, old)
            frame = old >> 12 & 0xFFFFFFFFFF

    def image(self, extra=()):
        pages = {frame: bytes(data) for frame, data in self.pages.items()}
        for frame in extra:
            pages[frame] = frame.to_bytes(8, "little") * 512
        return pages
