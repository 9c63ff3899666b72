"""What the command center's pages cost and how quick they are, in a real browser before everything that runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from apps.up.record import read_record
from apps.up.services import answers, free_port
from benchmarks.machine import machine_line, process_cpu_s
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table
from catalog.home import Home

NAME = "viewers"
QUESTION = "How quick are the command center's pages, and what does a viewer cost?"

CAMERAS, QUICK_CAMERAS = 8, 2
"""Cameras of the demo, as `rtcc up --demo` has them."""

WALL_CAMERAS, QUICK_WALL_CAMERAS = 16, 2
"""Cameras of the demo that fills the biggest wall."""

VIEWERS, QUICK_VIEWERS = 20, 2
WARM_ROUNDS, QUICK_WARM_ROUNDS = 5, 1
UPDATES_HZ = 10.0
SECONDS, QUICK_SECONDS = 20.0, 3.0
"""How long updates, tiles and CPU are watched."""

START_S = 240.0
SETTLE_S, QUIET_S, QUIET_RATIO = 60.0, 5.0, 0.12
"""Longest wait until servers are quiet, how long they have to be, and at what share of a core they are."""

PAGE_MS = 90_000
TILE_COUNT, WALL_TILES = 4, 16
VIEWS = {"wall": "wall", "split": "map and wall", "map": "map"}
"""What updates are watched beside, by the page's word for it; pages begin with both."""


FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
         "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]  # fmt: skip

LIVE = '[data-testid="link-state"][data-state="live"]'
"""What a page shows once it has the gateway's state."""

METHOD = """\
`rtcc up --demo` as it is: keeper, Ray, live work on the demo's cameras, gateway, pages, JupyterLab, and
Debian's Chromium before it, headless and without a GPU, all on the same two cores: whatever the browser takes,
the rest lacks. A page counts as there when it shows the gateway's state (its link says live): sign-in done
before, navigation to /operations included. Warm: a kernel is ready; cold: the pages' server was killed and has
just answered again, no kernel is ready. An update is a note on an alert, ten a second; its time runs from the
gateway's sending to the task after the frame that shows it, on one clock; beside the queue is the wall, the map
(one frame of it takes a core for 0.3 s where no GPU draws it), or both, as pages begin. A tile's time runs from
the frame's own instant, which the camera server stamps, to its presentation by the browser: encoder, network,
shard, gateway and decoder are all in it. Memory of a viewer is what pages' server, its kernels and the gateway
grow by (PSS: shared pages shared out), the browser's own not counted. The twenty viewers look at the map and the
queue, walls closed: twenty decoders of four tiles each are the browsers' work, not the servers'. CPU with 16
tiles is what gateway and pages take more than with the wall closed; it is measured before a demo of 16 cameras,
all else before one of 8, which is what `rtcc up --demo` has."""
"""How it is measured, for the page."""


@dataclass
class Center:
    """A command center that runs."""

    home: Home
    address: str
    passwords: dict[str, str]
    cameras: int

    def pid(self, part: str) -> int:
        """Return a part's process; 0 while none runs."""
        record = read_record(self.home)
        assert record is not None
        return next(one.pid for one in record.parts if one.name == part) or 0

    def is_up(self, part: str) -> bool:
        record = read_record(self.home)
        return record is not None and any(one.name == part and one.up for one in record.parts)

    def kill(self, part: str) -> int:
        """Kill a part, and return the process that was killed."""
        pid = self.pid(part)
        os.kill(pid, signal.SIGKILL)
        return pid

    def servers(self) -> list[psutil.Process]:
        """Return gateway, pages' server and its kernels."""
        pages = psutil.Process(self.pid("pages"))
        return [psutil.Process(self.pid("gateway")), pages, *pages.children(recursive=True)]

    def memory_mb(self) -> float:
        """Return what all of these hold, PSS."""
        return sum(_pss_mb(process) for process in self.servers())

    def cpu_s(self) -> float:
        """Return the processor time all of these have taken."""
        return sum(process_cpu_s(process.pid) for process in self.servers())


def _pss_mb(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss / 1e6)
    except psutil.NoSuchProcess:
        return 0.0


