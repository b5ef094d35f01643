# A headless Chromium over its DevTools pipe, for tests of what the tool writes for browsers.
# SPDX-License-Identifier: Apache-2.0
"""Protocol: https://chromedevtools.github.io/devtools-protocol/ (messages end with a zero byte;
the browser reads file descriptor 3 and writes 4)."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe"]


def find():
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One tab. `complaints` has what the console, scripts or the network complained of."""

    def __init__(self, width=1400, height=1000, timeout=60):
        self.timeout = timeout
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()

        def pipes():  # 3 and 4, whatever the numbers were
            a, b = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self._process = subprocess.Popen(
            [find(), *FLAGS, f"--user-data-dir={self.profile.name}",
             f"--window-size={width},{height}", "about:blank"],
            close_fds=False, preexec_fn=pipes, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self._buffer, self._last, self._events, self._session = b"", 0, [], None
        self.complaints, self.requests = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target,
                                  flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(30)
        os.close(self._in)
        os.close(self._out)
        self.profile.cleanup()

    def _receive(self, deadline):
        while b"\0" not in self._buffer:
            left = max(0, deadline - time.monotonic())
            more = b""
            if select.select([self._in], [], [], left)[0]:
                more = os.read(self._in, 1 << 20)
            if not more:
                raise TimeoutError(f"the browser says nothing (exit {self._process.poll()})")
            self._buffer += more
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        method, params = event["method"], event.get("params", {})
        if method == "Runtime.consoleAPICalled" or method == "Runtime.exceptionThrown" or \
                method == "Log.entryAdded" or method == "Network.loadingFailed":
            self.complaints.append((method, params))
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        self._events.append(method)

    def call(self, method, **params):
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data):]
        deadline = time.monotonic() + self.timeout
        while True:
            answer = self._receive(deadline)
            if "method" in answer:
                self._note(answer)
            elif answer["id"] == self._last:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def open(self, path):
        """Loads a file and waits until its scripts ran."""
        self.complaints, self.requests, self._events = [], [], []
        self.call("Page.navigate", url="file://" + path)
        deadline = time.monotonic() + self.timeout
        while "Page.loadEventFired" not in self._events:
            message = self._receive(deadline)
            if "method" in message:
                self._note(message)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def point(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot")["data"]))
