"""A page before a real browser: mounted from what came with it, its kernel gone, nothing asked of elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect

from apps.sessions import COOKIE
from catalog.home import Home
from tests.apps.dashboards.serving import Serving, notebook, people, serving

pytestmark = pytest.mark.browser

OURS = '''
import anywidget, traitlets
class Word(anywidget.AnyWidget):
    """A word on the page."""
    _esm = """
    export default async () => ({
      render({ model, el }) {
        const said = document.createElement("h1");
        const say = () => { said.textContent = model.get("word"); };
        model.on("change:word", say);
        say();
        said.onclick = () => { model.set("word", "pressed"); model.save_changes(); };
        el.append(said);
      },
    })"""
    _css = "h1 { color: rgb(1, 2, 3); }"
    word = traitlets.Unicode("</script>good morning").tag(sync=True)
Word()
'''
THEIRS = "import ipywidgets\nipywidgets.Button(description='Theirs')"
BROKEN = "raise RuntimeError('a secret of the server')"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("mounting")
    home = Home.create(folder / "home")
    people(home, ("sid", "supervisor"))
    pages = folder / "pages"
    pages.mkdir()
    for name, code in (("operations", OURS), ("supervisor", THEIRS), ("phone", BROKEN)):
        notebook(pages / f"{name}.ipynb", code)
    with serving(home, pages, folder / "server.log") as running:
        yield running


@pytest.fixture
def seen(server: Serving, browser: Browser) -> Iterator[tuple[BrowserContext, list[str]]]:
    """A browser of somebody who is signed in, and what it asks for; what is elsewhere is aborted."""
    context = browser.new_context()
    text = server.cookie("sid")["Cookie"].partition("=")[2]
    context.add_cookies([{"name": COOKIE, "value": text, "url": server.url, "httpOnly": True}])
    asked: list[str] = []

    def only_here(route: Route) -> None:
        asked.append(route.request.url)
        if route.request.url.startswith((server.url, "blob:", "data:")):
            route.continue_()
        else:
            route.abort()

    context.route("**/*", only_here)
    yield context, asked
    context.close()
    assert [url for url in asked if not url.startswith((server.url, "blob:", "data:"))] == []


def test_a_widget_of_ours_is_mounted_at_once_and_its_kernel_goes(
    server: Serving, seen: tuple[BrowserContext, list[str]]
):
    context, asked = seen
    page = context.new_page()
    with page.expect_request(re.compile("/api/shutdown/")) as left:
        page.goto(f"{server.url}/voila/render/operations.ipynb")
        said = page.locator("h1")
        expect(said).to_have_text("</script>good morning")
        expect(said).to_have_css("color", "rgb(1, 2, 3)")
    said.click()
    expect(said).to_have_text("pressed")
    expect(page.locator("#opening")).to_have_count(0)
    assert len([url for url in asked if not url.startswith("blob:")]) <= 4
    kernel_id = left.value.url.rpartition("/")[2]
    answer = left.value.response()
    assert answer is not None
    assert answer.status == 204
    with server.as_("sid") as client:
        assert client.get(f"/voila/api/kernels/{kernel_id}").status_code == 403


def test_a_widget_of_others_is_mounted_by_voilas_own_scripts(
    server: Serving, seen: tuple[BrowserContext, list[str]]
):
    context, _ = seen
    page = context.new_page()
    page.goto(f"{server.url}/voila/render/supervisor.ipynb")
    expect(page.get_by_role("button", name="Theirs")).to_be_visible(timeout=60_000)
    expect(page.locator("#opening")).to_have_count(0)


def test_a_page_that_breaks_says_so_without_a_word_of_why_and_tries_again(
    server: Serving, seen: tuple[BrowserContext, list[str]]
):
    context, _ = seen
    page = context.new_page()
    page.goto(f"{server.url}/voila/render/phone.ipynb")
    expect(page.locator("#opening")).to_contain_text("tries again by itself")
    assert "secret" not in page.content()
    page.wait_for_event("framenavigated", timeout=30_000)
