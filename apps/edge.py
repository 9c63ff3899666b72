"""The edge of the command: the only place that reads the environment, the account and the clock."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from catalog.access import Access, Purpose, Role
from catalog.errors import NotFound, StorageFailed
from catalog.home import Home

if TYPE_CHECKING:
    from catalog.client import KeeperClient
    from catalog.reader import Reader

DEFAULT_HOME = "~/.rtcc"


@dataclass(frozen=True)
class Asking:
    """Who runs the command and why, and which home it is about: the options before the command's name."""

    home_root: Path
    actor: str
    purpose: str
    """As given, or empty for the command's own."""
    case_id: str | None
    debug: bool = False

    def access(self, role: Role = "investigator", purpose: Purpose = "investigation") -> Access:
        """Return the access of this command; its usual purpose stands unless another was given."""
        return Access(self.actor, role, cast(Purpose, self.purpose or purpose), self.case_id)

    def home(self) -> Home:
        """Return the home, which must exist.

        Raises
        ------
        NotFound
            When there is none yet.
        """
        try:
            return Home.open(self.home_root)
        except NotFound as error:
            raise NotFound(f"{error} (the commands `rtcc demo` and `rtcc index` make one by themselves)") from error

    def home_made(self) -> Home:
        """Return the home, made now where there is none."""
        try:
            return Home.create(self.home_root)
        except OSError as error:
            raise StorageFailed(
                f"the data home {self.home_root} cannot be made: {error.strerror}; name another folder in RTCC_HOME"
            ) from error

    def with_purpose(self, purpose: str) -> Asking:
        """Return the same for a purpose given to the command itself."""
        return replace(self, purpose=purpose or self.purpose)


def home_root() -> Path:
    """Return the folder that `RTCC_HOME` names, or the usual one."""
    named = os.environ.get("RTCC_HOME", "").strip()  # noqa: TID251 this is the edge
    return Path(named or DEFAULT_HOME).expanduser()


def asset_caches() -> tuple[Path, ...]:
    """Return the folders that may hold assets already: what `RTCC_ASSETS` names, if it does."""
    named = os.environ.get("RTCC_ASSETS", "").strip()  # noqa: TID251 this is the edge
    return (Path(named).expanduser(),) if named else ()


def account() -> str:
    """Return the name of the account this process runs as."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a number without a name
        return f"uid-{os.getuid()}"


def now() -> datetime:
    """Return the present instant, UTC."""
    return datetime.now(UTC)  # noqa: TID251 this is the edge


@contextmanager
def writing(home: Home) -> Iterator[KeeperClient]:
    """Yield the home's write door; its keeper is started when none runs."""
    from catalog.client import open_door  # the doors bring the catalog along, and who asks the time needs none

    door = open_door(home)
    try:
        yield door
    finally:
        door.close()


@contextmanager
def reading(home: Home, access: Access, *, as_of: int | datetime | None = None) -> Iterator[Reader]:
    """Yield the home's read door for one person and purpose."""
    from catalog.reader import Reader

    with writing(home) as door:
        reader = Reader(home, access, door, as_of=as_of)
        try:
            yield reader
        finally:
            reader.close()
