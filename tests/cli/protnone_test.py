# PROT_NONE pages of real Linux guests: never an address, named, and the frame that their entries
# keep is the one that the guest's own kernel reported in /proc/self/pagemap.
# SPDX-License-Identifier: Apache-2.0
"""usage: protnone_test.py V2P      (needs V2P_CORPUS)"""

import json
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import corpus as corpus_files  # noqa: E402
import oracle_rows as oracles  # noqa: E402

LINUX_INSIDE = ["x64", "x64pti", "x86pae", "x86", "arm64", "lime", "win64", "win32pae"]


def pagemap(corpus, guest):
    """(root, va) -> pa of every page that the guest says is present in the process of that root."""
    _, mode, sleeping, regs = oracles.describe(corpus, guest)
    roots = oracles.process_roots(mode, sleeping, regs)
    truth = {}
    with open(corpus.path("guests", guest, "oracle.pagemap.jsonl"), encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["present"] and row["pa"]:
                for root in roots[row["pid"]]:
                    truth[root, int(row["va"], 16)] = int(row["pa"], 16)
    return truth


def check(binary, corpus, guest):
    image = corpus.path("guests", guest, oracles.GUESTS[guest][0])
    truth = pagemap(corpus, guest)
    rows = [r for r in oracles.guest_rows(corpus, guest) if r.exception == "protnone"]
    wrong, named = [], 0
    for row in rows:
        root = ["--mode", row.mode, "--dtb", hex(row.dtb)]
        root += ["--ttbr1", hex(row.ttbr1)] if row.ttbr1 is not None else []
        done = subprocess.run([binary, "--dump", image, "--format", "ndjson", *root, hex(row.va)],
                              capture_output=True, text=True, check=False)
        record = json.loads(done.stdout)
        if (done.returncode, record["status"], record["pa"]) != (1, "not-present", None):
            wrong.append(f"{row.va:#x}: {record['status']} {record['pa']}")
        elif record["state"] == "protnone":
            named += 1
            frame, want = record["nonresident"]["frame"], truth[row.dtb, row.va]
            if int(frame, 16) != want:
                wrong.append(f"{row.va:#x}: {frame}, not {want:#x}")
        else:
            wrong.append(f"{row.va:#x}: named {record['state']}")
    corpus.drop(image)
    print(f"{guest:10} {named} of {len(rows)} named, frames as in the guest's pagemap"
          + "".join("\n  " + w for w in wrong))
    return bool(rows) and not wrong


def main():
    if not os.environ.get("V2P_CORPUS"):
        print("skipped: PROT_NONE pages of full images (1 script); set V2P_CORPUS")
        return 77
    binary, corpus = os.path.abspath(sys.argv[1]), corpus_files.Corpus(os.environ["V2P_CORPUS"])
    try:
        results = [check(binary, corpus, guest) for guest in LINUX_INSIDE
                   if os.path.isdir(os.path.join(corpus.root, "guests", guest))]
    finally:
        corpus.close()
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
