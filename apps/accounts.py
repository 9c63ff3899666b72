"""Accounts of the people who sign in: name, role, and a password kept as its Argon2id hash alone."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from apps.edge import now
from catalog.access import ROLES, Role
from catalog.errors import BadInput, CatalogConflict, NotFound
from catalog.home import Home

Palette = Literal["standard", "high_contrast", "colour_safe"]
PALETTES: tuple[str, ...] = get_args(Palette)

NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")
"""What an account's name looks like: it stands in the audit, in file names of nobody, and is typed all day."""

LEAST_PASSWORD = 10
MOST_PASSWORD = 1024
"""Characters of a password; the most that is hashed, so that nobody keeps the server busy with a novel."""

MOST_FAILURES = 5
"""Failed sign-ins of one name after which it is locked."""

FAILURES_COUNT_FOR = timedelta(minutes=15)
"""How long a failed sign-in counts."""

MOST_UNKNOWN = 4096
"""Names without an account whose failures are remembered; they lock as others do, so that they look alike."""

GENERATED_BYTES = 12
"""Randomness of a generated password, bytes: 16 characters."""

_HASHER = PasswordHasher()


@dataclass(frozen=True)
class Settings:
    """How one person wants the pages."""

    sound: bool = True
    volume: float = 0.6
    """Loudness of sounds, 0 to 1."""
    palette: Palette = "standard"
    reduced_motion: bool = False

    def __post_init__(self) -> None:
        if not (isinstance(self.sound, bool) and isinstance(self.reduced_motion, bool)):
            raise BadInput("sound and reduced_motion are true or false")
        number = isinstance(self.volume, int | float) and not isinstance(self.volume, bool)
        if not (number and 0.0 <= self.volume <= 1.0):
            raise BadInput(f"volume {self.volume!r} is no number from 0 to 1")
        if self.palette not in PALETTES:
            raise BadInput(f"palette {self.palette!r} is unknown; there are {', '.join(PALETTES)}")


@dataclass(frozen=True)
class Account:
    """One person who may sign in."""

    name: str
    role: Role
    display: str
    """How the person is called on the pages."""
    password_hash: str = field(repr=False)
    disabled: bool = False
    epoch: int = 0
    """Sessions of an earlier epoch have ended: +1 with every new password and with every disabling."""
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise BadInput(
                f"account name {self.name!r} will not do; use at most 32 of a-z, 0-9, '.', '_', '-', a letter first"
            )
        if self.role not in ROLES or self.role == "service":
            people = ", ".join(role for role in ROLES if role != "service")
            raise BadInput(f"role {self.role!r} is none a person has; use one of {people}")
        if not (0 < len(self.display.strip()) <= 64 and self.display.isprintable()):
            raise BadInput(f"an account's display name has 1 to 64 printable characters, not {self.display!r}")

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Account:
        """Return the account that `asdict` has written."""
        return cls(**{**document, "settings": Settings(**document.get("settings", {}))})


