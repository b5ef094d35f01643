# --cache-dir: answers are those of a run without it, and what is kept is used only when it is of
# this image as it is now. The guests of testdata/ are real.
# SPDX-License-Identifier: Apache-2.0
"""usage: owner_cache_test.py V2P"""

import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

ADDRESSES = [hex(pa) for pa in range(0x1000000, 0x1400000, 0x7000)]
ANEW = "made anew"


class Runs:
    def __init__(self, binary, image, folder):
        self.binary, self.image, self.folder = binary, image, folder

    def owner(self, *more, cached=True):
        words = ["owner", "-f", self.image, *ADDRESSES, "--format", "ndjson", *more]
        done = subprocess.run([self.binary, *words,
                               *(["--cache-dir", self.folder] if cached else [])],
                              capture_output=True, text=True, timeout=300)
        assert done.returncode in (0, 1), done.stderr
        assert '"owners":[{' in done.stdout, "nobody owns any of these"
        return done.stdout, done.stderr

    def kept(self):
        return [os.path.join(self.folder, name) for name in sorted(os.listdir(self.folder))]


def damage(path, at, value=None):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]) if value is None else value)


def check_answers(runs):
    plain, _ = runs.owner(cached=False)
    assert not os.path.exists(runs.folder), "nothing is kept unless it is asked for"
    for _ in range(2):
        out, err = runs.owner()
        assert out == plain and ANEW not in err, err
    assert len(runs.kept()) == 1
    path = runs.kept()[0]
    assert os.stat(path).st_mode & 0o777 == 0o600
    return plain, path


def check_it_is_used(runs, path):
    """A kept file is not written again, and one of other options is another file."""
    before = os.stat(path).st_mtime_ns
    runs.owner()
    assert os.stat(path).st_mtime_ns == before
    runs.owner("--dtb", "0x1ffb4000", "--mode", "x64")
    assert len(runs.kept()) == 2


def check_damage(runs, plain, path):
    whole = open(path, "rb").read()
    step = max(1, len(whole) // 60)
    for at in [*range(0, 400, 16), *range(400, len(whole), step), len(whole) - 1]:
        damage(path, at)
        out, err = runs.owner()
        assert out == plain and ANEW in err, (at, err)
        assert open(path, "rb").read() == whole, "made anew and kept again"
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        os.truncate(path, length)
        out, err = runs.owner()
        assert out == plain and ANEW in err, (length, err)


def check_changed_image(runs, plain, path):
    """A page table that changes behind the back of size, time and head."""
    root = next(line for line in plain.splitlines() if '"dtb":"' in line)
    table = int(root.split('"dtb":"')[1].split('"')[0], 16)
    where = subprocess.run([runs.binary, "owner", "-f", runs.image, hex(table), "--format",
                            "ndjson"], capture_output=True, text=True, timeout=300).stdout
    offset = int(where.split('"file_offset":')[1].split(",")[0])
    times = os.stat(runs.image)
    damage(runs.image, offset + 8 * 100 + 3)
    os.utime(runs.image, ns=(times.st_atime_ns, times.st_mtime_ns))
    _, err = runs.owner()
    assert ANEW in err, err
    os.utime(runs.image, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    _, err = runs.owner()
    assert ANEW not in err and len(runs.kept()) == 3, "another time, another file"


def check_no_folder(runs, plain, folder):
    runs.folder = os.path.join(folder, "file")
    with open(runs.folder, "w", encoding="ascii"):
        pass
    out, err = runs.owner()
    assert out == plain and "--cache-dir" in err, err


def main():
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "guest.elf")
        packed = os.path.join(ROOT, "testdata", "guests", "x64.elf.zst")
        subprocess.run(["zstd", "-q", "-d", packed, "-o", image], check=True)
        os.chmod(image, 0o600)
        runs = Runs(sys.argv[1], image, os.path.join(folder, "kept"))
        plain, path = check_answers(runs)
        check_it_is_used(runs, path)
        check_damage(runs, plain, path)
        check_changed_image(runs, plain, path)
        check_no_folder(runs, plain, folder)
        shutil.rmtree(os.path.join(folder, "kept"))
    print("owners kept: answers, use, damage, changed images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
