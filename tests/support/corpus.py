# Finds the files of a corpus of guest images (V2P_CORPUS) and unpacks them.
# SPDX-License-Identifier: Apache-2.0
"""V2P_CORPUS_UNPACKED may name a folder of the same layout that already holds unpacked copies."""

import gzip
import os
import shutil
import subprocess
import tempfile


class Corpus:
    def __init__(self, root):
        self.root = root
        self._cache = os.environ.get("V2P_CORPUS_UNPACKED")
        self._scratch = None

    def path(self, *names):
        """A readable, unpacked copy of root/names..., from the cache if that has one."""
        name = os.path.join(*names)
        cached = self._cache and os.path.join(self._cache, name)
        if cached and os.path.exists(cached):
            return cached
        plain = os.path.join(self.root, name)
        if os.path.exists(plain):
            return plain
        if self._scratch is None:
            self._scratch = tempfile.mkdtemp(prefix="v2p-corpus-")
        out = os.path.join(self._scratch, name)
        if not os.path.exists(out):
            os.makedirs(os.path.dirname(out), exist_ok=True)
            if os.path.exists(plain + ".gz"):
                with gzip.open(plain + ".gz") as packed, open(out, "wb") as f:
                    shutil.copyfileobj(packed, f)
                return out
            subprocess.run(["zstd", "-q", "-d", "--long=27", "--sparse", plain + ".zst", "-o", out],
                           check=True)
        return out

    def drop(self, path):
        """Frees the space of an unpacked copy (never of a file of the corpus or the cache)."""
        if self._scratch and path.startswith(self._scratch):
            os.unlink(path)

    def close(self):
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None
