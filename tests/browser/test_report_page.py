"""The static page in a real browser: its plots are drawn, nothing is fetched, and a hostile name does nothing."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fieldmark.dashboard.report import write_report
from fieldmark.testing.synthetic_sweep import synthetic_sweep

pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
    "--virtual-time-budget=20000",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the browser's own calls home go nowhere
)  # fmt: skip
BREAK = "document.title='broken'"
HOSTILE = f"<img src=http://127.0.0.1:9/x onerror={BREAK}></script><script>{BREAK}</script>"


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser here: none of {', '.join(BROWSERS)} is installed")
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    made = synthetic_sweep(str(folder / "runs"), dataset=HOSTILE, test_records=200)
    return write_report(made.store, made.sweep, folder / "reports")


def look(browser: str, page: Path, folder: Path, *flags: str) -> str:
    command = [browser, *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture(scope="module")
def visit(browser: str, page: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The page's elements after its scripts have run, and the browser's network log."""
    folder = tmp_path_factory.mktemp("visit")
    dom = look(browser, page, folder, f"--log-net-log={folder / 'net.json'}", "--dump-dom")
    return re.sub(r"<script.*?</script>", "", dom, flags=re.DOTALL), (folder / "net.json").read_text()


def asked_by_page(log: str) -> list[str]:
    """Returns what a page asked of the network; what the browser asks for itself has no origin."""
    content = json.loads(log)
    kind = content["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    jobs = [
        event["params"] for event in content["events"] if event["type"] == kind and "url" in event.get("params", {})
    ]
    return [job["url"] for job in jobs if job["initiator"] != "not an origin"]


def test_every_plot_is_drawn(visit: tuple[str, str]) -> None:
    dom, _ = visit
    plots = dom.split("<figure>")[1:]
    assert len(plots) == 3
    for plot in plots:
        assert '<svg class="main-svg"' in plot
        assert plot.count('class="point"') >= 6


def test_nothing_is_fetched(visit: tuple[str, str]) -> None:
    assert asked_by_page(visit[1]) == []


def test_a_page_that_fetches_would_be_caught(browser: str, tmp_path: Path) -> None:
    careless = tmp_path / "careless.html"
    careless.write_text('<img src="http://127.0.0.1:9/x">')
    look(browser, careless, tmp_path, f"--log-net-log={tmp_path / 'net.json'}", "--dump-dom")
    assert asked_by_page((tmp_path / "net.json").read_text()) == ["http://127.0.0.1:9/x"]


def test_hostile_name_does_nothing(visit: tuple[str, str]) -> None:
    dom, _ = visit
    title = re.search(r"<title>(.*?)</title>", dom)[1]
    assert title.startswith("PriorsNet sweep on &lt;img")
    assert "<img" not in dom


def test_page_has_a_look(browser: str, page: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    look(browser, page, tmp_path, f"--screenshot={picture}", "--window-size=1200,1600")
    assert picture.stat().st_size > 50_000  # an empty page of this size has about 6 kB
