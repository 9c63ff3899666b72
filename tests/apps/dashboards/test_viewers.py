"""Viewers of a page cannot run code: asked of a real server, over its port, past the gateway."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from apps.accounts import Accounts
from apps.dashboards.handlers import MOST_REFUSED
from apps.edge import now
from apps.sessions import COOKIE, Session, issue, kernel_token, verify
from catalog.home import Home
from tests.apps.dashboards.serving import Serving, notebook, people, serving
from tests.waiting import eventually

ROLES = (
    ("mlee", "officer"), ("rosa", "officer"), ("sid", "supervisor"), ("ines", "investigator"), ("gone", "officer"),
)  # fmt: skip
SECRETS = {"RAY_AUTH_TOKEN": "ray-secret", "RAY_AUTH_TOKEN_PATH": "/ray", "AWS_SECRET_ACCESS_KEY": "s3-secret",
           "RTCC_HOME": "/somewhere", "MY_PASSWORD": "hunter2"}  # fmt: skip

WIDGETS = """
import json, os, pathlib
import ipywidgets
pathlib.Path({marks!r}, "environment.json").write_text(json.dumps(dict(os.environ)))
button = ipywidgets.Button(description="Delete all", disabled=True)
button.on_click(lambda _: pathlib.Path({marks!r}, "pressed").touch())
button
"""


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which code that ran leaves a mark."""
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, marks: Path) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("dashboards")
    home = Home.create(folder / "home")
    people(home, *ROLES)
    pages = folder / "pages"
    pages.mkdir()
    for name in ("operations", "supervisor", "secret"):
        notebook(pages / f"{name}.ipynb", WIDGETS.format(marks=str(marks)))
    (pages / "map.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (pages / "map.png").write_bytes(b"\x89PNG")
    (pages / "secret.py").write_text("PASSWORD = 'hunter2'")
    with serving(home, pages, folder / "server.log", SECRETS) as running:
        yield running


@pytest.fixture(scope="module")
def kernel_id(server: Serving) -> str:
    """The kernel of a page that mlee has opened."""
    return server.opened("mlee")


def test_who_is_not_signed_in_is_led_to_sign_in_and_sees_nothing(server: Serving):
    answer = httpx.get(f"{server.url}/voila/render/operations.ipynb")
    assert answer.status_code == 302
    assert answer.headers["location"] == "/login?next=%2Fvoila%2Frender%2Foperations.ipynb"
    assert not answer.content


def test_a_page_is_its_viewers_own_dark_and_loads_nothing_from_elsewhere(server: Serving):
    with server.as_("mlee") as client:
        page = client.get("/voila/render/operations.ipynb")
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "background: #0a0f15" in page.text.split("</style>")[0]
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page.text)
    assert "voilà" not in page.text.lower()
    assert server.opened("mlee") != server.opened("mlee")


def test_a_role_opens_its_own_pages(server: Serving):
    with server.as_("mlee") as officer, server.as_("sid") as supervisor, server.as_("ines") as investigator:
        assert officer.get("/voila/render/supervisor.ipynb").status_code == 403
        assert investigator.get("/voila/render/supervisor.ipynb").status_code == 403
        assert supervisor.get("/voila/render/supervisor.ipynb").status_code == 200
        assert investigator.get("/voila/render/operations.ipynb").status_code == 200


@pytest.mark.parametrize("name", ["secret", "../operations", "operations.ipynb/x", "%2e%2e/secret", "nothing"])
def test_other_notebooks_are_no_pages(server: Serving, name: str):
    with server.as_("sid") as client:
        assert client.get(f"/voila/render/{name}.ipynb").status_code == 404


OUTSIDE = (
    "/voila/", "/voila/voila/", "/voila/voila/tree", "/voila/tree", "/", "/voila/login", "/voila/logout",
    "/voila/voila/files/map.png", "/voila/voila/files/map.svg", "/voila/files/map.png", "/voila/map.svg",
    "/voila/voila/files/secret.py", "/voila/voila/files/operations.ipynb", "/voila/operations.ipynb",
    "/voila/api/contents", "/voila/voila/api/contents/", "/voila/api/sessions", "/voila/api/kernels",
    "/voila/api/kernelspecs", "/voila/api/terminals", "/voila/terminals/1", "/voila/terminals/websocket/1",
    "/voila/api/config/notebook", "/voila/api/status", "/voila/api/me", "/voila/metrics", "/voila/files/",
    "/voila/voila/query/{kernel_id}", "/voila/voila/execution/{kernel_id}", "/voila/voila/static/voila.js",
    "/voila/static/voila.js", "/voila/voila/templates/base/static/voila.js", "/voila/voila/api/themes/x",
    "/voila/api/kernels/{kernel_id}/interrupt", "/voila/api/kernels/{kernel_id}/restart", "/voila/nbconvert/html/x",
)  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
def test_there_is_nothing_else_for_anybody(server: Serving, kernel_id: str, path: str):
    address = path.format(kernel_id=kernel_id)
    with server.as_(None) as nobody, server.as_("sid") as supervisor:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            assert nobody.request(method, address).status_code == 403
            assert supervisor.request(method, address).status_code in (403, 404)


