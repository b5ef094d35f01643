# Runs v2p over the rows of an oracle, one process a root, and compares every answer.
# SPDX-License-Identifier: Apache-2.0

import collections
import json
import subprocess
import tempfile

import page_tables


class Tally:
    """Counts by oracle; keeps the first disagreements for the report."""

    def __init__(self, name):
        self.name = name
        self.agree = collections.Counter()
        self.excepted = collections.Counter()
        self.wrong = []

    def fail(self, text):
        self.wrong.append(text)

    def report(self):
        counts = ", ".join(f"{k} {n}" for k, n in sorted(self.agree.items()))
        skipped = ", ".join(f"{k} {n}" for k, n in sorted(self.excepted.items()))
        rows = sum(self.agree.values())
        print(f"{self.name:32} {rows:7} rows agree ({counts})"
              + (f"; excepted: {skipped}" if skipped else "")
              + (f"; {len(self.wrong)} WRONG" if self.wrong else ""), flush=True)
        for text in self.wrong[:10]:
            print("    " + text)
        return not self.wrong


def _number(text):
    return None if text is None else int(text, 16)


def disagreement(row, record):
    """What differs between a row and a record of v2p, or None."""
    if _number(record["va"]) != row.va:
        return f"answers {record['va']}"
    if record["status"] != row.status:
        return f"status {record['status']}"
    pa = _number(record["pa"])
    if row.exception != "shared" and pa != row.pa:  # of `shared` the source gives no address
        return f"pa {record['pa']}"
    if (pa is not None) != (row.status == "mapped"):
        return f"status {row.status} with pa {record['pa']}"
    if (_number(record["hresult"]) == 0) != (row.status == "mapped"):
        return f"hresult {record['hresult']}"
    size = record["page_bytes"]
    if row.page_bytes == "large" and size not in (0x200000, 0x40000000):
        return f"page_bytes {size}"
    if row.page_bytes not in ("-", "large") and size != int(row.page_bytes):
        return f"page_bytes {size}"
    if row.in_image != "-" and record["page_in_image"] != (row.in_image == "yes"):
        return f"page_in_image {record['page_in_image']}"
    return None


def run(binary, image, options, addresses):
    """Yields v2p's records for the addresses; the last item is (exit status, stderr)."""
    with tempfile.TemporaryFile("w+") as stdin, tempfile.TemporaryFile("w+") as stderr:
        stdin.writelines(f"{va:#x}\n" for va in addresses)
        stdin.seek(0)
        command = [binary, "--dump", image, "--addresses", "-", "--format", "ndjson", *options]
        with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr,
                              text=True) as p:
            for line in p.stdout:
                yield json.loads(line)
        stderr.seek(0)
        yield p.returncode, stderr.read()


def compare(binary, image, options, rows, tally, claim=None):
    """One run. `claim` is a dict of fields that every record must carry (dtb, mode, sources)."""
    rows = list(rows)
    count, tail = 0, None
    for record in run(binary, image, ["--strict", *options], [r.va for r in rows]):
        if isinstance(record, tuple):
            tail = record
            break
        if count >= len(rows) or record.get("schema") != "v2p.translation/1":
            tally.fail(f"unexpected record {record}")
            break
        row = rows[count]
        count += 1
        what = disagreement(row, record)
        for key, value in (claim or {}).items():
            if record[key] != value:
                what = what or f"{key} {record[key]}, expected {value}"
        if what:
            tally.fail(f"{' '.join(options)} {row.va:#x}: {what}; {row.oracle} has {row.line()}")
        elif row.exception == "-":
            tally.agree[row.oracle] += 1
        else:
            tally.excepted[row.exception] += 1
    expected = 0 if all(r.status == "mapped" for r in rows) else 1
    if count != len(rows) or tail is None or tail[0] != expected:
        tally.fail(f"{' '.join(options)}: {count} of {len(rows)} records, status and errors {tail}")


def compare_all_roots(binary, image, rows, tally, extra=()):
    """Every row under the root that it names; rows that the source could not answer are counted."""
    groups = collections.defaultdict(list)
    for r in rows:
        if r.exception == "el0":
            tally.excepted["el0"] += 1
        else:
            groups[r.mode, r.dtb, r.ttbr1].append(r)
    for (mode, dtb, ttbr1), group in groups.items():
        upper = ["--ttbr1", hex(ttbr1)] if ttbr1 is not None else []
        compare(binary, image, ["--mode", mode, "--dtb", hex(dtb), *upper, *extra], group, tally)


def compare_claims(binary, image, claim, rows, tally):
    """Without --dtb and --mode: the image names its root; only that root's rows are asked."""
    mine = [r for r in rows if r.dtb == claim["root"] and r.exception == "-"]
    before = sum(tally.agree.values())
    root = page_tables.root_address(claim["mode"], claim["root"])  # without PCID bits
    fields = {"dtb_source": claim["dtb_source"], "mode": claim["mode"],
              "mode_source": claim["mode_source"], "dtb": f"{root:#018x}"}
    compare(binary, image, claim.get("options", []), mine, tally, fields)
    if not mine or sum(tally.agree.values()) - before == 0:
        tally.fail("no row was compared under the root that the image claims")


# What each image says of itself, by the name of the guest (control registers: its regs.json).
CLAIMS = {
    "x64": [dict(root=0x2458000, mode="x64", mode_source="cpu-note", dtb_source="cpu0-note"),
            dict(root=0x2456000, mode="x64", mode_source="cpu-note", dtb_source="cpu1-note",
                 options=["--cpu", "1"])],
    "x64pti": [dict(root=0x38F8000, mode="x64", mode_source="cpu-note", dtb_source="cpu0-note")],
    "x86pae": [dict(root=0x100B380, mode="pae", mode_source="cpu-note", dtb_source="cpu1-note")],
    "win64": [dict(root=0x105238000, mode="x64", mode_source="header", dtb_source="header")],
    "win32pae": [dict(root=0x1CF22A0, mode="pae", mode_source="header", dtb_source="header")],
    "rewind": [dict(root=0x235500002, mode="x64", mode_source="header", dtb_source="header")],
}
# PROT_NONE pages (four a process root), first shared pages (one) and rows the stopped CPU hid.
EXCEPTIONS = {
    "x64": dict(protnone=12, shared=3), "x64pti": dict(protnone=16, shared=4),
    "x86pae": dict(protnone=12, shared=3), "x86": dict(protnone=12, shared=3),
    "arm64": dict(protnone=12, shared=3, el0=150), "lime": dict(protnone=12, shared=3),
    "win64": dict(protnone=12, shared=3), "win32pae": dict(protnone=12, shared=3),
    "x64swap": dict(protnone=8), "x86paeswap": dict(protnone=8), "arm64swap": dict(protnone=8),
}


def check_exceptions(name, tally):
    if dict(tally.excepted) != EXCEPTIONS.get(name, {}):
        tally.fail(f"exceptions {dict(tally.excepted)}, not exactly {EXCEPTIONS.get(name, {})}")
