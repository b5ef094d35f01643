# Writes Windows hibernation files of every generation; offsets from testdata/layouts/hiberfil.tsv.
# SPDX-License-Identifier: Apache-2.0
"""Pages are a {frame: 4096 bytes} map. Compression is other people's: libwim (LZ77+Huffman) and samba
(plain LZ77), from Debian's libwim15 and samba-libs. No real hibernation file was at hand."""

import ctypes
import struct

import windows_dump

PAGE = 0x1000
LAYOUT = windows_dump.load_layout("hiberfil")
MODERN = ["modern64_360", "modern64_3B0", "modern64_3C8", "modern64_3D8", "modern64_3E0",
          "modern64_448", "modern64_4D8", "modern32_2C8", "modern32_310", "modern32_328",
          "modern32_338", "modern32_340"]
LEGACY = ["xp_x86", "vista0_x86", "vista1_x86", "vista2_x86", "win7_x86",
          "xp_x64", "vista0_x64", "vista1_x64", "vista2_x64", "win7_x64"]
PROCESSOR_PAGE = {"xp": 2, "vista0": 4}  # all others: page 1


class Encoders:
    """plain(bytes) and huffman(bytes) give a stream, or None when it would not be smaller. Either is
    None itself where its library is not installed."""

    def __init__(self):
        self.plain = self._samba()
        self.huffman = self._wim()

    @staticmethod
    def _wim():
        try:
            wim = ctypes.CDLL("libwim.so.15")
        except OSError:
            return None
        made = ctypes.c_void_p()
        assert wim.wimlib_create_compressor(1, ctypes.c_size_t(65536), 50, ctypes.byref(made)) == 0
        wim.wimlib_compress.restype = ctypes.c_size_t
        out = ctypes.create_string_buffer(65536)

        def huffman(data):
            n = wim.wimlib_compress(data, ctypes.c_size_t(len(data)), out,
                                    ctypes.c_size_t(len(data) - 1), made)
            return out.raw[:n] if n else None
        return huffman

    @staticmethod
    def _samba():
        machine = "x86_64" if struct.calcsize("P") == 8 and "x86" in _machine() else "aarch64"
        try:
            samba = ctypes.CDLL(f"/usr/lib/{machine}-linux-gnu/samba/libndr-samba-samba4.so.0")
            compress = samba.lzxpress_compress
        except (OSError, AttributeError):
            return None
        compress.restype = ctypes.c_ssize_t
        out = ctypes.create_string_buffer(80000)

        def plain(data):
            n = compress(data, ctypes.c_uint32(len(data)), out, ctypes.c_uint32(len(out)))
            assert n > 0
            return out.raw[:n] if n < len(data) else None
        return plain


def _machine():
    import platform
    return platform.machine()


def put(image, base, path, value):
    offset, size = LAYOUT[path]
    data = value if isinstance(value, bytes) else (value % (1 << 8 * size)).to_bytes(size, "little")
    image[base + offset:base + offset + len(data)] = data


def put_registers(image, base, bits, cr3, cr4):
    """KPROCESSOR_STATE of a processor in kernel mode."""
    put(image, base, f"processor_{bits}.Cr0", 0x80050033)
    put(image, base, f"processor_{bits}.Cr3", cr3)
    put(image, base, f"processor_{bits}.Cr4", cr4)
    idt = 0x8003F400 if bits == "x86" else 0xFFFFF80000B95080
    put(image, base, f"processor_{bits}.IdtrBase", idt)


def pad(image, to):
    image += bytes(-len(image) % to)


def batches(frames, sizes, most_runs=16):
    """Cuts a list of frames into sets of sizes[i] pages; a set ends early at `most_runs` runs."""
    out, i = [], 0
    while i < len(frames):
        size, runs, n = sizes[len(out) % len(sizes)], 1, 1
        while n < size and i + n < len(frames):
            runs += frames[i + n] != frames[i + n - 1] + 1
            if runs > most_runs:
                break
            n += 1
        out.append(frames[i:i + n])
        i += n
    return out


def runs_of(frames):
    runs = []
    for frame in frames:
        if runs and frame == runs[-1][0] + runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([frame, 1])
    return runs


