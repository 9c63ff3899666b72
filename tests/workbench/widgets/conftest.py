"""The pages in Debian's Chromium, against a made-up gateway. What is asked of elsewhere is aborted, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route

from tests.workbench.widgets.fake.gateway import FakeGateway
from tests.workbench.widgets.fake.media import Media
from tests.workbench.widgets.fake.video import made_loop
from workbench.widgets import bundle

Gateways = Callable[..., FakeGateway]


@pytest.fixture(scope="session", autouse=True)
def _bundled() -> None:
    """Build the bundle where it is not there yet; without npm the tests fail, saying why."""
    bundle.build()


@pytest.fixture
def gateways() -> Iterator[Gateways]:
    """Return a way to start gateways; all are stopped at the end."""
    started: list[FakeGateway] = []

    def start(**settings: Any) -> FakeGateway:
        gateway = FakeGateway(Media([made_loop(0), made_loop(1)]), **settings).__enter__()
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        gateway.__exit__()


@dataclass
class Opened:
    """A page that is open, and what it did that it should not have."""

    page: Page
    gateway: FakeGateway
    foreign: list[str] = field(default_factory=list)
    """Addresses elsewhere that were asked for."""
    errors: list[str] = field(default_factory=list)

    def by(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    def card(self, alert_id: str) -> Locator:
        return self.page.locator(f'[data-testid="alert-card"][data-alert-id="{alert_id}"]')

    def tile(self, camera_id: str) -> Locator:
        return self.page.locator(f'[data-testid="tile"][data-camera-id="{camera_id}"]')

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def faults(self) -> list[str]:
        """Return what axe-core finds wrong by WCAG A and AA."""
        self.page.add_script_tag(path=str(bundle.third_parties() / "axe-core" / "axe.min.js"))
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        found = self.page.evaluate(
            "(tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })", tags
        )
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]


Opener = Callable[..., Opened]


@pytest.fixture
def opener(browser: Browser, gateways: Gateways) -> Iterator[Opener]:
    """Return a way to open a page. At the end none may have asked elsewhere, nor thrown."""
    pages: list[Opened] = []

    def open_page(
        path: str = "/operations",
        *,
        gateway: FakeGateway | None = None,
        view: str = "wall",
        size: tuple[int, int] = (1366, 768),
        script: str = "",
        **settings: Any,
    ) -> Opened:
        served = gateway or gateways(**{"cameras": 60, **settings})
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        context.add_init_script(f"localStorage.setItem('rtcc.view', '\"{view}\"')")
        context.add_init_script(script)
        opened = Opened(context.new_page(), served)
        pages.append(opened)

        def only_here(route: Route) -> None:
            if route.request.url.startswith((served.url, "blob:", "data:")):
                route.continue_()
            else:
                opened.foreign.append(route.request.url)
                route.abort()

        context.route("**/*", only_here)
        opened.page.on("websocket", lambda ws: None if served.url[7:] in ws.url else opened.foreign.append(ws.url))
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.goto(served.url + path)
        return opened

    yield open_page
    said = [(one.foreign, one.errors) for one in pages]
    for one in pages:
        one.page.context.close()
    assert said == [([], [])] * len(pages), "a page asked elsewhere, or threw"


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Path:
    """Return where pictures of pages are kept as artefacts."""
    folder = Path(request.config.rootpath) / ".cache" / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