class Accounts:
    """The accounts of one home.

    Others may change the file meanwhile (`rtcc people`): every question reads it again where it has changed. Failed
    sign-ins are counted in this object; a server keeps one for as long as it runs. Threads may share it.
    """

    def __init__(self, home: Home, *, clock: Callable[[], datetime] = now) -> None:
        self.path = accounts_path(home)
        self._clock = clock
        self._failures: dict[str, deque[datetime]] = {}
        self._unknown: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> Account:
        """Return the account of this name.

        Raises
        ------
        NotFound
            When there is none.
        """
        found = read_accounts(self.path).get(name)
        if found is None:
            raise NotFound(f"there is no account {name!r}; `rtcc people list` shows those there are")
        return found

    def all(self) -> tuple[Account, ...]:
        """Return all accounts, by name."""
        return tuple(account for _, account in sorted(read_accounts(self.path).items()))

    def check(self, name: str, password: str) -> Account | None:
        """Return the account if the password is its own and it may sign in, else `None`.

        An unknown, a locked and a disabled account cost as much time as a wrong password and answer alike.
        """
        account = read_accounts(self.path).get(name)
        fits = _verify(account.password_hash if account else _nobodys_hash(), password[:MOST_PASSWORD])
        with self._lock:
            failures = self._recent_failures(name, known=account is not None)
            if len(failures) >= MOST_FAILURES:
                return None
            if account is None or not fits or account.disabled or len(password) > MOST_PASSWORD:
                failures.append(self._clock())
                return None
            failures.clear()
        return account

    def locked_until(self, name: str) -> datetime | None:
        """Return when this name may try again after too many failures; `None` while it may."""
        with self._lock:
            failures = self._recent_failures(name, known=name in read_accounts(self.path))
            return failures[0] + FAILURES_COUNT_FOR if len(failures) >= MOST_FAILURES else None

    def _recent_failures(self, name: str, *, known: bool) -> deque[datetime]:
        if known:
            failures = self._failures.setdefault(name, deque())
        else:
            failures = self._unknown.setdefault(name, deque())
            self._unknown.move_to_end(name)
            while len(self._unknown) > MOST_UNKNOWN:
                self._unknown.popitem(last=False)
        while failures and self._clock() - failures[0] >= FAILURES_COUNT_FOR:
            failures.popleft()
        return failures

    def add(self, name: str, role: Role, display: str, password: str) -> Account:
        """Add an account.

        Raises
        ------
        BadInput
            When name, role, display or password will not do.
        CatalogConflict
            When there is one of this name already, disabled ones included: a name in the audit stays one person.
        """
        account = Account(name, role, display, _hashed(password))
        with self._changing() as accounts:
            if name in accounts:
                raise CatalogConflict(f"there is an account {name!r} already; names are given once, choose another")
            accounts[name] = account
        return account

    def set_password(self, name: str, password: str) -> Account:
        """Give an account another password; its sessions end."""
        password_hash = _hashed(password)
        return self._change(name, lambda one: replace(one, password_hash=password_hash, epoch=one.epoch + 1))

    def disable(self, name: str, *, disabled: bool = True) -> Account:
        """Let an account not sign in any more, or again; its sessions end."""
        return self._change(name, lambda one: replace(one, disabled=disabled, epoch=one.epoch + 1))

    def end_sessions(self, name: str) -> Account:
        """End all sessions of an account, wherever they are."""
        return self._change(name, lambda one: replace(one, epoch=one.epoch + 1))

    def set_settings(self, name: str, settings: Settings) -> Account:
        """Keep how a person wants the pages."""
        return self._change(name, lambda one: replace(one, settings=settings))

    def _change(self, name: str, changed: Callable[[Account], Account]) -> Account:
        with self._changing() as accounts:
            if name not in accounts:
                raise NotFound(f"there is no account {name!r}; `rtcc people list` shows those there are")
            accounts[name] = changed(accounts[name])
        return accounts[name]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        """Yield the accounts and write them afterwards, whole or not at all; one process at a time."""
        with open(self.path.with_suffix(".lock"), "a", opener=_owner_only) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            accounts = dict(read_accounts(self.path))
            yield accounts
            _write(self.path, accounts)


def accounts_path(home: Home) -> Path:
    """Return the file of a home's accounts."""
    return home.root / "accounts.json"


def generated_password() -> str:
    """Return a password nobody has chosen."""
    return secrets.token_urlsafe(GENERATED_BYTES)


_read: dict[Path, tuple[tuple[int, int, int], dict[str, Account]]] = {}
"""By file: what tells its present contents from others, and the accounts in it. A new file has another inode."""


def read_accounts(path: Path) -> dict[str, Account]:
    """Return the accounts in a file by name, read again where it has changed; none where there is no file.

    Raises
    ------
    BadInput
        When the file is damaged.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return {}
    state = (found.st_ino, found.st_mtime_ns, found.st_size)
    known = _read.get(path)
    if known is None or known[0] != state:
        try:
            accounts = [Account.from_json(one) for one in json.loads(path.read_text())["accounts"]]
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path} cannot be read: {error}; put back a copy of it") from error
        known = _read[path] = (state, {account.name: account for account in accounts})
    return known[1]


def _write(path: Path, accounts: dict[str, Account]) -> None:
    document = {"accounts": [asdict(account) for _, account in sorted(accounts.items())]}
    part = path.with_suffix(".new")
    with open(part, "w", opener=_owner_only) as file:
        os.fchmod(file.fileno(), 0o600)
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _hashed(password: str) -> str:
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise BadInput(f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters, not {len(password)}")
    return _HASHER.hash(password)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


_nobody: list[str] = []


def _nobodys_hash() -> str:
    """Return a hash that no password fits, made on first use: what an unknown name is checked against."""
    if not _nobody:
        _nobody.append(_HASHER.hash(secrets.token_bytes(32)))
    return _nobody[0]
