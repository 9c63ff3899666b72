"""Sessions: what is signed is believed until it ends, and nothing else is."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from apps import accounts as accounts_module
from apps.accounts import Accounts
from apps.sessions import derived_key, issue, kernel_token, session_key, verify
from catalog.errors import NotFound, StorageFailed
from catalog.home import Home

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(accounts_module, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    made = Home.create(tmp_path / "home")
    Accounts(made).add("mlee", "officer", "M. Lee", "correct horse battery")
    return made


def test_a_session_says_who_until_its_time_is_over(home: Home):
    text = issue(home, Accounts(home).get("mlee"), NOON, hours=2)
    session = verify(home, text, NOON + HOUR)
    assert session is not None
    assert (session.actor, session.role, session.display) == ("mlee", "officer", "M. Lee")
    assert (session.kind, session.scope, session.expires_at) == ("person", "all", NOON + 2 * HOUR)
    assert verify(home, text, NOON + 2 * HOUR) is None


def test_a_session_ends_with_a_disabling_a_new_password_or_when_asked(home: Home):
    accounts = Accounts(home)
    ends = (
        lambda: accounts.disable("mlee"),
        lambda: accounts.disable("mlee", disabled=False),
        lambda: accounts.set_password("mlee", "another good one"),
        lambda: accounts.end_sessions("mlee"),
    )
    for end in ends:
        text = issue(home, accounts.get("mlee"), NOON)
        end()
        assert verify(home, text, NOON) is None


def test_the_role_is_the_one_the_account_has_now(home: Home):
    accounts = Accounts(home)
    text = issue(home, accounts.get("mlee"), NOON)
    accounts._change("mlee", lambda one: replace(one, role="supervisor"))
    session = verify(home, text, NOON)
    assert session is not None
    assert session.role == "supervisor"


def test_a_kernels_token_is_short_lived_scoped_and_ends_with_the_persons(home: Home):
    person = verify(home, issue(home, Accounts(home).get("mlee"), NOON, hours=1), NOON)
    assert person is not None
    session = verify(home, kernel_token(home, person, NOON), NOON)
    assert session is not None
    assert (session.kind, session.scope, session.expires_at) == ("kernel", "mount", NOON + timedelta(minutes=15))
    late = verify(home, kernel_token(home, person, NOON + timedelta(minutes=55)), NOON + timedelta(minutes=55))
    assert late is not None
    assert late.expires_at == NOON + HOUR
    with pytest.raises(NotFound):
        kernel_token(home, replace(person, actor="ghost"), NOON)


def test_another_homes_session_is_none(home: Home, tmp_path: Path):
    other = Home.create(tmp_path / "other")
    Accounts(other).add("mlee", "admin", "M. Lee", "correct horse battery")
    assert verify(home, issue(other, Accounts(other).get("mlee"), NOON), NOON) is None


def test_a_session_with_any_character_changed_is_none(home: Home):
    text = issue(home, Accounts(home).get("mlee"), NOON)
    for place in range(len(text)):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        assert verify(home, changed, NOON) is None
    assert verify(home, text, NOON) is not None


@given(st.one_of(st.text(max_size=60), st.from_regex(r"v1\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_=-]{0,50}")))
def test_made_up_text_is_none(made_home: Home, text: str):
    assert verify(made_home, text, NOON) is None


@pytest.fixture(scope="module")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home.create(tmp_path_factory.mktemp("made") / "home")


def test_overlong_text_is_none(home: Home):
    assert verify(home, issue(home, Accounts(home).get("mlee"), NOON) + "A" * 10_000, NOON) is None


def test_the_key_is_the_owners_alone_and_stays(home: Home):
    key = session_key(home)
    assert len(key) == 32
    assert stat.S_IMODE((home.run_dir / "session.key").stat().st_mode) == 0o600
    assert session_key(home) == key


def test_many_first_uses_at_once_make_one_key(tmp_path: Path):
    home = Home.create(tmp_path / "home")
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: session_key(home), range(16)))) == 1
    assert [path.name for path in home.run_dir.iterdir()] == ["session.key"]


def test_a_new_key_ends_all_sessions(home: Home):
    text = issue(home, Accounts(home).get("mlee"), NOON)
    (home.run_dir / "session.key").unlink()
    assert verify(home, text, NOON) is None


def test_a_damaged_key_says_so_and_signs_nothing(home: Home):
    (home.run_dir / "session.key").write_bytes(b"")
    with pytest.raises(StorageFailed, match=r"session\.key"):
        issue(home, Accounts(home).get("mlee"), NOON)


def test_keys_for_other_uses_differ_and_stay(home: Home):
    assert derived_key(home, "a") == derived_key(home, "a")
    assert len({derived_key(home, "a"), derived_key(home, "b"), session_key(home)}) == 3
