"""JupyterLab: for investigators alone, each with what is theirs, and nothing of Ray's or from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from apps.dashboards.lab_rights import folders_of
from catalog.home import Home
from tests.apps.dashboards.serving import Serving, Talk, lab, people

SECRETS = {"RAY_AUTH_TOKEN": "ray-secret", "RAY_AUTH_TOKEN_PATH": "/ray", "RAY_ADDRESS": "somewhere",
           "MY_PASSWORD": "hunter2"}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("lab")
    home = Home.create(folder / "home")
    people(home, ("ines", "investigator"), ("ivan", "analyst"), ("mlee", "officer"), ("sid", "supervisor"))
    with lab(home, folder / "lab.log", SECRETS) as running:
        yield running


@pytest.fixture(scope="module")
def kernel_id(server: Serving) -> str:
    """A kernel that ines has started."""
    return started(server, "ines")


def browser(server: Serving, name: str) -> httpx.Client:
    """Return a client that has been to the lab's page, and says so as the page does."""
    with server.as_(name) as before:
        before.get("/lab/lab")
        word = before.cookies["_xsrf"]
    client = server.as_(name)
    client.headers["X-XSRFToken"] = word
    client.headers["Cookie"] += f"; _xsrf={word}"
    return client


def started(server: Serving, name: str) -> str:
    with browser(server, name) as client:
        answer = client.post("/lab/api/kernels", json={"name": "python3"})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def ran(talk: Talk, code: str) -> Any:
    """Run code that prints JSON, and return that."""
    asked = talk.say("execute_request", {
        "code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False,
    })  # fmt: skip
    printed = ""
    for kind, parent, content in talk.heard():
        if parent == asked and kind == "stream":
            printed += content["text"]
        if parent == asked and kind == "error":
            raise AssertionError("\n".join(content["traceback"]))
        if parent == asked and kind == "status" and content["execution_state"] == "idle":
            return json.loads(printed)
    raise AssertionError("unreachable")


@pytest.mark.parametrize("name", [None, "mlee", "sid"])
def test_it_is_for_investigators_analysts_and_administrators(server: Serving, kernel_id: str, name: str | None):
    with server.as_(name) as client:
        for path in ("/lab/lab", "/lab/", "/lab/api/terminals"):
            answer = client.get(path)
            assert answer.status_code == 302
            assert answer.headers["location"].startswith("/login?next=")
        for path in (
            "/lab/api/kernels",
            "/lab/api/contents",
            "/lab/api/me",
            "/lab/api/sessions",
            "/lab/lab/api/extensions",
        ):
            assert client.get(path).status_code == 403
        for path in ("/lab/api/kernels", "/lab/api/sessions", "/lab/api/contents/mlee", "/lab/api/shutdown"):
            assert client.post(path, json={}).status_code == 403
    with pytest.raises(InvalidStatus) as refused, server.connected(name, kernel_id, "/lab/"):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("name", ["ines", "ivan"])
def test_people_begin_in_a_folder_of_their_own_with_the_projects_notebooks(server: Serving, name: str):
    with server.as_(name) as client:
        assert client.get("/lab/").headers["location"] == f"/lab/lab/tree/{name}"
        names = [one["name"] for one in client.get(f"/lab/api/contents/{name}").json()["content"]]
    assert "first_look.ipynb" in names
    assert folders_of(server.home).stat().st_mode & 0o777 == 0o700


def test_code_runs_in_a_persons_name_and_finds_no_token(server: Serving, kernel_id: str):
    with server.connected("ines", kernel_id, "/lab/") as talk:
        environment = ran(talk, "import json, os; print(json.dumps(dict(os.environ)))")
        asking = ran(talk, "import getpass, json; print(json.dumps(getpass.getuser()))")
    assert not [name for name in environment if name.startswith("RAY_") or "PASSWORD" in name]
    assert not set(environment.values()) & set(SECRETS.values())
    assert Path(environment["RTCC_HOME"]) == server.home.root
    assert asking == "ines"


def test_nobody_uses_or_ends_anothers_kernel(server: Serving, kernel_id: str):
    with browser(server, "ivan") as other, browser(server, "ines") as owner:
        assert [one["id"] for one in owner.get("/lab/api/kernels").json()] == [kernel_id]
        assert other.get("/lab/api/kernels").json() == []
        assert other.get(f"/lab/api/kernels/{kernel_id}").status_code == 403
        assert other.delete(f"/lab/api/kernels/{kernel_id}").status_code == 403
        for action in ("interrupt", "restart"):
            assert other.post(f"/lab/api/kernels/{kernel_id}/{action}").status_code == 403
        taken = {"kernel": {"id": kernel_id}, "name": "", "path": "ivan/mine.ipynb", "type": "notebook"}
        made = other.post("/lab/api/sessions", json=taken)
        if made.status_code == 201:
            assert other.get("/lab/api/sessions").json() == []
            assert other.delete(f"/lab/api/sessions/{made.json()['id']}").status_code == 403
        assert owner.get(f"/lab/api/kernels/{kernel_id}").status_code == 200
    with pytest.raises(InvalidStatus), server.connected("ivan", kernel_id, "/lab/"):
        pass


def test_everybody_writes_in_their_own_folder_and_reads_in_all(server: Serving):
    text = {"type": "file", "format": "text", "content": "noted"}
    with browser(server, "ines") as ines, browser(server, "ivan") as ivan:
        assert ines.put("/lab/api/contents/ines/note.txt", json=text).status_code == 201
        assert ivan.get("/lab/api/contents/ines/note.txt").json()["content"] == "noted"
        for path in ("ines/note.txt", "note.txt", "ines/../ines/note.txt", "ivan/../ines/note.txt", "%2e%2e/x.txt"):
            answer = ivan.put(f"/lab/api/contents/{path}", json=text)
            assert answer.status_code in (400, 403, 404), path
        assert ivan.delete("/lab/api/contents/ines/note.txt").status_code == 403
        assert ivan.patch("/lab/api/contents/ines/note.txt", json={"path": "ivan/note.txt"}).status_code == 403
        assert ines.get("/lab/api/contents/ines/note.txt").json()["content"] == "noted"


def test_nobody_ends_the_server_opens_a_terminal_or_finds_voila(server: Serving):
    with browser(server, "ines") as client:
        assert client.post("/lab/api/shutdown").status_code == 403
        for path in (
            "/lab/api/terminals",
            "/lab/terminals/1",
            "/lab/voila/render/ines/first_look.ipynb",
            "/lab/voila",
        ):
            assert client.get(path).status_code == 404, path
        assert client.post("/lab/api/terminals").status_code in (403, 404)
        assert client.get("/lab/api").status_code == 200


def test_a_change_needs_the_pages_own_word(server: Serving):
    with server.as_("ines") as client:
        assert client.post("/lab/api/kernels", json={"name": "python3"}).status_code == 403
    with browser(server, "ines") as client:
        foreign = client.post("/lab/api/kernels", json={}, headers={"Origin": "http://elsewhere.example"})
        assert foreign.status_code in (403, 404)


def test_the_page_asks_nothing_of_the_world_outside(server: Serving):
    with server.as_("ines") as client:
        page = client.get("/lab/lab")
    found = page.text.split('id="jupyter-config-data" type="application/json">')[1].split("</script>")[0]
    settings = json.loads(found)
    assert settings["news"] == {"disabled": True} or not settings["news"].get("url")
    assert "default-src 'self'" in page.headers["content-security-policy"]
