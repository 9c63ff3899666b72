"""Users and passwords of cameras: who may read them, and what they are for."""

from __future__ import annotations

import os
import pickle
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import BadInput, NotFound, StorageFailed
from workbench.feeds import credentials
from workbench.feeds.credentials import Credential, CredentialName, CredentialStore

FARISH = CredentialName("camera", "farish-1")
HOST = CredentialName("host", "10.0.0.5")
SECRET = "p@ss:w/rd%"


@pytest.fixture
def store(tmp_path: Path) -> CredentialStore:
    return CredentialStore(tmp_path)


def test_a_home_without_credentials_has_none(store: CredentialStore) -> None:
    assert store.names() == ()
    assert store.for_camera("farish-1", "rtsp://10.0.0.5/a") is None


def test_a_camera_s_own_credential_comes_before_its_host_s_and_a_port_s_before_the_host_s(
    store: CredentialStore,
) -> None:
    own, ports, hosts = (Credential(user, "x") for user in ("own", "port", "host"))
    store.set(FARISH, own)
    store.set(HOST, hosts)
    store.set(CredentialName("host", "10.0.0.5:8554"), ports)
    store.set(CredentialName("host", "fd00::5"), hosts)
    assert store.for_camera("farish-1", "rtsp://10.0.0.5:8554/a") == own
    assert store.for_camera("dock-2", "rtsp://10.0.0.5:8554/a") == ports
    assert store.for_camera(None, "rtsp://10.0.0.5/a") == hosts
    assert store.for_camera(None, "rtsp://[fd00::5]:8554/a") == hosts
    assert store.for_camera(None, "rtsp://10.0.0.50/a") is None
    assert store.for_camera(None, "file:///srv/a.mp4") is None


def test_only_the_owner_may_read_the_file(store: CredentialStore) -> None:
    before = os.umask(0)
    try:
        store.set(FARISH, Credential("operator", SECRET))
    finally:
        os.umask(before)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644], ids=oct)
def test_a_file_that_others_may_touch_is_refused_and_the_error_says_what_to_do(
    store: CredentialStore, mode: int
) -> None:
    store.set(FARISH, Credential("operator", SECRET))
    store.path.chmod(mode)
    for use in (
        store.names,
        lambda: store.for_camera("farish-1", ""),
        lambda: store.set(HOST, Credential("a", "b")),
    ):
        with pytest.raises(BadInput, match="chmod 600") as refused:
            use()
        assert SECRET not in str(refused.value)
    store.path.chmod(0o600)
    assert store.names() == (FARISH,)


@pytest.mark.parametrize(
    "text",
    [
        f'[camera.farish-1]\nuser = "operator"\npassword = "{SECRET}\n',
        f'[camera.farish-1]\nuser = "operator"\npasswort = "{SECRET}"\n',
        f'[camera.farish-1]\nuser = "operator"\npassword = ["{SECRET}"]\n',
        f'[camera]\nfarish-1 = "{SECRET}"\n',
        f'camera = "{SECRET}"\n',
        f'[cameras.farish-1]\nuser = "operator"\npassword = "{SECRET}"\n',
        f'[camera.farish-1]\nuser = "op:erator"\npassword = "{SECRET}"\n',
        f'[camera.farish-1]\nuser = "operator"\npassword = "{SECRET}\\n"\n',
        f'[camera.farish-1]\nuser = "operator"\npassword = "{SECRET}\xff"\n'.encode("latin-1"),
    ],
    ids=["open", "misspelt", "list", "no_table", "no_tables", "unknown", "colon", "line_break", "not_utf8"],
)
def test_a_file_that_cannot_be_read_is_named_and_shows_no_password(
    store: CredentialStore, text: str | bytes
) -> None:
    store.path.touch(0o600)
    store.path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInput) as refused:
        store.names()
    error: BaseException | None = refused.value
    while error is not None:
        assert SECRET not in f"{error} {error!r} {error.args} {vars(error)}"
        error = error.__cause__ or error.__context__


@settings(max_examples=40, deadline=None)
@given(
    user=st.text(st.characters(exclude_characters=":", exclude_categories=("Cc", "Cs")), min_size=1),
    password=st.text(st.characters(exclude_categories=("Cc", "Cs"))),
    camera_id=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
)
def test_what_is_set_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, user: str, password: str, camera_id: str
) -> None:
    store = CredentialStore(tmp_path_factory.mktemp("home"))
    store.set(CredentialName("camera", camera_id), Credential(user, password))
    assert CredentialStore(store.path.parent).for_camera(camera_id, "") == Credential(user, password)


@pytest.mark.parametrize(
    ("user", "password"),
    [("", "x"), ("a:b", "x"), ("a\n", "x"), ("a", "x\r\nHost: b"), ("a", "x\0"), ("a", "\udcff")],
    ids=["no_user", "colon", "line_break", "header", "nul", "broken"],
)
def test_a_login_that_could_not_be_sent_as_it_is_is_refused(user: str, password: str) -> None:
    with pytest.raises(BadInput):
        Credential(user, password)


def test_a_credential_hides_its_password_and_travels(store: CredentialStore) -> None:
    credential = Credential("operator", SECRET)
    assert SECRET not in f"{credential} {credential!r} {[credential]}"
    assert pickle.loads(pickle.dumps(credential)) == credential


def test_what_is_forgotten_is_gone_from_the_file_and_cannot_be_forgotten_twice(store: CredentialStore) -> None:
    store.set(FARISH, Credential("operator", SECRET))
    store.set(HOST, Credential("host", "other"))
    store.remove(FARISH)
    assert store.names() == (HOST,)
    assert SECRET not in store.path.read_text()
    with pytest.raises(NotFound, match="farish-1"):
        store.remove(FARISH)


def test_a_write_that_fails_leaves_what_was_there(store: CredentialStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.set(FARISH, Credential("operator", SECRET))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(credentials.os, "fsync", full)
        with pytest.raises(StorageFailed, match="No space left"):
            store.set(HOST, Credential("host", "other"))
    assert store.names() == (FARISH,)
    assert [path.name for path in store.path.parent.iterdir()] == ["credentials.toml"]


def test_the_rest_of_a_killed_write_is_in_nobody_s_way(store: CredentialStore) -> None:
    store.path.with_name("credentials.toml.part").write_text("half")
    store.set(FARISH, Credential("operator", SECRET))
    assert [path.name for path in store.path.parent.iterdir()] == ["credentials.toml"]


def test_those_who_write_at_once_lose_nothing(store: CredentialStore) -> None:
    names = [CredentialName("camera", f"dock-{number}") for number in range(12)]
    barrier = threading.Barrier(len(names))

    def write(name: CredentialName) -> None:
        barrier.wait()
        CredentialStore(store.path.parent).set(name, Credential("operator", SECRET))

    threads = [threading.Thread(target=write, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(store.names()) == set(names)


def test_there_is_no_credential_without_a_home(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="rtcc init"):
        CredentialStore(tmp_path / "nowhere").set(FARISH, Credential("operator", SECRET))
