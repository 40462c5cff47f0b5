"""A Chromium that a test talks to, over a pipe (the DevTools protocol, https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

TO_BROWSER, FROM_BROWSER = 3, 4
"""File descriptors of `--remote-debugging-pipe`; messages end with a zero byte."""

TROUBLE = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
"""Events that a page without errors never causes."""


def chromium() -> str | None:
    """The path of one, if there is any."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell", "chrome-headless-shell")
    cached = (Path.home() / ".cache/ms-playwright").glob("*/*/*")
    found = [path for name in names if (path := shutil.which(name))] + [str(p) for p in cached if p.name in names]
    return found[0] if found else None


class Browser:
    """One page at a time. `events` are those since it was opened."""

    def __init__(self, profile: Path):
        commands, answers = os.pipe(), os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands[0], answers[1])]  # out of the way of 3 and 4

        def connect() -> None:
            os.dup2(ends[0], TO_BROWSER)
            os.dup2(ends[1], FROM_BROWSER)

        options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")
        self._process = subprocess.Popen(
            [chromium(), *options, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=connect,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (*ends, commands[0], answers[1]):
            os.close(end)
        self._commands, self._answers = os.fdopen(commands[1], "wb"), answers[0]
        self._buffer, self._number, self._session = b"", 0, None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, url: str, width: int = 1280, theme: str = "light") -> None:
        """Load a page and wait for it."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.call("Page.navigate", url="about:blank")  # or a new fragment would not load it again
        self.events.clear()
        self.call("Page.navigate", url=url)
        end = time.monotonic() + 30
        while self.run("location.href") == "about:blank" or self.run("document.readyState") != "complete":
            assert time.monotonic() < end, url
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of an expression in the page, or of its promise; an error of it is the test's."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """A key without a character, such as `ArrowRight`."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def point(self, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def trouble(self) -> list[dict[str, Any]]:
        """Errors and messages of the page, and requests other than for itself."""
        requests = [event for event in self.events if event["method"] == "Network.requestWillBeSent"][1:]
        return [event for event in self.events if event["method"] in TROUBLE] + requests

    def close(self) -> None:
        self._commands.close()
        self._process.terminate()
        self._process.wait(10)
        os.close(self._answers)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command; events that come before it are kept."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        command |= {"sessionId": self._session} if self._session else {}
        self._commands.write(json.dumps(command).encode() + b"\0")
        self._commands.flush()
        while True:
            while b"\0" not in self._buffer:
                part = os.read(self._answers, 1 << 16)
                assert part, "the browser has ended"
                self._buffer += part
            message, _, self._buffer = self._buffer.partition(b"\0")
            answer = json.loads(message)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)
