"""Users and passwords of cameras: one file in the data home, for the owner's eyes only."""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from catalog.errors import BadInput, NotFound, StorageFailed

FILE_NAME = "credentials.toml"
"""Where they are kept, in the data home."""

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Rights of everyone but the owner: the file may grant none."""

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""Characters that could end a header or a line of the file early."""

HEAD = """\
# Users and passwords of cameras, by camera or by host. `rtcc cameras credential` keeps it, without your comments.
"""
"""First line of the file."""

CredentialKind = Literal["camera", "host"]


@dataclass(frozen=True)
class Credential:
    """A user and a password of a device.

    Its `repr` hides the password. It may be pickled, so that Ray can hand it to the actor that opens the feed: the
    password then lies in Ray's memory and, where Ray spills, on disk. Hand it over at the last moment, as an
    argument of its own, and never as part of a setting that is logged or kept.
    """

    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.user or ":" in self.user:
            raise BadInput(
                "the user of a credential may be neither empty nor hold a ':'; name the camera's account"
            )
        for what, text in (("user", self.user), ("password", self.password)):
            if CONTROL.search(text) or not _is_text(text):
                raise BadInput(
                    f"the {what} of a credential holds a control character or broken text; "
                    "give it as one line of UTF-8"
                )


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, order=True)
class CredentialName:
    """What a credential is for."""

    kind: CredentialKind
    name: str
    """A camera_id; or a host name or address, with `:port` where it counts for that port only."""

    def __post_init__(self) -> None:
        if not self.name or CONTROL.search(self.name) or not _is_text(self.name):
            raise BadInput(f"a credential needs the name of its {self.kind}, one line of text")


class CredentialStore:
    """The credentials of one data home.

    The file holds one table a camera or host::

        [camera.farish-1]
        user = "operator"
        password = "…"

        [host."10.0.0.5"]
        user = "operator"
        password = "…"

    Parameters
    ----------
    home_root
        Folder of the data home.
    """

    def __init__(self, home_root: Path) -> None:
        self.path = home_root / FILE_NAME

    def for_camera(self, camera_id: str | None, uri: str) -> Credential | None:
        """Return what opens this camera's feed: its own credential, else its host's; `None` where none is kept.

        Parameters
        ----------
        camera_id
            `None` for a feed that belongs to no registered camera.
        uri
            Where the feed is; its host with its port comes before its host alone.

        Raises
        ------
        BadInput
            When others may read the file, or it cannot be read as what it should be.
        """
        kept = self._read()
        wanted = [CredentialName("camera", camera_id)] if camera_id else []
        wanted += [CredentialName("host", host) for host in _hosts(uri)]
        return next((kept[name] for name in wanted if name in kept), None)

    def names(self) -> tuple[CredentialName, ...]:
        """Return what there are credentials for, in order."""
        return tuple(sorted(self._read()))

    def set(self, name: CredentialName, credential: Credential) -> None:
        """Keep a credential, in place of what was kept under this name; once it returns, it is on the disk."""
        with self._alone():
            self._write({**self._read(), name: credential})

    def remove(self, name: CredentialName) -> None:
        """Forget a credential.

        Raises
        ------
        NotFound
            When there is none under this name.
        """
        with self._alone():
            kept = self._read()
            if kept.pop(name, None) is None:
                raise NotFound(
                    f"there is no credential for {name.kind} {name.name!r}; `rtcc cameras credential list` shows "
                    "what there is"
                )
            self._write(kept)

    def _read(self) -> dict[CredentialName, Credential]:
        try:
            with self.path.open("rb") as file:
                # asked of the open file: what is at the path may be another by now
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read() if not mode & OTHERS else b""
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageFailed(f"{self.path} cannot be read: {error.strerror}; check who owns it") from error
        if mode & OTHERS:
            raise BadInput(
                f"{self.path} holds passwords, and its mode {mode:04o} lets others at them; "
                f"`chmod 600 {self.path}`, and change the passwords if others have been on this machine"
            )
        return self._parsed(text)

    def _parsed(self, text: bytes) -> dict[CredentialName, Credential]:
        try:
            tables = tomllib.loads(text.decode())
        except UnicodeDecodeError:
            where = "it is not UTF-8"
        except tomllib.TOMLDecodeError as error:
            where = str(error)
        else:
            return dict(_entries(tables, self.path))
        # raised out here: the chain of an error raised above would hold the text, and with it the passwords
        raise BadInput(f"{self.path} cannot be read: {where}; mend that line")

    def _write(self, kept: Mapping[CredentialName, Credential]) -> None:
        part = self.path.with_name(f"{FILE_NAME}.part")
        try:
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(_toml(kept).encode())
                file.flush()
                os.fsync(file.fileno())
            part.rename(self.path)
            _sync(self.path.parent)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise StorageFailed(f"{self.path} cannot be written: {error.strerror}; nothing was changed") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other writers of this home out, so that two who change it at once lose nothing."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise NotFound(f"{self.path.parent} is no data home; make one with `rtcc init`") from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def _hosts(uri: str) -> tuple[str, ...]:
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ()
    if host is None:
        return ()
    bracketed = f"[{host}]" if ":" in host else host
    return (f"{bracketed}:{port}", host) if port else (host,)


def _entries(tables: Mapping[str, object], path: Path) -> Iterator[tuple[CredentialName, Credential]]:
    for kind in get_args(CredentialKind):
        entries = tables.get(kind, {})
        if not isinstance(entries, dict):
            raise BadInput(f"{path}: `{kind}` is no table; write [{kind}.NAME] over user and password")
        for name, entry in entries.items():
            if not isinstance(entry, dict) or set(entry) != {"user", "password"}:
                raise BadInput(
                    f"{path}: [{kind}.{name}] holds user and password, each once and nothing else; mend it"
                )
            user, password = entry["user"], entry["password"]
            if not isinstance(user, str) or not isinstance(password, str):
                raise BadInput(f"{path}: user and password of [{kind}.{name}] are texts; put them in quotes")
            yield CredentialName(kind, name), Credential(user, password)
    if unknown := sorted(set(tables) - set(get_args(CredentialKind))):
        raise BadInput(f"{path}: [{unknown[0]}] is unknown; write [camera.ID] or [host.NAME]")


def _toml(kept: Mapping[CredentialName, Credential]) -> str:
    tables = [
        f"\n[{name.kind}.{_quoted(name.name)}]\nuser = {_quoted(kept[name].user)}\n"
        f"password = {_quoted(kept[name].password)}\n"
        for name in sorted(kept)
    ]
    return HEAD + "".join(tables)


def _quoted(text: str) -> str:
    # a JSON string without control characters is a basic string of TOML
    return json.dumps(text, ensure_ascii=False)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
