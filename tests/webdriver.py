"""A headless Chromium driven over the WebDriver protocol, with urllib alone."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.timing import PATIENCE

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,1000",
)
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ESCAPE, DOWN, CONTROL, ENTER = "\ue00c", "\ue015", "\ue009", "\ue007"


def missing() -> str:
    """What is not installed, as a reason to skip; empty where all is there."""
    lacking = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    names = " and ".join(lacking)
    return f"another system: no {names} (.ci/run installs them)" if lacking else ""


class Browser:
    """One window."""

    def __init__(self, base: str, flags: tuple[str, ...]) -> None:
        self._base = base
        options = {"args": [*flags], "binary": shutil.which("chromium")}
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        asked = {"capabilities": {"alwaysMatch": wanted}}
        found = self._send("POST", "/session", asked)
        self._base = f"{base}/session/{found['sessionId']}"

    def go(self, url: str) -> None:
        self._send("POST", "/url", {"url": url})

    def reload(self) -> None:
        self._send("POST", "/refresh", {})

    def run(self, script: str, *given: Any) -> Any:
        return self._send("POST", "/execute/sync", {"script": script, "args": given})

    def text(self, css: str) -> str:
        return str(
            self.run("return document.querySelector(arguments[0]).innerText", css)
        )

    def click(self, css: str) -> None:
        asked = {"using": "css selector", "value": css}
        found = self._send("POST", "/element", asked)[_ELEMENT]
        self._send("POST", f"/element/{found}/click", {})

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        down = [
            {"type": kind, "value": key}
            for key in keys
            for kind in ("keyDown", "keyUp")
        ]
        actions = [{"type": "key", "id": "keyboard", "actions": down}]
        self._send("POST", "/actions", {"actions": actions})

    def until(self, true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait for something to hold; its value."""
        end = time.monotonic() + seconds
        while not (found := true()):
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s; log: {self.log()}")
            time.sleep(0.03)
        return found

    def log(self) -> list[str]:
        """What the console said since the last time."""
        found = self._send("POST", "/se/log", {"type": "browser"})
        return [str(line["message"]) for line in found]

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._send("GET", "/screenshot")))

    def close(self) -> None:
        self._send("DELETE", "")

    def _send(self, method: str, path: str, data: Any = None) -> Any:
        body = None if data is None else json.dumps(data).encode()
        asked = urllib.request.Request(self._base + path, body, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None


@contextlib.contextmanager
def browser(*more: str) -> Iterator[Browser]:
    """A window with a profile of its own, gone afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["chromedriver", f"--port={port}", "--log-level=OFF"]
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        subprocess.Popen(words, stdout=subprocess.DEVNULL) as driver,
    ):
        base = f"http://127.0.0.1:{port}"
        try:
            _await(f"{base}/status")
            window = Browser(base, (*_FLAGS, f"--user-data-dir={profile}", *more))
            try:
                yield window
            finally:
                window.close()
        finally:
            driver.terminate()


def _await(url: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(url, timeout=PATIENCE) as reply,
        ):
            if json.load(reply)["value"]["ready"]:
                return
        time.sleep(0.05)
    raise AssertionError("chromedriver does not start")
