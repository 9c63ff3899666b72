"""Sessions: signed words that say who is signed in, until when, and what they may be used for.

Every server of the command center verifies them by itself, with the home's key and the accounts as they are now.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from apps.accounts import Account, Accounts, accounts_path, read_accounts
from catalog.access import Role
from catalog.errors import StorageFailed
from catalog.home import Home

COOKIE = "rtcc_session"
"""The cookie that holds a person's session."""

Kind = Literal["person", "kernel"]

KEY_BYTES = 32
FORMAT = "v1"
MOST_CHARACTERS = 4096
"""Longest text that is looked at at all."""

EVERYTHING = "all"
"""The scope of a person's own session."""


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in, or the kernel of a page of theirs."""

    actor: str
    role: Role
    display: str
    expires_at: datetime
    kind: Kind = "person"
    scope: str = EVERYTHING
    """What it may be used for: `all` of a person's role; for kernels the one thing they were given it for."""


def issue(home: Home, account: Account, now: datetime, hours: float = 12) -> str:
    """Return the session of somebody who has just signed in, as text for the cookie."""
    return _signed(home, account.name, account.epoch, now + timedelta(hours=hours), "person", EVERYTHING)


def kernel_token(home: Home, session: Session, now: datetime, minutes: float = 15, scope: str = "mount") -> str:
    """Return a short-lived session of a person's kernel, for one thing; it never outlives the person's own.

    Raises
    ------
    NotFound
        When the person's account has gone meanwhile.
    """
    account = Accounts(home).get(session.actor)
    expires_at = min(now + timedelta(minutes=minutes), session.expires_at)
    return _signed(home, account.name, account.epoch, expires_at, "kernel", scope)


def verify(home: Home, text: str, now: datetime) -> Session | None:
    """Return whose session this is, with the role they have now; `None` where it is none, or has ended.

    It has ended when its time is over, the account is disabled or gone, or its epoch is an earlier one. Who takes
    only people must look at `kind`.
    """
    said = _said(home, text)
    if said is None:
        return None
    account = read_accounts(accounts_path(home)).get(said.actor)
    if account is None or account.disabled or account.epoch != said.epoch or now >= said.expires_at:
        return None
    return Session(account.name, account.role, account.display, said.expires_at, said.kind, said.scope)


@dataclass(frozen=True)
class _Said:
    actor: str
    epoch: int
    expires_at: datetime
    kind: Kind
    scope: str


def _signed(home: Home, actor: str, epoch: int, expires_at: datetime, kind: Kind, scope: str) -> str:
    # the random part keeps two sessions of one second apart
    said = [actor, epoch, int(expires_at.timestamp()), kind, scope, secrets.token_hex(8)]
    body = _text(json.dumps(said, separators=(",", ":")).encode())
    return f"{FORMAT}.{body}.{_text(_signature(home, body))}"


def _said(home: Home, text: str) -> _Said | None:
    """Return what a text says, if the home's key has signed it."""
    if len(text) > MOST_CHARACTERS or not text.isascii() or text.count(".") != 2:
        return None
    form, body, signature = text.split(".")
    if form != FORMAT or not hmac.compare_digest(_text(_signature(home, body)), signature):
        return None
    actor, epoch, expires_s, kind, scope, _ = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    if kind not in get_args(Kind):
        return None
    return _Said(actor, epoch, datetime.fromtimestamp(expires_s, UTC), kind, scope)


def _signature(home: Home, body: str) -> bytes:
    return hmac.digest(session_key(home), f"{FORMAT}.{body}".encode(), hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def session_key(home: Home) -> bytes:
    """Return the home's key, made on first use; whoever removes the file ends all sessions."""
    path = home.run_dir / "session.key"
    try:
        return _key_in(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        _make_key(path)
        return _key_in(path, path.stat().st_mtime_ns)


def derived_key(home: Home, use: str) -> bytes:
    """Return a key of 32 bytes for another use, the same at every start, that tells nothing of the home's key."""
    return hmac.digest(session_key(home), f"derived for {use}".encode(), hashlib.sha256)


@lru_cache(maxsize=16)
def _key_in(path: Path, _: int) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise StorageFailed(f"{path} holds no key of {KEY_BYTES} bytes; remove it, and everybody signs in again")
    return key


def _make_key(path: Path) -> None:
    """Write a new key, unless another process has just done so: a link is made whole or not at all."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            return
    finally:
        part.unlink()