def version_of(server: Serving) -> str:
    with server.as_("mlee") as client:
        found = re.search(r"/voila/([0-9a-f]{12})/static", client.get("/voila/render/operations.ipynb").text)
    assert found is not None
    return found[1]


def test_files_come_to_people_signed_in_and_only_those_that_pages_load(server: Serving):
    base = f"/voila/{version_of(server)}"
    with server.as_("mlee") as client, server.as_(None) as nobody:
        script = client.get(f"{base}/static/voila.js")
        assert script.status_code == 200
        assert script.headers["content-type"] == "text/javascript"
        assert "immutable" in script.headers["cache-control"]
        assert nobody.get(f"{base}/static/voila.js").status_code == 403
        extension = f"{base}/labextensions/anywidget/package.json"
        assert client.get(extension).status_code == 200
        assert nobody.get(extension).status_code == 403
        for path in (
            "static/../../operations.ipynb", "static/%2e%2e/%2e%2e/lab/index.html.j2", "static//etc/passwd",
            "static/%2fetc%2fpasswd", "static/..%2f..%2fbase%2findex.html.j2", "static/voila.js%00.png",
            "labextensions/jupyterlab_pygments/package.json",
            "labextensions/@voila-dashboards/jupyterlab-preview/package.json",
            "labextensions/anywidget/../../../kernels/python3/kernel.json", "labextensions/", "static/",
        ):  # fmt: skip
            assert client.get(f"{base}/{path}").status_code in (400, 403, 404), path


def test_a_session_that_ended_was_forged_or_is_a_kernels_opens_nothing(server: Serving):
    accounts = Accounts(server.home)
    account = accounts.get("gone")
    text = issue(server.home, account, now())
    session = verify(server.home, text, now())
    assert isinstance(session, Session)
    wrong = [
        kernel_token(server.home, session, now()), issue(server.home, account, now() - timedelta(hours=13)),
        text[:-2] + "AA", "mlee", "",
    ]  # fmt: skip
    accounts.disable("gone")
    for cookie in [text, *wrong]:
        answer = httpx.get(f"{server.url}/voila/render/operations.ipynb", headers={"Cookie": f"{COOKIE}={cookie}"})
        assert answer.status_code == 302


def test_nobody_connects_to_anothers_kernel(server: Serving, kernel_id: str):
    for name in (None, "rosa", "sid"):
        with pytest.raises(InvalidStatus) as refused, server.connected(name, kernel_id):
            pass
        assert refused.value.response.status_code == 403
        with server.as_(name) as client:
            assert client.get(f"/voila/api/kernels/{kernel_id}").status_code == 403
            assert client.post(f"/voila/voila/api/shutdown/{kernel_id}").status_code == 403
    with server.as_("mlee") as owner:
        assert owner.get(f"/voila/api/kernels/{kernel_id}").json()["id"] == kernel_id


def waiting_in(scratch: Path) -> set[str]:
    return {one.name for one in scratch.iterdir() if (one / "ipython").is_dir() and not (one / "token").exists()}


def test_a_kernel_that_waits_for_a_viewer_is_nobodys(server: Serving, kernel_id: str, marks: Path):
    scratch = Path(json.loads((marks / "environment.json").read_text())["HOME"]).parent
    # Pages opened just before may have taken all that waited: another comes.
    eventually(lambda: waiting_in(scratch), "a kernel waits for a viewer")
    for found in waiting_in(scratch):
        with pytest.raises(InvalidStatus) as refused, server.connected("mlee", found):
            pass
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "named",
    [{"origin": "http://elsewhere.example"}, {"subprotocols": None}, {"subprotocols": ["other"]}],
    ids=["from another site", "without a form", "in another form"],
)
def test_an_owner_connects_only_from_our_pages_and_in_our_form(
    server: Serving, kernel_id: str, named: dict[str, Any]
):
    with pytest.raises(InvalidStatus) as refused, server.connected("mlee", kernel_id, **named):
        pass
    assert refused.value.response.status_code in (400, 403)


CODE = "import pathlib; pathlib.Path({marks!r}, 'ran').touch()"


