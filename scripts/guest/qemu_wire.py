# Talks to a stopped QEMU: QMP, its human monitor, and the gdb stub for ARM's system registers.
# SPDX-License-Identifier: Apache-2.0

import json
import re
import socket


class Qmp:
    """QEMU docs/interop/qmp-intro: JSON lines; events are skipped."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._lines = self._socket.makefile("r")
        json.loads(self._lines.readline())
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        self._socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self._lines.readline())
            if "error" in answer:
                raise RuntimeError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def monitor(self, line, cpu=0):
        return self.command("human-monitor-command", **{"command-line": line, "cpu-index": cpu})


class Gdb:
    """GDB remote protocol, as far as reading one register of one thread."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._features = {}

    def ask(self, text):
        body = text.encode()
        self._socket.sendall(b"$" + body + b"#%02x" % (sum(body) % 256))
        data = b""
        while not re.search(rb"\$[^#]*#..", data):
            data += self._socket.recv(65536)
        self._socket.sendall(b"+")
        return re.search(rb"\$([^#]*)#..", data).group(1)

    def document(self, name):
        text = b""
        while True:
            part = self.ask(f"qXfer:features:read:{name}:{len(text):x},7f0")
            text += part[1:]
            if part[:1] == b"l":
                return text.decode()

    def numbers(self, wanted):
        """Register names to numbers: `regnum` sets the count, each register adds one."""
        found, number = {}, 0
        for name in ["target.xml", *re.findall(r'href="([^"]+)"', self.document("target.xml"))]:
            for reg in re.findall(r"<reg [^>]*>", self.document(name)):
                stated = re.search(r'regnum="(\d+)"', reg)
                number = int(stated.group(1)) if stated else number
                label = re.search(r'name="([^"]+)"', reg).group(1)
                if label in wanted:
                    found[label] = number
                number += 1
        return found

    def register(self, thread, number):
        self.ask(f"Hg{thread}")
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}").decode()), "little")


class Wire:
    def __init__(self, qmp, gdb_path):
        self.qmp = qmp
        self._gdb_path = gdb_path
        self._gdb = None
        self._arm = None

    def registers(self, mode):
        count = len(self.qmp.command("query-cpus-fast"))
        read = self._arm_registers if mode == "arm64" else self._x86_registers
        return [read(i) for i in range(count)]

    def _x86_registers(self, cpu):
        text = self.qmp.monitor("info registers", cpu)
        out = {"vcpu": cpu, "cpl": int(re.search(r"CPL=(\d)", text).group(1))}
        for name in ("CR0", "CR2", "CR3", "CR4", "EFER"):
            found = re.search(name + r"=([0-9a-f]+)", text)
            out[name.lower()] = int(found.group(1), 16) if found else 0
        return out

    def _arm_registers(self, cpu):
        if self._gdb is None:
            self._gdb = Gdb(self._gdb_path)
            self._arm = self._gdb.numbers({"TTBR0_EL1", "TTBR1_EL1", "TCR_EL1", "cpsr"})
        values = {name: self._gdb.register(cpu + 1, n) for name, n in self._arm.items()}
        return {"vcpu": cpu, "ttbr0": values["TTBR0_EL1"] & 0xFFFFFFFFF000,
                "ttbr1": values["TTBR1_EL1"], "tcr": values["TCR_EL1"],
                "el": values["cpsr"] >> 2 & 3}

    def gva2gpa(self, cpu, va):
        found = re.match(r"gpa: (0x)?([0-9a-f]+)", self.qmp.monitor(f"gva2gpa {va:#x}", cpu))
        return int(found.group(2), 16) if found else None

    def tlb(self, cpu):
        """Leaves as the monitor lists them: (va, pa, flags)."""
        for line in self.qmp.monitor("info tlb", cpu).splitlines():
            found = re.match(r"([0-9a-f]+): ([0-9a-f]+) (\S+)", line)
            if found:
                pa = int(found.group(2), 16) & ~(1 << 63)  # under PAE the XD bit is printed too
                yield int(found.group(1), 16), pa, found.group(3)
