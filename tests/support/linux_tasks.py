# Processes of a Linux guest by the kernel's own description of its structures (BTF), for recipes
# and as an oracle: what v2p derives without symbols is read here from the type information.
# SPDX-License-Identifier: Apache-2.0
"""Sources: Linux Documentation/bpf/btf.rst (the format; a kernel with CONFIG_DEBUG_INFO_BTF keeps
its own in .rodata), Documentation/admin-guide/kdump/vmcoreinfo.rst, include/linux/sched.h."""

import dataclasses
import re
import struct

import page_tables

# kind -> bytes after the head of a type; (bytes a member) where there are several
FIXED = {1: 4, 2: 0, 3: 12, 7: 0, 8: 0, 9: 0, 10: 0, 11: 0, 12: 0, 14: 4, 16: 0, 17: 4, 18: 0}
MEMBERS = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}
STRUCTS = (4, 5)


class Btf:
    """Types of one kernel."""

    def __init__(self, data, at):
        head, types_at, types, strings_at, strings = struct.unpack_from("<IIIII", data, at + 4)
        begin = at + head
        self.strings = data[begin + strings_at:begin + strings_at + strings]
        self.data = data[begin + types_at:begin + types_at + types]
        self.types = [None]
        pos = 0
        while pos < types:
            name, info, _ = struct.unpack_from("<III", self.data, pos)
            kind, count = info >> 24 & 31, info & 0xFFFF
            self.types.append((kind, name, count, bool(info >> 31), pos + 12))
            pos += 12 + (FIXED[kind] if kind in FIXED else MEMBERS[kind] * count)

    def text(self, at):
        return self.strings[at:self.strings.index(b"\0", at)].decode()

    def struct(self, name):
        return next(t for t in self.types[1:] if t[0] == 4 and self.text(t[1]) == name)

    def offset(self, owner, member):
        """Bytes from the beginning of struct `owner`, through unnamed members."""
        return self._offset(self.struct(owner), member)

    def _offset(self, owner, member):
        _, _, count, bitfields, at = owner
        for i in range(count):
            name, kind, bits = struct.unpack_from("<III", self.data, at + 12 * i)
            bits &= 0xFFFFFF if bitfields else 0xFFFFFFFF
            if name:
                if self.text(name) == member:
                    return bits // 8
            elif self.types[kind][0] in STRUCTS:
                inner = self._offset(self.types[kind], member)
                if inner is not None:
                    return bits // 8 + inner
        return None


def kernel_btf(data):
    """The largest BTF in the memory of the guest is the kernel's; modules have small ones."""
    best = None
    at = data.find(b"\x9f\xeb\x01\x00\x18\x00\x00\x00")
    while at >= 0:
        types_at, types, strings_at, strings = struct.unpack_from("<IIII", data, at + 8)
        if (types_at == 0 and types == strings_at and types > 1 << 20
                and at + 24 + types + strings <= len(data)):
            try:
                found = Btf(data, at)
                found.struct("task_struct")
                best = best or found
            except (KeyError, IndexError, StopIteration, ValueError, struct.error):
                pass  # a copy in pieces
        at = data.find(b"\x9f\xeb\x01\x00\x18\x00\x00\x00", at + 1)
    return best


@dataclasses.dataclass
class Task:
    pid: int
    parent: int
    root: int | None
    name: str
    pages: set


class Tasks:
    """Walks init_task.tasks."""

    MEMBERS = ("tasks", "comm", "pid", "tgid", "mm", "active_mm", "real_parent", "group_leader")

    def __init__(self, image, mode, root):
        btf = kernel_btf(image.data)
        self.image, self.mode, self.root = image, mode, root
        self.at = {m: btf.offset("task_struct", m) for m in self.MEMBERS}
        self.pgd = btf.offset("mm_struct", "pgd")

    def physical(self, va):
        return page_tables.translate(self.image.read, self.mode, self.root, va)[1]

    def pages_of(self, va, first, end):
        at = {self.physical(p) for p in range(va + first & ~0xFFF, va + end, 4096)}
        return {pa & ~0xFFF for pa in at}

    def number(self, va, size=8):
        pa = self.physical(va)
        raw = None if pa is None else self.image.read(pa, size)
        return None if raw is None else int.from_bytes(raw, "little")

    def init_task(self):
        """Virtual address, by the name that only init_task has."""
        data = self.image.data
        hit = data.find(b"swapper/0\0")
        while hit >= 0:
            pa = next(e[0] + hit - e[2] for e in self.image.extents if 0 <= hit - e[2] < e[1])
            links = pa - self.at["comm"] + self.at["tasks"]
            next_link = int.from_bytes(self.image.read(links, 8), "little")
            head = self.number(next_link + 8)
            if head is not None and self.physical(head) == links:
                return head - self.at["tasks"]
            hit = data.find(b"swapper/0\0", hit + 1)
        return None

    def read(self, task):
        first, end = min(self.at.values()), max(self.at.values()) + 16
        pages = self.pages_of(task, first, end)
        mm = self.number(task + self.at["mm"])
        root = None
        if mm:
            pages |= self.pages_of(mm, self.pgd, self.pgd + 8)
            root = self.physical(self.number(mm + self.pgd))
        parent = self.number(task + self.at["real_parent"])
        comm = self.image.read(self.physical(task + self.at["comm"]), 16).split(b"\0")[0]
        return Task(self.number(task + self.at["pid"], 4), self.number(parent + self.at["tgid"], 4),
                    root, comm.decode(), pages)

    def __iter__(self):
        """init_task first."""
        init = task = self.init_task()
        while True:
            yield self.read(task)
            task = self.number(task + self.at["tasks"]) - self.at["tasks"]
            if task == init:
                return


def pages_with(image, pattern):
    """Pages in which `pattern` begins."""
    found = set()
    for match in re.finditer(pattern, image.data):
        at = match.start()
        extent = next((e for e in image.extents if 0 <= at - e[2] < e[1]), None)
        if extent:
            found.add(extent[0] + at - extent[2] & ~0xFFF)
    return found


def kernel_pages(image, swapper):
    """Pages that tell a kernel without symbols: VMCOREINFO, banners, pointers to its root."""
    return (pages_with(image, rb"OSRELEASE=[ -~]+\n")
            | pages_with(image, rb"Linux version [0-9]")
            | pages_with(image, re.escape(struct.pack("<Q", swapper))))
