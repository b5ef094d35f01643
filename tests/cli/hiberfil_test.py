# Real guests' memory as hibernation files of every generation: each row must come out as it does on
# the original image. The containers are synthetic; the encoders are libwim's and samba's.
# SPDX-License-Identifier: Apache-2.0
"""usage: hiberfil_test.py V2P"""

import json
import os
import random
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import corpus as corpus_files  # noqa: E402
import guest_images  # noqa: E402
import hiberfil  # noqa: E402
import oracle_rows  # noqa: E402
import oracle_run  # noqa: E402

GUESTS_64 = ["guests/x64.elf", "guests/x64pti.elf", "guests/lime.lime", "guests/win64.dmp",
             "guests/x64la57.lime", "guests/x64hole.lime", "guests/arm64.elf",
             "windows/rewind_cng.dmp"]
GUESTS_32 = ["guests/x86.lime", "guests/x86pae.elf", "guests/win32pae.dmp"]
SHORT = {"rewind_cng": "rewind"}
# every coding in turn, with the method bits of each generation and some that only later builds have
MIXED = ["plain", "huffman", "raw", ("plain", 4), ("huffman", 12), "huffman"]
MIXED_24H2 = ["plain", "huffman", "raw", ("huffman", 6), ("huffman", 2), ("huffman", 8), ("plain", 2)]
# roots that stand in a register of the guest: what a saved processor state would hold
SAVED_CR3 = {"x64": (0x2458000, 0x20, "x64"), "x86pae": (0x100B380, 0x20, "pae"),
             "x86": (0x1E94000, 0, "x86")}


class Guest:
    def __init__(self, name, folder):
        self.name = name
        base = os.path.basename(name).split(".")[0]
        self.short = SHORT.get(base, base)
        path = os.path.join(folder, os.path.basename(name))
        packed = os.path.join(ROOT, "testdata", name + ".zst")
        subprocess.run(["zstd", "-q", "-d", "-f", packed, "-o", path], check=True)
        self.pages = hiberfil.pages_of(guest_images.Image(path))
        self.rows = oracle_rows.read(
            os.path.join(ROOT, "testdata", name + ".expected.tsv.zst"))

    def shuffled(self):
        """The pages in an order of their own, short runs kept together."""
        runs = hiberfil.runs_of(sorted(self.pages))
        pieces = [range(first + i, first + min(i + 20, count))
                  for first, count in runs for i in range(0, count, 20)]
        random.Random(self.name).shuffle(pieces)
        return {frame: self.pages[frame] for piece in pieces for frame in piece}


def encoders_for(codings, encoders):
    wanted = {c[0] if isinstance(c, tuple) else c for c in codings} - {"raw"}
    return all(getattr(encoders, name) for name in wanted)


def write(folder, image):
    path = os.path.join(folder, "hiberfil.sys")
    with open(path, "wb") as f:
        f.write(image)
    return path


def check_rows(binary, folder, title, image, guest, claim=None):
    tally = oracle_run.Tally(title)
    path = write(folder, image)
    oracle_run.compare_all_roots(binary, path, guest.rows, tally)
    oracle_run.check_exceptions(guest.short, tally)
    if claim:
        own = oracle_run.Tally(title + ", as saved")
        oracle_run.compare_claims(binary, path, claim, guest.rows, own)
        return tally.report() & own.report()
    return tally.report()