@contextmanager
def running(root: Path, cameras: int) -> Iterator[Center]:
    """Run a demo's command center."""
    address = f"http://127.0.0.1:{free_port()}"
    command = [str(Path(sys.executable).parent / "rtcc"), "up", "--demo", "--cameras", str(cameras), "--json"]
    process = subprocess.Popen(
        [*command, "--port", address.rpartition(":")[2]], env=os.environ | {"RTCC_HOME": str(root)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = ""
        while not said.endswith("}\n"):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"rtcc up ended with exit code {process.wait()}; its words are above")
            said += line
        document = json.loads(said)
        if document["down"]:
            raise RuntimeError(f"not up: {', '.join(document['down'])}; see the logs in {root}/run/live")
        people = {person["name"]: person["password"] for person in document["people"]}
        yield Center(Home.open(root), address, people, cameras)
    finally:
        process.terminate()
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Viewer:
    """Somebody signed in, before a page of their own."""

    def __init__(self, browser: Browser, center: Center, name: str = "officer", view: str = "map") -> None:
        self._center = center
        self.context = browser.new_context(viewport={"width": 1920, "height": 1080})
        self.context.set_default_timeout(PAGE_MS)
        self.context.add_init_script(f"localStorage.setItem('rtcc.view', JSON.stringify({view!r}))")
        answer = self.context.request.post(
            f"{center.address}/login", form={"name": name, "password": center.passwords[name], "next": "/v1/me"},
            headers={"X-RTCC": "1", "Origin": center.address},
        )  # fmt: skip
        if not answer.ok:
            raise RuntimeError(f"{name} could not sign in: {answer.status} {answer.text()[:200]}")
        self.page: Page = self.context.new_page()

    def open(self) -> float:
        """Open the operations page; return how long it took until it showed the state, ms."""
        began_s = time.perf_counter()
        self.page.goto(f"{self._center.address}/operations", wait_until="commit")
        self.page.wait_for_selector(LIVE)
        return (time.perf_counter() - began_s) * 1000

    def first_paint_ms(self) -> float:
        """Return when the browser painted anything of the page, ms from navigation."""
        script = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
        return float(self.page.evaluate(script))

    def probe(self, figure: str) -> list[float]:
        """Take the page's own figures, and begin anew."""
        return [float(ms) for ms in self.page.evaluate(f"window.rtccProbe.{figure}.splice(0)")]

    def close(self) -> None:
        self.context.close()


@dataclass
class Found:
    """All figures."""

    cold_ms: float
    warm_ms: list[float]
    paint_ms: list[float]
    updates_ms: dict[str, list[float]]
    """From the gateway to the screen, by what the page shows beside the queue."""
    back_s: float
    viewer_mb: list[float]
    few: Wall
    many: Wall


@dataclass
class Wall:
    """What one viewer's walls showed and took, by tiles; 0 tiles is the closed wall."""

    cameras: int
    shown_ms: dict[int, list[float]]
    """From frame to screen, ms."""
    cpu: dict[int, float]
    """What the servers took, percent of a core."""
    browser_cpu: dict[int, float]

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Return a line for each wall, as text."""
        for size, taken in self.cpu.items():
            shown = self.shown_ms.get(size, [])
            late = [f"{_quantile(shown, at):.0f}" if size else "—" for at in (50, 95)]
            yield (
                str(self.cameras), str(size) if size else "closed", f"{taken:.1f}", f"{self.browser_cpu[size]:.1f}",
                *late, str(len(shown)),
            )  # fmt: skip


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("voila", "fastapi", "uvicorn", "playwright", "av"))
    cameras = options.cameras[0] if options.cameras else QUICK_CAMERAS if options.quick else CAMERAS
    seconds = QUICK_SECONDS if options.quick else SECONDS
    with options.folder(NAME) as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), headless=True, args=FLAGS)
        try:
            with running(folder / "wall", QUICK_WALL_CAMERAS if options.quick else WALL_CAMERAS) as center:
                many = _wall(browser, center, WALL_TILES, seconds)
            with running(folder / "home", cameras) as center:
                found = _found(browser, center, options, seconds, many)
        finally:
            browser.close()
    return _answer(machine, found, QUICK_VIEWERS if options.quick else VIEWERS, seconds)


def _found(browser: Browser, center: Center, options: Options, seconds: float, many: Wall) -> Found:
    warm = [_opened(browser, center) for _ in range(QUICK_WARM_ROUNDS if options.quick else WARM_ROUNDS)]
    updates = {}
    for view in VIEWS:
        viewer = Viewer(browser, center, view=view)
        viewer.open()
        _settle(center)
        updates[view] = _updates(viewer, center, seconds)
        if view != list(VIEWS)[-1]:
            viewer.close()
    back = _back(viewer, center)
    viewer.close()
    few = _wall(browser, center, TILE_COUNT, seconds)
    memory = _memory(browser, center, QUICK_VIEWERS if options.quick else VIEWERS)
    before = center.kill("pages")
    _await(lambda: center.is_up("pages") and center.pid("pages") != before, "the pages' server is back")
    cold, _ = _opened(browser, center)
    return Found(cold, [ms for ms, _ in warm], [paint for _, paint in warm], updates, back, memory, few, many)


def _opened(browser: Browser, center: Center) -> tuple[float, float]:
    viewer = Viewer(browser, center)
    try:
        return viewer.open(), viewer.first_paint_ms()
    finally:
        viewer.close()
        time.sleep(4.0)  # the next kernel is made ready


def _updates(viewer: Viewer, center: Center, seconds: float) -> list[float]:
    """Write notes on an alert, ten a second; return how long each took to the screen, ms."""
    cookies = {cookie["name"]: cookie["value"] for cookie in viewer.context.cookies()}
    viewer.probe("update_ms")
    with httpx.Client(base_url=center.address, cookies=cookies, headers={"X-RTCC": "1"}, timeout=30) as client:
        alert = client.post("/v1/alerts/by-hand", json={"title": "A trial", "priority": "P3"}).json()["alert"]
        writing = threading.Thread(target=_notes, args=(client, alert, seconds))
        writing.start()
        while writing.is_alive():
            viewer.page.wait_for_timeout(100)
        writing.join()
    viewer.page.wait_for_timeout(500)
    return viewer.probe("update_ms")


def _notes(client: httpx.Client, alert: dict[str, Any], seconds: float) -> None:
    began_s, written = time.monotonic(), 0
    while time.monotonic() - began_s < seconds:
        answer = client.post(
            f"/v1/alerts/{alert['alert_id']}/steps",
            json={"kind": "note", "version": alert["version"], "note": f"number {written}"},
        )
        if answer.status_code in (200, 409):
            alert = answer.json()["alert"]
        written += 1
        time.sleep(max(0.0, began_s + written / UPDATES_HZ - time.monotonic()))


def _back(viewer: Viewer, center: Center) -> float:
    """Kill the gateway; return how long the page took to be live once it answered again, seconds."""
    before = center.kill("gateway")
    viewer.page.wait_for_selector(LIVE, state="detached")
    _await(
        lambda: center.pid("gateway") not in (0, before) and answers(f"{center.address}/healthz"),
        "the gateway is back",
    )
    began_s = time.monotonic()
    viewer.page.wait_for_selector(LIVE)
    return time.monotonic() - began_s


def _memory(browser: Browser, center: Center, count: int) -> list[float]:
    """Open so many pages one after another; return what the servers hold after each, MB."""
    viewers, held = [], [center.memory_mb()]
    try:
        for _ in range(count):
            viewers.append(Viewer(browser, center))
            viewers[-1].open()
            held.append(center.memory_mb())
    finally:
        for viewer in viewers:
            viewer.close()
    return held


def _wall(browser: Browser, center: Center, tiles: int, seconds: float) -> Wall:
    """Watch the closed wall and one of so many tiles."""
    _settle(center)
    found = Wall(center.cameras, {}, {}, {})
    for size in (0, tiles):
        viewer = Viewer(browser, center, view="map" if size == 0 else "split")
        try:
            viewer.open()
            if size:
                viewer.page.get_by_test_id(f"wall-size-{size}").click()
            viewer.page.wait_for_timeout(8000)
            viewer.probe("tile_ms")
            began_s, began_cpu, began_browser = time.monotonic(), center.cpu_s(), _browser_cpu_s()
            viewer.page.wait_for_timeout(seconds * 1000)
            passed_s = time.monotonic() - began_s
            found.cpu[size] = 100 * (center.cpu_s() - began_cpu) / passed_s
            found.browser_cpu[size] = 100 * (_browser_cpu_s() - began_browser) / passed_s
            if size:
                found.shown_ms[size] = viewer.probe("tile_ms")
        finally:
            viewer.close()
    return found


def _settle(center: Center) -> None:
    """Wait until the servers have little to do: pages that were closed are let go, kernels are made ready."""
    quiet_since_s = time.monotonic()
    until_s = quiet_since_s + SETTLE_S
    while (now_s := time.monotonic()) < until_s and now_s - quiet_since_s < QUIET_S:
        before_s = center.cpu_s()
        time.sleep(1.0)
        if abs(center.cpu_s() - before_s) > QUIET_RATIO:
            quiet_since_s = time.monotonic()


def _browser_cpu_s() -> float:
    ours = psutil.Process().children(recursive=True)
    return sum(process_cpu_s(process.pid) for process in ours if "chrom" in process.name())


def _await(there: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + START_S
    while not there():
        if time.monotonic() > until_s:
            raise RuntimeError(f"after {START_S:.0f} s it is still not so: {what}")
        time.sleep(0.02)


def _quantile(values: Sequence[float], at: float) -> float:
    return float(np.percentile(values, at)) if len(values) else float("nan")


def _answer(machine: str, found: Found, viewers: int, seconds: float) -> Answer:
    grown = found.viewer_mb[-1] - found.viewer_mb[0]
    few, many = found.few, found.many
    ratios = (
        Ratio("page live, warm", Spread(tuple(ms / 1000 for ms in found.warm_ms)), Goal("at most", 1.5, "s"), "s"),
        Ratio("page live, cold", Spread((found.cold_ms / 1000,)), Goal("at most", 4.0, "s"), "s"),
        Ratio("first paint of anything, warm", Spread(tuple(ms / 1000 for ms in found.paint_ms)), None, "s"),
        *(
            Ratio(
                f"update to screen, p95, {VIEWS[view]} beside the queue", Spread((_quantile(late, 95),)),
                Goal("at most", 100, "ms"), "ms",
            )
            for view, late in found.updates_ms.items()
        ),
        Ratio("gateway back to page live", Spread((found.back_s,)), Goal("at most", 4.0, "s"), "s"),
        Ratio("memory a viewer", Spread((grown / max(1, len(found.viewer_mb) - 1),)), None, "MB"),
        Ratio(
            f"frame to screen, {TILE_COUNT} tiles, p50", Spread((_quantile(few.shown_ms[TILE_COUNT], 50),)),
            Goal("at most", 400, "ms"), "ms",
        ),
        Ratio(
            f"CPU a viewer with {WALL_TILES} tiles", Spread((many.cpu[WALL_TILES] - many.cpu[0],)), None,
            "% of a core",
        ),
    )  # fmt: skip
    tables = (
        Table(
            f"One viewer, walls of several sizes, {seconds:.0f} s each",
            ("cameras", "tiles", "gateway and pages, % of a core", "browser, % of a core",
             "frame to screen, p50, ms", "p95, ms", "frames shown"), (*few.rows(), *many.rows()),
        ),
        Table(
            "Updates to the screen, ms", ("beside the queue", "updates", "p50", "p90", "p95", "largest"),
            tuple(
                (VIEWS[view], str(len(late)), *(f"{_quantile(late, at):.0f}" for at in (50, 90, 95, 100)))
                for view, late in found.updates_ms.items()
            ),
        ),
        Table(
            f"{viewers} viewers at once: gateway, pages and kernels, MB",
            ("before", "after the first", "after half", "after all"),
            (tuple(f"{found.viewer_mb[at]:.0f}" for at in (0, 1, len(found.viewer_mb) // 2, -1)),),
        ),
    )  # fmt: skip
    return Answer(NAME, QUESTION, machine, ratios, tables, (" ".join(METHOD.split()),))


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
