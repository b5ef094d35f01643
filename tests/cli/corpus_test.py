# Full images and full oracles of a corpus (V2P_CORPUS), through the command line: all must agree.
# SPDX-License-Identifier: Apache-2.0
"""usage: corpus_test.py V2P      (V2P_CORPUS_UNPACKED may hold unpacked copies, same layout)

Also takes a corpus that scripts/make-guest wrote: its guests describe themselves in regs.json."""

import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import corpus as corpus_files  # noqa: E402
import oracle_run  # noqa: E402
import oracle_rows as oracles  # noqa: E402

# Files that hold no memory to walk: exit status of `info`, of a translation, and what must be said.
SHOWN = [
    ("windows/headers/dumpit_x64_19045_first16KiB.dmp", 0, None,
     ["full", "x64", "19045", "0x1ad002", "root 0x1ad000", "2024-10-12T12:57:59", "523910"]),
    ("windows/headers/livekd_x64_header.dmp", 0, None,
     ["full", "x64", "9200", "0x3e6b1a000", "LiveKD live system view", "4193391"]),
    ("windows/headers/livekd_x86pae_header.dmp", 0, None,
     ["full", "x86", "7601", "0xbf62f2e0", "pae", "LiveKD live system view", "786301"]),
    ("windows/triage/triage_x64_19041.dmp", 0, 3,
     ["triage", "x64", "19041", "0x1ad000", "0xfffff8047ba00000", "0xfffff8047c61e200", "System"]),
    ("windows/triage/triage_arm64_22000.dmp", 0, 3,
     ["triage", "arm64", "22000", "0x946aa000", "0xfffff803f2e00000", "0xfffff803f3a1d1c0"]),
    ("elfcore/dumpit-linux_rhel7_kcore", 3, 3, ["kcore"]),
    ("elfcore/dumpit-linux_ubuntu22.04-arm64_kcore", 3, 3, ["kcore"]),
    ("elfcore/pn_xnum_131070_segments.core.gz", 3, 3, ["gzip"]),
    ("elfcore/pn_xnum_131070_segments.core", 0, None, ["131070"]),
    ("other/user_minidump_calc.dmp", 3, 3, ["minidump"]),
    ("lime/deb-x86_64-slice.lime", 0, None, ["1000", "9ffff"]),
]


def check_rows(binary, name, image, rows, claims, exceptions):
    tally = oracle_run.Tally(name)
    oracle_run.compare_all_roots(binary, image, rows, tally)
    if dict(tally.excepted) != exceptions:
        tally.fail(f"exceptions {dict(tally.excepted)}, expected exactly {exceptions}")
    good = tally.report() and sum(tally.agree.values()) > 0
    total = sum(tally.agree.values())
    for claim in claims:
        own = oracle_run.Tally(f"  as claimed, {claim['dtb_source']}")
        oracle_run.compare_claims(binary, image, claim, rows, own)
        good &= own.report()
        total += sum(own.agree.values())
    return good, total


def made_guest(regs, rows):
    """Claims and exceptions of a guest that scripts/make-guest took."""
    exceptions = {"protnone": 4 * len(regs["vcpus"])}
    hidden = sum(r.exception == "el0" for r in rows)
    if hidden:
        exceptions["el0"] = hidden
    if not regs["image"].endswith(".elf") or regs["mode"] == "arm64":
        return [], exceptions  # raw memory and QEMU's ARM notes name no root
    cpu = next((v["vcpu"] for v in regs["vcpus"] if v["cpl"] == 0), 0)
    claim = dict(root=regs["vcpus"][cpu]["cr3"], mode=regs["mode"], mode_source="cpu-note",
                 dtb_source=f"cpu{cpu}-note")
    return [claim], exceptions


def check_guests(binary, corpus):
    for guest in sorted(os.listdir(os.path.join(corpus.root, "guests"))):
        if guest == "tables":
            continue
        image, _, _, regs = oracles.describe(corpus, guest)
        rows = list(oracles.guest_rows(corpus, guest))
        claims, exceptions = oracle_run.CLAIMS.get(guest, []), oracle_run.EXCEPTIONS.get(guest, {})
        if "image" in regs:
            claims, exceptions = made_guest(regs, rows)
        path = corpus.path("guests", guest, image)
        yield check_rows(binary, "guests/" + image, path, rows, claims, exceptions)
        corpus.drop(path)


def check_tables(binary, corpus):
    for name, mode in oracles.TABLES.items():
        folder = ("guests", "tables")
        rows = list(oracles.monitor_rows(corpus.path(*folder, name + ".oracle.jsonl"), mode))
        path = corpus.path(*folder, name + ".lime")
        yield check_rows(binary, "guests/tables/" + name, path, rows, [], {})


def check_windows(binary, corpus):
    rows = list(oracles.rewind_rows(corpus))
    wrapped = {"wrapped.lime": [], "wrapped.bitmapkernel.dmp": oracle_run.CLAIMS["rewind"]}
    for name, claims in wrapped.items():
        path = corpus.path("windows", "rewind_cng_safeguarded", name)
        yield check_rows(binary, "windows/" + name, path, rows, claims, {})
    path = corpus.path("windows", "first1MiB_arm64_19042.dmp")
    rows = list(oracles.arm_slice_rows(corpus))
    yield check_rows(binary, "windows/first1MiB_arm64", path, rows, [], {})


def run_tool(binary, *arguments):
    p = subprocess.run([binary, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True)
    return p.returncode, p.stdout, p.stderr


def check_shown(binary, corpus, name, info_status, walk_status, words):
    """`info` says what the file is; where nothing can be translated the refusal is one line."""
    wrong = []
    path = corpus.path(*name.split("/"))
    status, out, err = run_tool(binary, "info", "--dump", path)
    said = out + err
    if status != info_status:
        wrong.append(f"info exits {status}: {err.strip()}")
    wrong += [f"info does not say {w!r}" for w in words if w.lower() not in said.lower()]
    if info_status and err.count("\n") != 1:
        wrong.append(f"the refusal is not one line: {err!r}")
    if walk_status is not None:
        status, out, err = run_tool(binary, "--dump", path, "fffff80000000000")
        if status != walk_status or out or err.count("\n") != 1:
            wrong.append(f"translation exits {status}: {out!r} {err!r}")
    print(f"{name:52} {'; '.join(wrong) or ('refused by name' if info_status else 'shown')}")
    return not wrong


def main():
    if not os.environ.get("V2P_CORPUS"):
        print("skipped: the tests on full images (1 script); set V2P_CORPUS to the corpus's folder")
        return 77
    binary, corpus = os.path.abspath(sys.argv[1]), corpus_files.Corpus(os.environ["V2P_CORPUS"])
    try:
        results = list(check_guests(binary, corpus))
        if os.path.isdir(os.path.join(corpus.root, "windows")):
            results += check_tables(binary, corpus)
            results += check_windows(binary, corpus)
            results += [(check_shown(binary, corpus, *case), 0) for case in SHOWN]
    finally:
        corpus.close()
    good = sum(1 for ok, _ in results if ok)
    print(f"{good} of {len(results)} files agree; {sum(n for _, n in results)} answers compared")
    return 0 if good == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