class Modern:
    """A file of Windows 8 or later. `codings` are taken in turn, each "raw", "plain", "huffman" or
    a pair of one of them and the four method bits."""

    def __init__(self, header, encoders, codings, signature=b"HIBR", sizes=(16, 7, 16, 1, 16, 3)):
        self.header, self.encoders, self.codings = header, encoders, codings
        self.signature, self.sizes = signature, sizes
        self.is_64 = header.startswith("modern64")
        self.places = []  # (offset of head, offset of data, stored bytes, frames) of each set

    def _path(self, field):
        common = f"{self.header.split('_')[0]}.{field}"
        return common if common in LAYOUT else f"{self.header}.{field}"

    def set(self, image, field, value):
        put(image, 0, self._path(field), value)

    def _code(self, data):
        coding = self.codings[len(self.places) % len(self.codings)]
        coding, method = coding if isinstance(coding, tuple) else (coding, None)
        if method is None:
            wide = self.header == "modern64_4D8"
            method = 0 if coding != "huffman" else 4 if wide else 8
        if coding == "raw":
            return data, method
        return getattr(self.encoders, coding)(data) or data, method

    def _section(self, image, frames, pages):
        for group in batches(frames, self.sizes):
            runs = runs_of(group)
            stored, method = self._code(b"".join(pages[f] for f in group))
            head = struct.pack("<I", len(runs) | len(stored) << 8 | method << 28)
            for first, count in runs:
                head += struct.pack("<Q" if self.is_64 else "<I", first << 4 | count - 1)
            at = len(image)
            self.places.append((at, at + len(head), len(stored), group))
            image += head + stored

    def build(self, pages, boot_frames=(), cr3=None, cr4=0x20):
        image = bytearray(7 * PAGE)
        if cr3 is not None:
            put_registers(image, PAGE, "x64" if self.is_64 else "x86", cr3, cr4)
        boot = [f for f in boot_frames if f in pages]
        kernel = [f for f in pages if f not in set(boot)]
        self.set(image, "Signature", self.signature)
        self.set(image, "LengthSelf", LAYOUT[self.header + ".sizeof"][0])
        self.set(image, "PageSize", PAGE)
        self.set(image, "SystemTime", 0x01DA2D0000000000)
        self.set(image, "NumPagesForLoader", len(boot))
        self.set(image, "FirstBootRestorePage", len(image) // PAGE)
        self._section(image, boot, pages)
        image += bytes(64)
        pad(image, PAGE)
        self.set(image, "FirstKernelRestorePage", len(image) // PAGE)
        self.set(image, "KernelPagesProcessed", len(kernel))
        self.set(image, "HighestPhysicalPage", max(pages))
        self._section(image, kernel, pages)
        return image


class Legacy:
    """A file of Windows XP to 7. Links hold garbage, as those of real files do."""

    def __init__(self, header, encoders, codings=("plain",), signature=None):
        self.header, self.encoders, self.codings = header, encoders, codings
        windows, bits = header.split("_")
        self.signature = signature or (b"hibr" if windows == "xp" else b"HIBR")
        table = windows if windows in ("vista2", "win7") else "xp"
        self.table = f"table_{table}_{bits}"
        self.entry = f"entry_{'xp_' if table == 'xp' else ''}{bits}"
        self.bits = bits
        self.processor_page = PROCESSOR_PAGE.get(windows, 1)
        self.places = []

    def most_ranges(self):
        at, size = LAYOUT[self.table + ".Entry"]
        return (PAGE - at) // size

    def _table(self, image, runs):
        table = bytearray(PAGE)
        if self.table + ".Next" in LAYOUT:
            put(table, 0, self.table + ".Next", 0xFFFFFA8081A3C000)
        put(table, 0, self.table + ".EntryCount", len(runs))
        at, size = LAYOUT[self.table + ".Entry"]
        for i, (first, count) in enumerate(runs):
            put(table, at + i * size, self.entry + ".StartPage", first)
            put(table, at + i * size, self.entry + ".EndPage", first + count)
            if self.entry + ".PageNo" in LAYOUT:
                put(table, at + i * size, self.entry + ".PageNo", 0x51)
        image += table

    def _blocks(self, image, frames, pages):
        for i in range(0, len(frames), 16):
            group = frames[i:i + 16]
            data = b"".join(pages[f] for f in group)
            coding = self.codings[len(self.places) % len(self.codings)]
            stored = data if coding == "raw" else self.encoders.plain(data) or data
            pad(image, 8)
            at = len(image)
            info = len(group) - 1 | len(stored) - 1 << 10
            image += b"\x81\x81xpress" + struct.pack("<I", info) + bytes(20) + stored
            self.places.append((at, at + 32, len(stored), group))

    def build(self, pages, cr3=None, cr4=0x20):
        image = bytearray(6 * PAGE)
        put(image, 0, self.header + ".Signature", self.signature)
        put(image, 0, self.header + ".LengthSelf", LAYOUT[self.header + ".sizeof"][0])
        put(image, 0, self.header + ".PageSize", PAGE)
        put(image, 0, self.header + ".SystemTime", 0x01CA2D0000000000)
        put(image, 0, self.header + ".FirstTablePage", len(image) // PAGE)
        if cr3 is not None:
            put_registers(image, self.processor_page * PAGE, self.bits, cr3, cr4)
        runs, most, link = runs_of(sorted(pages)), self.most_ranges(), None
        for i in range(0, len(runs), most):
            if link is not None:
                pad(image, PAGE)
                put(image, link, self.table + ".NextTable", len(image) // PAGE)
            link = len(image)
            part = runs[i:i + most]
            self._table(image, part)
            self._blocks(image, [f for first, n in part for f in range(first, first + n)], pages)
        return image


def pages_of(image, frames=None):
    """{frame: bytes} of a guest_images.Image; the part of a page that it lacks becomes zeros."""
    pages = {}
    for first, size, _ in image.extents:
        for frame in range(first >> 12, (first + size + PAGE - 1) >> 12):
            if frame not in pages and (frames is None or frame in frames):
                at, data = image.piece(frame << 12)
                pages[frame] = (bytes(at % PAGE) + data).ljust(PAGE, b"\0")
    return pages
