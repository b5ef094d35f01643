# Every row beside every real image of testdata/, through the command line: all must agree.
# SPDX-License-Identifier: Apache-2.0
"""usage: oracle_test.py V2P"""

import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import guest_images  # noqa: E402
import oracle_run  # noqa: E402
import oracle_rows  # noqa: E402

# image -> the number of rows that must be there at least (the lists cannot shrink unseen)
IMAGES = {
    "guests/x64.elf": 23164, "guests/x64pti.elf": 11976, "guests/x86pae.elf": 8749,
    "guests/x86.lime": 9455, "guests/arm64.elf": 1057, "guests/lime.lime": 24323,
    "guests/win64.dmp": 20516, "guests/win32pae.dmp": 7294, "guests/x64la57.lime": 4559,
    "guests/x64hole.lime": 4734, "guests/x64swap.elf": 2100, "guests/x86paeswap.elf": 1900,
    "guests/arm64swap.elf": 1000, "windows/rewind_cng.dmp": 16674, "windows/arm64_first_mib.dmp": 53,
}
SHORT = {"rewind_cng": "rewind"}


def check(binary, name, least):
    base = os.path.basename(name).split(".")[0]
    guest = SHORT.get(base, base)
    image = os.path.join(ROOT, "testdata", name + ".zst")
    rows = oracle_rows.read(os.path.join(ROOT, "testdata", name + ".expected.tsv.zst"))
    tally = oracle_run.Tally(name)
    oracle_run.compare_all_roots(binary, image, rows, tally)
    oracle_run.check_exceptions(guest, tally)
    if sum(tally.agree.values()) < least:
        tally.fail(f"fewer than {least} rows")
    if not {"yes", "no"} <= {r.in_image for r in rows}:
        tally.fail("the rows do not speak of pages both in and out of the image")
    good = tally.report()
    for claim in oracle_run.CLAIMS.get(guest, []):
        own = oracle_run.Tally(f"  as claimed, {claim['dtb_source']}")
        oracle_run.compare_claims(binary, image, claim, rows, own)
        good &= own.report()
    return good


def check_ranges(binary):
    """The x86 guest again, as raw bytes whose places only --ranges tells."""
    rows = oracle_rows.read(os.path.join(ROOT, "testdata", "guests", "x86.lime.expected.tsv.zst"))
    packed = os.path.join(ROOT, "testdata", "guests", "x86.lime.zst")
    tally = oracle_run.Tally("guests/x86 as raw, --ranges")
    with tempfile.TemporaryDirectory() as folder:
        lime, raw = os.path.join(folder, "x86.lime"), os.path.join(folder, "x86.raw")
        subprocess.run(["zstd", "-q", "-d", packed, "-o", lime], check=True)
        image, places = guest_images.Image(lime), []
        with open(raw, "wb") as f:
            for first, size, offset in reversed(image.extents):
                places.append(f"{first:#x}-{first + size - 1:#x}@{f.tell():#x}")
                f.write(image.data[offset:offset + size])
        ranges = ["--as", "raw", "--ranges", ",".join(places)]
        oracle_run.compare_all_roots(binary, raw, rows, tally, ranges)
    oracle_run.check_exceptions("x86", tally)
    return tally.report()


def main():
    results = [check(sys.argv[1], name, least) for name, least in IMAGES.items()]
    results.append(check_ranges(sys.argv[1]))
    print(f"{sum(results)} of {len(results)} images agree")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