@pytest.mark.parametrize(
    ("kind", "channel", "content"),
    [
        ("execute_request", "shell", {"code": CODE, "silent": False, "user_expressions": {}}),
        ("execute_request", "control", {"code": CODE, "silent": False}),
        ("execute_request", "shell", {"code": "", "user_expressions": {"x": CODE}}),
        ("complete_request", "shell", {"code": "os.", "cursor_pos": 3}),
        ("inspect_request", "shell", {"code": "button", "cursor_pos": 6, "detail_level": 1}),
        ("history_request", "shell", {"hist_access_type": "tail", "n": 10, "output": True, "raw": True}),
        ("is_complete_request", "shell", {"code": "1"}),
        ("debug_request", "control", {"type": "request", "command": "evaluate", "arguments": {"expression": CODE}}),
        ("input_reply", "stdin", {"value": CODE}),
        ("shutdown_request", "control", {"restart": False}),
        ("shutdown_request", "shell", {"restart": False}),
        ("interrupt_request", "control", {}),
        ("create_subshell_request", "control", {}),
        ("usage_request", "control", {}),
        ("comm_open", "shell", {"comm_id": "c0ffee", "target_name": "jupyter.widget", "data": {"state": {}}}),
    ],
)  # fmt: skip
def test_a_message_that_mounts_nothing_is_not_answered_and_runs_nothing(
    server: Serving, kernel_id: str, marks: Path, kind: str, channel: str, content: dict[str, Any]
):
    filled = json.loads(
        json.dumps(content).replace(json.dumps(CODE)[1:-1], json.dumps(CODE.format(marks=str(marks)))[1:-1])
    )
    with server.connected("mlee", kernel_id) as talk:
        refused = talk.say(kind, filled, channel)
        asked = talk.say("kernel_info_request", {})
        for found, parent, _ in talk.heard():
            assert parent != refused
            if found == "kernel_info_reply" and parent == asked:
                break
    assert not (marks / "ran").exists()


def test_the_widgets_state_is_told_to_the_viewer(server: Serving, kernel_id: str):
    with server.connected("mlee", kernel_id) as talk:
        states = states_of(talk)
    assert "Delete all" in [state["state"].get("description") for state in states.values()]


def states_of(talk: Any) -> dict[str, Any]:
    talk.say("comm_open", {"comm_id": "control", "target_name": "jupyter.widget.control", "data": {}})
    talk.say("comm_msg", {"comm_id": "control", "data": {"method": "request_states"}})
    return next(
        content["data"]["states"]
        for kind, _, content in talk.heard()
        if kind == "comm_msg" and content["data"].get("method") == "update_states"
    )


def test_a_forged_press_of_a_disabled_button_does_nothing(server: Serving, kernel_id: str, marks: Path):
    with server.connected("mlee", kernel_id) as talk:
        button = next(
            model_id for model_id, one in states_of(talk).items() if one["state"].get("description") == "Delete all"
        )
        talk.say("comm_msg", {"comm_id": button, "data": {"method": "update", "state": {"disabled": False}}})
        talk.say("comm_msg", {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}})
        talk.answer("kernel_info_reply", talk.say("kernel_info_request", {}))
    assert not (marks / "pressed").exists()


def test_who_goes_on_with_such_messages_is_cut_off(server: Serving, kernel_id: str):
    with server.connected("mlee", kernel_id) as talk:
        for _ in range(MOST_REFUSED):
            talk.say("execute_request", {"code": "1"})
        with pytest.raises(ConnectionClosed) as closed:
            for _ in talk.heard():
                pass
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_a_kernel_finds_nobodys_secret_but_a_short_lived_token_of_its_viewer(
    server: Serving, kernel_id: str, marks: Path
):
    environment: dict[str, str] = json.loads((marks / "environment.json").read_text())
    assert not set(environment) & set(SECRETS)
    assert not [name for name in environment if name.startswith(("RAY_", "AWS_", "RTCC_HOME"))]
    assert not set(environment.values()) & set(SECRETS.values())
    scratch = Path(environment["HOME"]).parent / kernel_id
    text = (scratch / "token").read_text()
    session = verify(server.home, text, now())
    assert session is not None
    assert (session.kind, session.actor, session.scope) == ("kernel", "mlee", "mount")
    assert session.expires_at - now() <= timedelta(minutes=15)
    assert (scratch / "token").stat().st_mode & 0o777 == 0o600


def test_a_page_that_goes_takes_its_kernel_along_but_only_its_own(server: Serving):
    with server.as_("mlee") as client:
        page = client.get("/voila/render/operations.ipynb")
        found = re.search(r'"kernelId": "([0-9a-f-]{36})"', page.text)
        assert found is not None
        address = f"/voila/voila/api/shutdown/{found[1]}"
        cookies = {COOKIE: server.cookie("mlee")["Cookie"].partition("=")[2], "_xsrf": page.cookies["_xsrf"]}
    with httpx.Client(base_url=server.url, cookies=cookies) as client:
        assert client.post(address).status_code == 403  # without the page's own word
        assert client.post(
            address, data={"_xsrf": page.cookies["_xsrf"]}, headers={"Origin": "http://x.example"}
        ).status_code in (403, 404)
        assert client.post(address, data={"_xsrf": page.cookies["_xsrf"]}).status_code == 204
        assert client.get(f"/voila/api/kernels/{found[1]}").status_code == 403


def test_one_persons_many_pages_do_not_take_all_memory(server: Serving):
    first = server.opened("rosa")
    for _ in range(8):
        server.opened("rosa")
    with server.as_("rosa") as client:
        until_s = time.monotonic() + 20
        while client.get(f"/voila/api/kernels/{first}").status_code == 200 and time.monotonic() < until_s:
            pass
        assert client.get(f"/voila/api/kernels/{first}").status_code == 403