def info(binary, path):
    done = subprocess.run([binary, "info", "--dump", path, "--json"], check=True,
                          stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


class Run:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.encoders = hiberfil.Encoders()
        self.results, self.left_out = [], 0
        self.guests = {}

    def guest(self, name):
        if name not in self.guests:
            self.guests[name] = Guest(name, self.folder)
        return self.guests[name]

    def modern(self, header, name, codings, **options):
        if not encoders_for(codings, self.encoders):
            self.left_out += 1
            return
        guest = self.guest(name)
        builder = hiberfil.Modern(header, self.encoders, codings, **options)
        pages = guest.shuffled()
        image = builder.build(pages, boot_frames=list(pages)[:37])
        good = check_rows(self.binary, self.folder, f"{header} {guest.short}", image, guest)
        said = info(self.binary, os.path.join(self.folder, "hiberfil.sys"))
        good &= said["format"] == "hiberfil" and said["memory"]["missing_pages"] == 0
        good &= said["facts"]["sets"] == len(builder.places)
        good &= said["memory"]["present_bytes"] == len(pages) * hiberfil.PAGE
        self.results.append(good)

    def legacy(self, header, name, wipe=False, **options):
        if not self.encoders.plain:
            self.left_out += 1
            return
        guest = self.guest(name)
        builder = hiberfil.Legacy(header, self.encoders, ("plain", "plain", "raw"), **options)
        saved = SAVED_CR3.get(guest.short)
        image = builder.build(guest.pages, *(saved[:2] if saved else ()))
        claim = saved and dict(root=saved[0], mode=saved[2], dtb_source="processor-state",
                               mode_source="processor-state")
        if wipe:
            image[:hiberfil.PAGE] = bytes(hiberfil.PAGE)
        title = f"{header} {guest.short}" + (", header wiped" if wipe else "")
        self.results.append(check_rows(self.binary, self.folder, title, image, guest, claim))

    def damaged(self, title, image, guest, lost, words):
        """Other rows stay right; a walk stops only at a frame that is lost; the damage is said."""
        path = write(self.folder, image)
        groups, wrong, stopped, right = {}, [], 0, 0
        for r in guest.rows:
            if r.exception == "-":
                groups.setdefault((r.mode, r.dtb), []).append(r)
        stderr = ""
        for (mode, dtb), rows in groups.items():
            options = ["--strict", "--mode", mode, "--dtb", hex(dtb)]
            records = list(oracle_run.run(self.binary, path, options, [r.va for r in rows]))
            stderr += records.pop()[1]
            if len(records) != len(rows):
                wrong.append(f"{len(records)} records of {len(rows)}")
            for row, record in zip(rows, records):
                if record["status"] == "table-not-in-image" != row.status:
                    stopped += 1
                    frame = int(record["walk"][-1]["entry_at"], 16) >> 12
                    if frame not in lost:
                        wrong.append(f"{row.va:#x} stops at frame {frame:#x}")
                elif oracle_run.disagreement(row, record) and not in_lost(row, lost):
                    wrong.append(f"{row.va:#x}: {oracle_run.disagreement(row, record)}")
                else:
                    right += 1
        if not stopped or not right:
            wrong.append(f"{stopped} walks stop at a lost page, {right} rows are right")
        if words not in stderr:
            wrong.append(f"nothing says {words!r}: {stderr!r}")
        print(f"{title:32} {right:7} rows right, {stopped} stopped by the damage"
              + (f"; WRONG: {wrong[:5]}" if wrong else ""), flush=True)
        self.results.append(not wrong)

    def finish(self):
        print(f"{sum(self.results)} of {len(self.results)} hibernation files agree"
              + (f"; {self.left_out} left out: libwim15 or samba-libs is not installed"
                 if self.left_out else ""))
        if not self.results:
            return 77
        return 0 if all(self.results) else 1


def in_lost(row, lost):
    return row.pa is not None and row.pa >> 12 in lost


def check_modern(run):
    for i, header in enumerate(hiberfil.MODERN):
        names = GUESTS_64 if header.startswith("modern64") else GUESTS_32
        codings = MIXED_24H2 if header == "modern64_4D8" else MIXED
        run.modern(header, names[0], codings)
        run.modern(header, names[1 + i % (len(names) - 1)], codings)
    run.modern("modern64_4D8", "guests/arm64.elf", MIXED_24H2)
    run.modern("modern64_3E0", "windows/rewind_cng.dmp", ["huffman"], signature=b"WAKE")
    run.modern("modern64_360", "guests/x64hole.lime", ["plain"], signature=b"RSTR", sizes=(16,))
    run.modern("modern32_2C8", "guests/x86pae.elf", ["raw"], signature=b"HORM", sizes=(1,))


def check_saved_root(run):
    """Registers of a modern file count only with a root of Windows behind them, as rewind's is."""
    if not run.encoders.huffman:
        run.left_out += 2
        return
    for name, root in (("windows/rewind_cng.dmp", 0x235500002), ("guests/x64.elf", 0x2458000)):
        guest = run.guest(name)
        image = hiberfil.Modern("modern64_448", run.encoders, ["huffman"]).build(
            guest.pages, cr3=root)
        path = write(run.folder, image)
        claims = info(run.binary, path)["dtb_claims"]
        if guest.short == "rewind":
            tally = oracle_run.Tally("modern64_448 rewind, as saved")
            oracle_run.compare_claims(run.binary, path, dict(
                root=root, mode="x64", dtb_source="processor-state",
                mode_source="processor-state"), guest.rows, tally)
            run.results.append(tally.report())
        else:
            run.results.append(claims == [])


def check_legacy(run):
    for header in hiberfil.LEGACY:
        for name in ("guests/x86.lime", "guests/x86pae.elf") if header.endswith("x86") else (
                "guests/x64.elf", "guests/x64hole.lime"):
            run.legacy(header, name)
    run.legacy("win7_x64", "guests/win64.dmp", signature=b"WAKE")
    run.legacy("xp_x86", "guests/win32pae.dmp", signature=b"wake")
    for header in ("xp_x86", "vista2_x86", "win7_x86"):
        run.legacy(header, "guests/x86pae.elf", wipe=True)
    for header in ("xp_x64", "vista2_x64", "win7_x64"):
        run.legacy(header, "guests/x64.elf", wipe=True)


def check_states(run):
    """Each state in words, with how much can be had; where that is nothing, a translation says so."""
    if not (run.encoders.plain and run.encoders.huffman):
        run.left_out += 1
        return
    guest = run.guest("guests/x64hole.lime")
    builder = hiberfil.Modern("modern64_3E0", run.encoders, MIXED, sizes=(4,))
    valid = bytes(builder.build(guest.pages, boot_frames=list(guest.pages)[:50]))
    pages = len(guest.pages)
    full, wiped = f"{pages} of {pages} pages", b"WAKE" + valid[4:0x1000] + bytes(len(valid) - 0x1000)
    cases = [(signature + valid[4:], state, words, full, None) for signature, state, words in (
        (b"HIBR", "valid", "not resumed from since"), (b"BRKP", "valid-break-on-resume", "debugger"),
        (b"WAKE", "consumed", "has resumed from this file"), (b"RSTR", "resuming", "was under way"),
        (b"HORM", "reusable", "resumed from many times"))]
    cases += [
        (wiped, "consumed", "has resumed", f"0 of {pages} pages", "the body of this hibernation file"),
        (b"link" + valid[4:], "link", "names the volume", "nothing", "only names the volume"),
        (bytes(len(valid)), "no-header", "no header", "nothing", "neither header nor pages"),
        (bytes(0x1000) + valid[0x1000:], "no-header", "no header",
         f"{pages} pages; nothing tells how many there were", None)]
    for image, state, words, recoverable, nothing in cases:
        path = write(run.folder, image)
        said = info(run.binary, path)
        facts = said["facts"]
        good = (facts["state"] == state and words in facts["state-meaning"]
                and facts["recoverable"] == recoverable and (said["memory"] is None) == bool(nothing))
        done = subprocess.run([run.binary, "--dump", path, "--dtb", "1000", "--mode", "x64", "0"],
                              capture_output=True, text=True, check=False)
        good &= done.returncode == (3 if nothing else 1) or done.returncode == 0 and not nothing
        good &= not nothing or nothing in done.stderr
        if not good:
            print(f"{state}: WRONG: {facts} {done.returncode} {done.stderr}")
        run.results.append(good)
    title = "modern64_3E0 x64hole, header wiped"
    run.results.append(check_rows(run.binary, run.folder, title, cases[-1][0], guest))


def table_set(builder, guest):
    """A set in the middle whose pages many walks go through, but not those of the roots."""
    roots = {r.dtb >> 12 for r in guest.rows}
    for place in builder.places[len(builder.places) // 2:]:
        if len(place[3]) > 4 and not roots & set(place[3]):
            return place
    raise AssertionError("no such set")


def check_damage(run):
    guest = run.guest("guests/x64.elf")
    if not (run.encoders.plain and run.encoders.huffman):
        run.left_out += 4
        return
    for coding in ("plain", "huffman"):
        builder = hiberfil.Modern("modern64_3E0", run.encoders, [coding])
        image = builder.build(guest.shuffled())
        head, data, stored, frames = table_set(builder, guest)
        image[data:data + stored] = b"\xff" * stored
        run.damaged(f"a damaged {coding} set", image, guest, set(frames), "damaged: a compression set")
    builder = hiberfil.Legacy("win7_x64", run.encoders)
    image = builder.build(guest.pages)
    head, data, stored, frames = table_set(builder, guest)
    image[data:data + stored] = b"\xff" * stored
    run.damaged("a damaged block", image, guest, set(frames), "damaged: a compression set")
    builder = hiberfil.Modern("modern64_448", run.encoders, ["huffman", "plain"])
    image = builder.build(guest.shuffled())
    cut = table_set(builder, guest)[0]
    lost = {frame for at, _, _, frames in builder.places if at >= cut for frame in frames}
    run.damaged("a truncated file", image[:cut + 9], guest, lost, "pages")


def check_corpus(run):
    """Whole guests, gigabytes of pages: one of each family."""
    if not os.environ.get("V2P_CORPUS") or not (run.encoders.plain and run.encoders.huffman):
        print("left out: whole guests (2 files); they need V2P_CORPUS and both encoders")
        return
    corpus = corpus_files.Corpus(os.environ["V2P_CORPUS"])
    for name, make in (("x64", lambda: hiberfil.Modern("modern64_4D8", run.encoders, MIXED_24H2)),
                       ("x86", lambda: hiberfil.Legacy("win7_x86", run.encoders))):
        image_name, _, _, _ = oracle_rows.describe(corpus, name)
        original = corpus.path("guests", name, image_name)
        pages = hiberfil.pages_of(guest_images.Image(original))
        guest = type("Whole", (), dict(short=name, rows=list(oracle_rows.guest_rows(corpus, name))))
        image = make().build(pages)
        run.results.append(check_rows(run.binary, run.folder, f"whole {name}", image, guest))
    corpus.close()


def main():
    with tempfile.TemporaryDirectory(prefix="v2p-hiberfil-") as folder:
        run = Run(os.path.abspath(sys.argv[1]), folder)
        check_modern(run)
        check_saved_root(run)
        check_states(run)
        check_legacy(run)
        check_damage(run)
        check_corpus(run)
        return run.finish()


if __name__ == "__main__":
    sys.exit(main())
