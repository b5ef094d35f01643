# The tool from outside: schemas, exit statuses, pipes, signals, and files that change under it.
# SPDX-License-Identifier: Apache-2.0
"""usage: cli_test.py V2P [unittest arguments]

JSON is checked by python3-jsonschema against schema/, CSV by Python's csv module.
"""
import csv
import hashlib
import io
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import windows_dump as dump  # noqa: E402

V2P = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
MAPPED = 0xFFFFF80000001000
ABSENT_PAGE = 0xFFFFF80000002000  # maps, but its page is not in the image
ZERO = 0xFFFFF80000003000
NO_TABLE = 0xFFFFFA0000000000
NON_CANONICAL = 0x8000000000000000
DATA_FRAME = 0x20


def schema(name):
    with open(os.path.join(ROOT, "schema", f"v2p-{name}-1.json"), encoding="utf-8") as file:
        return json.load(file)


SCHEMAS = {f"v2p.{n}/1": schema(n) for n in ("translation", "translations", "error", "info",
                                             "formats", "root", "roots", "process",
                                             "orphan-root", "processes", "mapping", "mappings",
                                             "owner", "owners", "atlas")}


def validate(value):
    """Checks a document against the schema it names."""
    jsonschema.Draft202012Validator(SCHEMAS[value["schema"]]).validate(value)
    return value


