"""The report in a real browser with the network off."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from peernet import reports

pytestmark = pytest.mark.browser


class Browser:
    """One page of a headless Chromium, spoken to over its DevTools protocol."""

    def __init__(self, program: str, profile: str) -> None:
        websocket = pytest.importorskip("websocket", reason="websocket-client is not installed")
        command = [
            program,
            "--headless=new",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            "--remote-debugging-port=0",
            "--remote-allow-origins=*",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port_file = Path(profile) / "DevToolsActivePort"
        for _ in range(300):
            if port_file.is_file() and port_file.read_text().strip():
                break
            time.sleep(0.1)
        port = port_file.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            page = next(target for target in json.load(answer) if target["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=60)
        self.events: list[dict[str, Any]] = []
        self._last = 0

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method and wait for its answer; events that come meanwhile are kept."""
        self._last += 1
        self.socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self._last:
                assert "error" not in message, message
                return dict(message["result"])
            self.events.append(message)

    def open(self, page: Path, width: int = 1280, height: int = 900) -> None:
        """Open a file with the network off and wait until everything is drawn."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.send("Page.navigate", url=page.resolve().as_uri())
        for _ in range(300):
            if self.value("document.readyState === 'complete' && location.protocol === 'file:'"):
                break
            time.sleep(0.1)
        self.send("Runtime.evaluate", expression="document.fonts.ready", awaitPromise=True)

    def value(self, expression: str) -> Any:
        """What an expression gives in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def said(self, *methods: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event.get("method") in methods]

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture
def browser() -> Iterator[Browser]:
    program = reports.find_browser()
    if program is None:
        pytest.skip("no Chromium or Chrome on this machine")
    with tempfile.TemporaryDirectory(prefix="peernet-browser-", ignore_cleanup_errors=True) as profile:
        opened = Browser(program, profile)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("traps", Path(__file__).with_name("traps.py"))
    assert spec is not None and spec.loader is not None
    traps = module_from_spec(spec)
    spec.loader.exec_module(traps)
    folder = tmp_path_factory.mktemp("browser")
    nbformat.write(traps.trap_notebook(), folder / "traps.ipynb")
    return reports.render(folder / "traps.ipynb", run=False, show_code=True)


def committed() -> list[Path]:
    folder = Path(__file__).resolve().parents[2] / "reports"
    return sorted(folder.glob("*.html"))


def check(browser: Browser, page: Path) -> None:
    """Nothing asked for, nothing complained about, every picture drawn, nothing wider than the window."""
    browser.open(page)
    asked = [event["params"]["request"]["url"] for event in browser.said("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert sum(url.startswith("file:") for url in asked) == 1
    trouble = browser.said("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert trouble == []
    assert browser.value("document.images.length") > 0
    assert browser.value("[...document.images].filter(i => !(i.complete && i.naturalWidth > 0)).length") == 0
    assert browser.value("[...document.images].filter(i => !i.hasAttribute('alt')).length") == 0
    assert browser.value("document.querySelectorAll('script').length") == 0
    links = "[...document.querySelectorAll('a[href^=\"#\"]')]"
    assert browser.value(f"{links}.filter(a => !document.getElementById(a.hash.slice(1))).length") == 0
    for width in (1280, 420):
        browser.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        assert browser.value("document.documentElement.scrollWidth") <= width


def test_the_trap_notebook_offline(browser: Browser, page: Path) -> None:
    check(browser, page)
    assert browser.value(
        "[...document.querySelectorAll('math')].every(m => m.getBoundingClientRect().width > 0)"
    )
    assert browser.value("document.querySelectorAll('math').length") == 3
    assert browser.value("document.querySelector('details.code').open") is False


def test_the_policy_stops_what_the_cleaner_would_miss(browser: Browser, page: Path, tmp_path: Path) -> None:
    hole = '<img id="hole" src="file:///etc/hostname" alt=""><script>window.ran = true</script><main'
    (tmp_path / "hole.html").write_text(page.read_text().replace("<main", hole, 1))
    browser.open(tmp_path / "hole.html")
    assert browser.value("window.ran") is None
    assert browser.value("document.getElementById('hole').naturalWidth") == 0
    blocked = [event["params"]["entry"]["text"] for event in browser.said("Log.entryAdded")]
    assert sum("Content Security Policy" in text for text in blocked) >= 2


def test_committed_reports_offline(browser: Browser) -> None:
    if not committed():
        pytest.skip("no rendered report is committed yet")
    for report in committed():
        browser.events.clear()
        check(browser, report)


def test_pdf(page: Path, tmp_path: Path) -> None:
    if reports.find_browser() is None:
        pytest.skip("no Chromium or Chrome on this machine")
    out = reports.print_pdf(page, tmp_path / "traps.pdf")
    raw = out.read_bytes()
    assert raw.startswith(b"%PDF-") and b"StructTreeRoot" in raw
    assert sorted(path.name for path in tmp_path.iterdir()) == ["traps.pdf"]
