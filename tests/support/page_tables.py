# A plain page-table walker for recipes and tests, independent of the C++ one: slow and obvious.
# SPDX-License-Identifier: Apache-2.0
"""Entry layouts: Intel SDM vol. 3A chapter 4 (tables 4-2 to 4-20), Arm ARM D8.3 (4 KiB granule)."""

import struct

# mode -> list of (shift, index bits, may hold a leaf), from the root down; entry bytes
LEVELS = {
    "x86": ([(22, 10, True), (12, 10, True)], 4),
    "pae": ([(30, 2, False), (21, 9, True), (12, 9, True)], 8),
    "x64": ([(39, 9, False), (30, 9, True), (21, 9, True), (12, 9, True)], 8),
    "x64-la57": ([(48, 9, False), (39, 9, False), (30, 9, True), (21, 9, True), (12, 9, True)], 8),
    "arm64": ([(39, 9, False), (30, 9, True), (21, 9, True), (12, 9, True)], 8),
}
FRAME = 0x000FFFFFFFFFF000
FRAME_ARM = 0x0000FFFFFFFFF000


def root_address(mode, dtb):
    if mode == "x86":
        return dtb & 0xFFFFF000
    if mode == "pae":
        return dtb & 0xFFFFFFE0
    return dtb & (FRAME_ARM if mode == "arm64" else FRAME)


def decode(mode, entry, shift, may_leaf):
    """('absent' | 'table' | 'leaf', physical address) of one entry."""
    if mode == "arm64":
        if not entry & 1 or (not entry & 2 and not (may_leaf and shift > 12)):
            return "absent", None
        leaf = shift == 12 or not entry & 2
        low = (1 << shift) - 1 if leaf else 0
        return ("leaf" if leaf else "table"), entry & FRAME_ARM & ~low
    if not entry & 1:
        return "absent", None
    frame = entry & (0xFFFFF000 if mode == "x86" else FRAME)
    if shift == 12:
        return "leaf", frame
    if not (may_leaf and entry & 0x80):
        return "table", frame
    if mode == "x86":  # PSE-36: bits 20:13 of the entry are address bits 39:32
        return "leaf", (entry & 0xFFC00000) | ((entry >> 13 & 0xFF) << 32)
    return "leaf", frame & ~((1 << shift) - 1)


def translate(read, mode, dtb, va):
    """(status, pa, page bytes) of a canonical address; read(pa, n) gives bytes or None."""
    levels, width = LEVELS[mode]
    table = root_address(mode, dtb)
    for shift, bits, may_leaf in levels:
        at = table + (va >> shift & ((1 << bits) - 1)) * width
        raw = read(at, width)
        if raw is None:
            return "table-not-in-image", None, None
        kind, address = decode(mode, int.from_bytes(raw, "little"), shift, may_leaf)
        if kind == "absent":
            return "not-present", None, None
        if kind == "leaf":
            return "mapped", address + (va & ((1 << shift) - 1)), 1 << shift
        table = address
    raise AssertionError("a walk ends at its last level")


def table_pages(read, mode, dtb, found):
    """Adds the page address of every table reachable from dtb (and readable) to found."""
    levels, width = LEVELS[mode]
    seen = set()

    def visit(table, depth):
        shift, bits, may_leaf = levels[depth]
        size = width << bits
        if (table, depth) in seen:
            return
        seen.add((table, depth))
        raw = read(table, size)
        if raw is None:
            return
        found.add(table & ~0xFFF)
        for (entry,) in struct.iter_unpack("<I" if width == 4 else "<Q", raw):
            if not entry:
                continue
            kind, address = decode(mode, entry, shift, may_leaf)
            if kind == "table":
                visit(address, depth + 1)

    visit(root_address(mode, dtb), 0)