def processor_seconds(pid):
    """proc(5): utime and stime are fields 14 and 15 of stat, the name in field 2 may have spaces."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def made_tables():
    made = dump.X64Tables()
    made.set(MAPPED, 4, DATA_FRAME << 12 | 0x63)
    made.set(ABSENT_PAGE, 4, 0x7000000 | 0x63)
    made.set(NO_TABLE, 1, 0x7FFF000 | 0x63)
    return made


def raw_image(made):
    """The pages as raw memory, one page longer than they need."""
    pages = made.image([DATA_FRAME])
    image = bytearray((max(pages) + 2) << 12)
    for frame, data in pages.items():
        image[frame << 12:(frame << 12) + 4096] = data
    return bytes(image)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.made = made_tables()
        self.raw = self.write("image.raw", raw_image(self.made))
        root = self.made.root << 12
        self.root = ["--mode", "x64", "--dtb", hex(root)]
        # These tables belong to no kernel, which v2p finds and says.
        self.doubt = (f"v2p: {self.raw}: root {root:#x} (user) could not be verified as one of "
                      "Windows or Linux (v2p dtb --explain shows why)\n")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        return self.path(name)

    def dmp(self, **options):
        return self.write("image.dmp", dump.full(self.made.image([DATA_FRAME]),
                                                 self.made.root << 12, **options))

    def run_v2p(self, *arguments, text=True, **options):
        return subprocess.run([V2P, *arguments], capture_output=True, text=text, timeout=120,
                              check=False, **options)

    def translate(self, *arguments, **options):
        return self.run_v2p("-f", self.raw, *self.root, *arguments, **options)


class Json(Case):
    ALL = [hex(v) for v in (MAPPED, ABSENT_PAGE, ZERO, NO_TABLE, NON_CANONICAL)]

    def test_ndjson_records(self):
        done = self.translate("--format", "ndjson", *self.ALL)
        self.assertEqual((done.returncode, done.stderr), (1, self.doubt))
        records = [validate(json.loads(line)) for line in done.stdout.splitlines()]
        self.assertEqual([r["status"] for r in records],
                         ["mapped", "mapped", "not-present", "table-not-in-image",
                          "non-canonical"])
        self.assertEqual([r["input"] for r in records], self.ALL)
        first = records[0]
        self.assertEqual(list(first), [
            "schema", "image", "input", "va", "status", "state", "reason", "pa", "page_bytes",
            "page_in_image", "file_offset", "hresult", "offsets_hresult", "stop", "levels",
            "offsets", "mode", "mode_source", "dtb", "dtb_source", "confidence",
            "walk", "nonresident"])
        self.assertEqual(first["confidence"], 0)
        self.assertEqual(list(first["walk"][0]),
                         ["level", "index", "entry_at", "entry", "file_offset", "flags"])
        self.assertEqual((first["pa"], first["file_offset"], first["levels"]),
                         (f"0x{DATA_FRAME << 12:016x}", DATA_FRAME << 12, 6))
        for step in first["walk"]:  # the file itself is the oracle of where entries are
            with open(self.raw, "rb") as file:
                file.seek(step["file_offset"])
                self.assertEqual(int(step["entry"], 16), struct.unpack("<Q", file.read(8))[0])
        self.assertIs(records[1]["page_in_image"], False)

    def test_json_document_holds_the_same_records(self):
        lines = self.translate("--format", "ndjson", *self.ALL).stdout.splitlines()
        done = self.translate("--json", *self.ALL)
        document = validate(json.loads(done.stdout))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(document["translations"], [json.loads(line) for line in lines])
        self.assertIsNone(document["error"])

    def test_empty_list_is_an_empty_document(self):
        done = self.translate("--json", "--addresses", self.write("none.txt", "# none\n"))
        self.assertEqual(done.returncode, 0)
        self.assertEqual(validate(json.loads(done.stdout))["translations"], [])

    def test_csv_says_what_the_record_says(self):
        records = [json.loads(line) for line in
                   self.translate("--format", "ndjson", *self.ALL).stdout.splitlines()]
        done = self.translate("--format", "csv", *self.ALL, text=False)
        self.assertEqual(done.stdout.count(b"\r\n"), 6)
        rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
        flat = {None: "", True: "true", False: "false"}
        for row, record in zip(rows, records, strict=True):
            record["offsets"] = " ".join(record["offsets"])
            del record["walk"]
            self.assertEqual(row, {k: flat[v] if v is None or v is True or v is False else str(v)
                                   for k, v in record.items()})

    def test_failures_are_records_too(self):
        for form in ("json", "ndjson"):
            for image in (self.path("missing.dmp"), self.write("magic.dmp", b"PAGEDU64")):
                done = self.run_v2p("-f", image, "--format", form, "0")
                self.assertEqual(done.returncode, 3)
                error = validate(json.loads(done.stdout))
                self.assertEqual((error["schema"], error["image"]), ("v2p.error/1", image))
                self.assertEqual(len(done.stderr.splitlines()), 1)
                self.assertTrue(done.stderr.startswith(f"v2p: {image}: "), done.stderr)

    def test_info_formats_and_errors(self):
        for image in (self.raw, self.dmp()):
            done = self.run_v2p("info", "--json", "-f", image)
            info = validate(json.loads(done.stdout))
            self.assertEqual((done.returncode, info["image"]), (0, image))
            held = sum(run["bytes"] for run in info["memory"]["runs"])
            self.assertEqual(info["memory"]["present_bytes"], held)
        self.assertEqual(info["dtb_claims"][0]["dtb"], f"0x{self.made.root << 12:016x}")
        self.assertIs(info["dtb_claims"][0]["mode_assumed"], True)
        self.assertEqual(info["format"], "windows-crash-dump")
        formats = validate(json.loads(self.run_v2p("formats", "--json").stdout))
        self.assertIn("windows-crash-dump", [f["name"] for f in formats["formats"] if f["read"]])

    def test_schema_command_prints_the_files(self):
        everything = json.loads(self.run_v2p("schema").stdout)
        self.assertEqual(everything, SCHEMAS)
        for name, text in everything.items():
            self.assertEqual(json.loads(self.run_v2p("schema", name).stdout), text)
            jsonschema.Draft202012Validator.check_schema(text)
        self.assertEqual(self.run_v2p("schema", "v2p.nothing/1").returncode, 2)

    def test_assumed_mode_is_said(self):
        document = validate(json.loads(self.run_v2p("-f", self.dmp(), "--json",
                                                    hex(MAPPED)).stdout))
        self.assertIs(document["mode_assumed"], True)
        self.assertEqual((document["dtb_source"], document["mode_source"]), ("header", "header"))
        self.assertIn("assumed", self.run_v2p("-f", self.dmp(), hex(MAPPED)).stdout)


class Statuses(Case):
    def test_translated_or_not(self):
        self.assertEqual(self.translate(hex(MAPPED)).returncode, 0)
        self.assertEqual(self.translate(hex(ABSENT_PAGE)).returncode, 0)
        for address in (ZERO, NO_TABLE, NON_CANONICAL):
            self.assertEqual(self.translate(hex(MAPPED), hex(address)).returncode, 1)

    def test_usage(self):
        for arguments in (
                [], ["0"], ["--dump", self.raw], ["-f", self.raw, "zz"], ["-f", self.raw, "10-"],
                ["-f", self.raw, "--bogus", "0"], ["-f", self.raw, "--format", "xml", "0"],
                ["-f", self.raw, "--mode", "x65", "0"], ["-f", self.raw, "--dtb", "q", "0"],
                ["-f", self.raw, "--as", "nothing", "0"], ["info"], ["info", "-f", self.raw, "0"],
                ["info", "-f", self.raw, "--format", "csv"], ["pack", self.raw],
                ["-f", self.raw, "--json", "--format", "csv", "0"],
                ["-f", self.raw, "--ranges", "0-1000", "--dtb", "0", "0"],
                ["-f", self.raw, "--dtb", "0", "--cpu", "0", "0"],
                ["-f", self.raw, *self.root, "--ttbr1", "0", "0"],
                ["-f", self.raw, "--offsets-size", "-1", "0"],
                ["-f", self.raw, "--addresses", self.path("missing"), "0"]):
            done = self.run_v2p(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), (arguments, done.stderr))
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertTrue(done.stderr.startswith("v2p: "), done.stderr)

    def test_no_image_root_or_mode(self):
        for arguments, word in (
                (["-f", self.path("missing"), "0"], "No such file"),
                (["-f", self.folder.name, "0"], "directory"),
                (["-f", self.raw, "0"], "--dtb"),
                (["-f", self.raw, "--dtb", "1000", "0"], "--mode"),
                (["-f", self.dmp(), "--cpu", "7", "0"], "--cpu 7")):
            done = self.run_v2p(*arguments)
            self.assertEqual((done.returncode, done.stdout), (3, ""), arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(word, done.stderr)

    def test_32_bit_addresses_are_zero_or_sign_extended(self):
        image = bytearray(0x5000)  # large pages at 0 under 0x400000 and 0x80400000
        for index in (1, 0x201):
            struct.pack_into("<I", image, 0x1000 + 4 * index, 0xE3)
        for index in (0, 2):
            struct.pack_into("<Q", image, 0x2000 + 8 * index, 0x3001)
        struct.pack_into("<Q", image, 0x3000 + 8 * 2, 0xE3)
        image = self.write("image32.raw", image)
        good = ["0x400123", "0x80400123", "0xffffffff80400123"]
        bad = ["0xffffffff00400123", "0x180400123", "0xfffffffe80400123", "0x7fffffff80400123",
               "0x100000000400123"]
        for mode, root in (("x86", "0x1000"), ("pae", "0x2000")):
            command = ["-f", image, "--mode", mode, "--dtb", root, "--format", "ndjson"]
            records = [validate(json.loads(line)) for line in
                       self.run_v2p(*command, *good, *bad).stdout.splitlines()]
            self.assertEqual([(r["status"], r["pa"]) for r in records],
                             [("mapped", "0x0000000000000123")] * len(good) +
                             [("non-canonical", None)] * len(bad))
            for record in records[len(good):]:
                self.assertEqual((record["hresult"], record["levels"], record["walk"]),
                                 ("0xd0000147", 0, []))
            self.assertEqual(self.run_v2p(*command, *bad).returncode, 1)

    def test_options_stand_before_or_after_the_command(self):
        want = self.run_v2p("info", "-f", self.raw, "--json")
        self.assertEqual(want.returncode, 0)
        for arguments in (["-f", self.raw, "--json", "info"], ["-f", self.raw, "info", "--json"],
                          ["--format", "json", "info", "--dump", self.raw]):
            self.assertEqual(self.run_v2p(*arguments).stdout, want.stdout)

    def test_malformed_word_in_a_list_names_its_line(self):
        listed = self.write("hits.txt", f"{MAPPED:#x}\n\n{MAPPED:#x} what?\n{MAPPED:#x}\n")
        done = self.translate("--format", "ndjson", "--addresses", listed)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{listed}:3: 'what?'", done.stderr)
        *records, error = [validate(json.loads(line)) for line in done.stdout.splitlines()]
        self.assertEqual([r["status"] for r in records], ["mapped", "mapped"])
        self.assertEqual((error["schema"], error["error"]), ("v2p.error/1", "usage"))
        document = validate(json.loads(self.translate("--json", "--addresses", listed).stdout))
        self.assertEqual((len(document["translations"]), document["error"]["error"]),
                         (2, "usage"))

    def test_quiet_and_notes(self):
        arguments = ["-f", self.dmp(), hex(MAPPED), hex(MAPPED)]
        self.assertIn("assumed", self.run_v2p(*arguments).stderr)
        self.assertEqual(self.run_v2p("-q", *arguments).stderr, "")

    def test_empty_values_are_no_defaults(self):
        for option in ("--dtb", "--mode", "--ranges", "--addresses", "--ttbr1", "--as"):
            done = self.run_v2p("-f", self.raw, option, "", "0")
            self.assertEqual(done.returncode, 2, option)
            self.assertIn("empty", done.stderr)

    def test_upper_root_is_the_users(self):
        done = self.run_v2p("-f", self.dmp(machine=0xAA64), "--ttbr1", "5000", "--format", "ndjson",
                            "ffff800000000000", "0")
        upper, lower = (json.loads(line) for line in done.stdout.splitlines())
        self.assertEqual((upper["dtb"], upper["dtb_source"]), ("0x0000000000005000", "user"))
        self.assertEqual(lower["dtb_source"], "header")

    def test_low_bits_of_a_root_are_dropped_and_said(self):
        done = self.run_v2p("-f", self.raw, "--mode", "x64", "--dtb",
                            hex(self.made.root << 12 | 0x8000000000000002), hex(MAPPED))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("dropped", done.stdout)

    def test_pack(self):
        packed = self.path("image.zst")
        done = self.run_v2p("pack", self.raw, packed)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.run_v2p("pack", self.raw, packed).returncode, 2)
        self.assertEqual(self.run_v2p("pack", "--force", self.raw, packed).returncode, 0)
        record = json.loads(self.run_v2p("-f", packed, *self.root, "--format", "ndjson",
                                         hex(MAPPED)).stdout)
        validate(record)
        self.assertIsNone(record["file_offset"])  # compressed: no byte lies verbatim in the file
        self.assertEqual(record["pa"], f"0x{DATA_FRAME << 12:016x}")
        self.assertEqual(self.run_v2p("pack", self.path("missing"), packed).returncode, 3)


class Streams(Case):
    def test_closed_pipe_is_no_error(self):
        command = [V2P, "-f", self.raw, *self.root, "--format", "ndjson", f"{MAPPED:#x}+10000000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.assertTrue(process.stdout.readline())
            process.stdout.close()
            self.assertEqual(process.stderr.read(), self.doubt.encode())
            self.assertEqual(process.wait(60), 0)

    def test_full_disk_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([V2P, "-f", self.raw, *self.root, hex(MAPPED)], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("standard output: No space left", done.stderr)

    def test_same_bytes_twice(self):
        for form in ("text", "json", "ndjson", "csv", "windbg"):
            arguments = ["--format", form, *Json.ALL]
            self.assertEqual(self.translate(*arguments).stdout, self.translate(*arguments).stdout)
        self.assertEqual(self.run_v2p("info", "-f", self.dmp()).stdout,
                         self.run_v2p("info", "-f", self.dmp()).stdout)

    def test_a_million_addresses_in_constant_memory(self):
        count = 1_000_000
        listed = self.write("many.txt", f"{MAPPED:#x}\n" * count)
        few = self.write("few.txt", f"{MAPPED:#x}\n" * 1000)
        # A sanitizer keeps what was freed for a while; that is its memory and not the tool's.
        small_quarantine = {"ASAN_OPTIONS": "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}
        peaks = {}
        for name, path in (("few", few), ("many", listed)):
            with open(self.path("out"), "wb") as out:
                process = subprocess.Popen([V2P, "-f", self.raw, *self.root, "--format", "csv",
                                            "--addresses", path], stdout=out,
                                           env={**os.environ, **small_quarantine})
                _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0)
            peaks[name] = usage.ru_maxrss
        with open(self.path("out"), "rb") as out:
            self.assertEqual(sum(1 for _ in out), count + 1)
        self.assertLess(peaks["many"] - peaks["few"], 2048, peaks)  # KiB

    def test_answers_leave_as_addresses_come(self):
        command = [V2P, "-f", self.raw, *self.root, "--format", "ndjson", "--addresses", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            for _ in range(3):
                process.stdin.write(f"{MAPPED:#x}\n".encode())
                process.stdin.flush()
                self.assertEqual(json.loads(process.stdout.readline())["status"], "mapped")
            process.stdin.close()
            self.assertEqual(process.wait(60), 0)

    def test_interrupt_closes_the_document(self):
        command = [V2P, "-f", self.raw, *self.root, "--json", "--addresses", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            process.stdin.write(f"{MAPPED:#x}\n".encode())
            process.stdin.flush()
            out = b""
            while b'"walk"' not in out:  # the record has left, though no line break has yet
                out += os.read(process.stdout.fileno(), 65536)
            process.send_signal(signal.SIGINT)
            out += process.stdout.read()
            self.assertEqual((process.wait(60), process.stderr.read()), (130, b""))
        document = validate(json.loads(out))
        self.assertEqual(len(document["translations"]), 1)
        self.assertEqual(document["error"]["error"], "interrupted")

    def test_interrupted_search(self):
        huge = self.write("huge.raw", b"")
        os.truncate(huge, 1 << 40)  # a hole: no disk, and more than is searched before the signal
        command = [V2P, "-f", huge, "--as", "raw", "-q", "--json", "0xfffff80000000000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.addCleanup(process.kill)
            while processor_seconds(process.pid) < 0.5:  # more than it takes to begin
                self.assertIsNone(process.poll())
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(validate(json.loads(out))["error"], "interrupted")

    def test_interrupted_pack_leaves_no_file(self):
        huge = self.write("huge.raw", b"")
        os.truncate(huge, 1 << 40)  # a hole: no disk, and more than is packed before the signal
        kept = self.write("kept.zst", b"from before")
        before = sorted(os.listdir(self.folder.name))
        for arguments in (["pack", huge, self.path("new.zst")], ["pack", "--force", huge, kept]):
            with subprocess.Popen([V2P, *arguments], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as process:
                self.addCleanup(process.kill)
                while not self.begun(before):
                    self.assertIsNone(process.poll())
                    time.sleep(0.01)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.communicate(timeout=60), (b"", b""))
                self.assertEqual(process.returncode, 130)
            self.assertEqual(sorted(os.listdir(self.folder.name)), before)
        with open(kept, "rb") as file:
            self.assertEqual(file.read(), b"from before")

    def begun(self, before):
        """Whether a file that was not there before has bytes."""
        new = set(os.listdir(self.folder.name)) - set(before)
        return any(os.path.getsize(self.path(name)) > 0 for name in new)


class Evidence(Case):
    def test_the_image_stays_as_it_is(self):
        image = self.dmp()
        os.utime(image, ns=(10**18, 10**18))

        def state():
            with open(image, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            info = os.stat(image)
            return digest, info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_mode

        before = state()
        for arguments in (["info"], [hex(MAPPED), hex(ZERO)], ["--json", "--as", "raw", "0",
                                                               *self.root]):
            self.run_v2p("-f", image, *arguments)
        self.run_v2p("pack", image, self.path("packed.zst"))
        self.assertEqual(state(), before)
        self.assertEqual(sorted(os.listdir(self.folder.name)),
                         ["image.dmp", "image.raw", "packed.zst"])

    def test_read_only_files_are_enough(self):
        image = self.dmp()
        os.chmod(image, 0o444)
        self.assertEqual(self.run_v2p("-f", image, hex(MAPPED)).returncode, 0)

    def shrink(self, size):
        """Translates once, cuts the file, asks again; gives status, second output and stderr."""
        command = [V2P, "-f", self.raw, *self.root, "--format", "ndjson", "--addresses", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            process.stdin.write(f"{MAPPED:#x}\n")
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())["status"], "mapped")
            os.truncate(self.raw, size)
            process.stdin.write(f"{MAPPED:#x}\n{ZERO:#x}\n")
            process.stdin.close()
            out, err = process.stdout.read(), process.stderr.read()
            return process.wait(60), out, err

    def check_shrunk(self, size):
        status, out, err = self.shrink(size)
        self.assertEqual(status, 3, err)
        error = validate(json.loads(out))  # and no translation from what is no longer there
        self.assertEqual((error["schema"], error["error"]), ("v2p.error/1", "io"))
        self.assertTrue(err.startswith(self.doubt), err)
        self.assertEqual(len(err.splitlines()), 2, err)
        self.assertIn("shorter", err)

    def test_a_file_that_vanishes_under_us(self):
        self.check_shrunk(0)  # SIGBUS at the first table

    def test_a_file_cut_in_the_middle_of_a_table(self):
        table = self.made.root << 12  # the rest of that page reads as zeros, without any signal
        self.check_shrunk(table + 16)

    def test_a_file_cut_behind_everything_we_read(self):
        self.check_shrunk(os.path.getsize(self.raw) - 1)

    def test_odd_names_never_reach_the_terminal_raw(self):
        name = os.fsencode(self.folder.name) + b"/evil\x1b[2J\xff\n.raw"
        with open(name, "wb") as file:
            file.write(raw_image(self.made))
        for form in ("text", "json", "ndjson", "csv", "windbg"):
            for arguments in ([hex(MAPPED), "--format", form], ["--format", form, "0"]):
                extra = self.root if len(arguments) == 3 and arguments[0] != "--format" else []
                done = self.run_v2p("-f", name, *extra, *arguments, text=False)
                for bad in (b"\x1b", b"\xff"):
                    self.assertNotIn(bad, done.stdout + done.stderr)
                done.stdout.decode("utf-8")
        record = json.loads(self.run_v2p("-f", name, *self.root, hex(MAPPED), "--format",
                                         "ndjson").stdout)
        self.assertTrue(validate(record)["image"].endswith("evil\x1b[2J\ufffd\n.raw"))
        self.assertEqual(len(self.run_v2p("-f", name + b"x", "0").stderr.splitlines()), 1)


class Help(Case):
    def test_help_is_the_golden_text(self):
        for name, arguments in (("help.txt", ["--help"]), ("help_pack.txt", ["pack", "--help"])):
            done = self.run_v2p(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            with open(os.path.join(ROOT, "tests", "cli", "golden", name), encoding="utf-8") as file:
                self.assertEqual(done.stdout, file.read())
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)

    def test_version(self):
        done = self.run_v2p("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"\Av2p \d+\.\d+\.\d+\n\Z")

    def test_colour_only_where_asked(self):
        for arguments, environment, colour in (
                ([], {}, False), (["--color", "always"], {}, True),
                ([], {"CLICOLOR_FORCE": "1"}, True),
                ([], {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
                (["--color", "never"], {"CLICOLOR_FORCE": "1"}, False)):
            clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLICOLOR_FORCE")}
            done = self.translate(*arguments, hex(ZERO), env={**clean, **environment})
            self.assertEqual("\x1b[" in done.stdout, colour, (arguments, environment))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
