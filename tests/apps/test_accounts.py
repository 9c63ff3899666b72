"""Accounts: what is kept, who gets in, and when a name is locked."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from apps import accounts as accounts_module
from apps.accounts import FAILURES_COUNT_FOR, MOST_FAILURES, Accounts, Settings, accounts_path
from catalog.errors import BadInput, CatalogConflict, NotFound
from catalog.home import Home

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(home: Home, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """Accounts whose hashes are cheap: what they cost is the library's, not what is tested here."""
    monkeypatch.setattr(accounts_module, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    monkeypatch.setattr(accounts_module, "_nobody", [])
    made = Accounts(home, clock=clock)
    made.add("mlee", "officer", "M. Lee", PASSWORD)
    return made


def test_the_right_password_gets_in_and_no_other(accounts: Accounts):
    account = accounts.check("mlee", PASSWORD)
    assert account is not None
    assert (account.name, account.role, account.display) == ("mlee", "officer", "M. Lee")
    assert accounts.check("mlee", PASSWORD + "x") is None
    assert accounts.check("mlee", "") is None
    assert accounts.check("nobody", PASSWORD) is None


def test_the_file_is_the_owners_alone_and_holds_no_password(home: Home, accounts: Accounts):
    path = accounts_path(home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert PASSWORD not in text
    assert json.loads(text)["accounts"][0]["password_hash"].startswith("$argon2id$")
    assert "argon2" not in repr(accounts.get("mlee"))


def test_a_name_is_locked_after_some_failures_even_for_the_right_password(accounts: Accounts, clock: Clock):
    for _ in range(MOST_FAILURES):
        assert accounts.check("mlee", "wrong password") is None
    assert accounts.check("mlee", PASSWORD) is None
    assert accounts.locked_until("mlee") == NOON + FAILURES_COUNT_FOR
    clock.at += FAILURES_COUNT_FOR
    assert accounts.locked_until("mlee") is None
    assert accounts.check("mlee", PASSWORD) is not None


def test_failures_before_a_success_are_forgotten(accounts: Accounts):
    for _ in range(3):
        for _ in range(MOST_FAILURES - 1):
            accounts.check("mlee", "wrong password")
        assert accounts.check("mlee", PASSWORD) is not None


def test_a_name_without_an_account_is_locked_as_one_with(accounts: Accounts):
    for _ in range(MOST_FAILURES):
        accounts.check("ghost", "wrong password")
    assert accounts.locked_until("ghost") == NOON + FAILURES_COUNT_FOR


def test_an_unknown_name_costs_a_hash_as_a_known_one_does(accounts: Accounts, monkeypatch: pytest.MonkeyPatch):
    checked: list[str] = []

    def verify(password_hash: str, password: str) -> bool:
        checked.append(password_hash)
        return False

    monkeypatch.setattr(accounts_module, "_verify", verify)
    accounts.check("mlee", "wrong password")
    accounts.check("ghost", "wrong password")
    assert len(checked) == 2
    assert checked[0] != checked[1]
    assert all(one.startswith("$argon2id$") for one in checked)


def test_who_is_disabled_does_not_get_in_until_that_is_undone(accounts: Accounts):
    assert accounts.disable("mlee").epoch == 1
    assert accounts.check("mlee", PASSWORD) is None
    accounts.disable("mlee", disabled=False)
    assert accounts.check("mlee", PASSWORD) is not None


def test_what_another_process_changed_is_seen(home: Home, accounts: Accounts):
    Accounts(home).set_password("mlee", "another good one")
    assert accounts.check("mlee", PASSWORD) is None
    assert accounts.check("mlee", "another good one") is not None


def test_many_changes_at_once_lose_none(home: Home, accounts: Accounts):
    names = [f"p{number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: Accounts(home).add(name, "officer", name, PASSWORD), names))
    assert {one.name for one in accounts.all()} == {"mlee", *names}


def test_a_write_that_fails_leaves_what_was_there(home: Home, accounts: Accounts, monkeypatch: pytest.MonkeyPatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = accounts_path(home).read_bytes()
    monkeypatch.setattr("apps.accounts.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        accounts.disable("mlee")
    assert accounts_path(home).read_bytes() == before


def test_settings_are_kept_with_the_account(home: Home, accounts: Accounts):
    wanted = Settings(sound=False, volume=0.2, palette="high_contrast", reduced_motion=True)
    accounts.set_settings("mlee", wanted)
    assert Accounts(home).get("mlee").settings == wanted


@pytest.mark.parametrize(
    "wrong",
    [
        {"volume": 1.5},
        {"volume": float("nan")},
        {"volume": True},
        {"palette": "pink"},
        {"sound": "yes"},
        {"reduced_motion": 1},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]):
    with pytest.raises(BadInput):
        Settings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "role", "display", "password"),
    [
        ("M Lee", "officer", "M. Lee", PASSWORD),
        ("../x", "officer", "M. Lee", PASSWORD),
        ("", "officer", "M. Lee", PASSWORD),
        ("lee", "king", "M. Lee", PASSWORD),
        ("lee", "service", "M. Lee", PASSWORD),
        ("lee", "officer", "  ", PASSWORD),
        ("lee", "officer", "M.\nLee", PASSWORD),
        ("lee", "officer", "M. Lee", "short"),
        ("lee", "officer", "M. Lee", "x" * 2000),
    ],
)
def test_an_account_that_makes_no_sense_is_refused(
    accounts: Accounts, name: str, role: str, display: str, password: str
):
    with pytest.raises(BadInput):
        accounts.add(name, role, display, password)  # type: ignore[arg-type]
    assert [one.name for one in accounts.all()] == ["mlee"]


def test_a_name_is_given_once(accounts: Accounts):
    accounts.disable("mlee")
    with pytest.raises(CatalogConflict):
        accounts.add("mlee", "officer", "Another Lee", PASSWORD)


def test_a_name_that_is_not_there_is_not_changed(accounts: Accounts):
    with pytest.raises(NotFound):
        accounts.disable("ghost")
    with pytest.raises(NotFound):
        accounts.get("ghost")


def test_a_damaged_file_says_so(home: Home, accounts: Accounts):
    accounts_path(home).write_text("{")
    with pytest.raises(BadInput, match=r"accounts\.json"):
        accounts.all()


def test_failures_stop_counting_one_by_one(accounts: Accounts, clock: Clock):
    for _ in range(MOST_FAILURES - 1):
        accounts.check("mlee", "wrong password")
    clock.at += timedelta(minutes=14)
    accounts.check("mlee", "wrong password")
    clock.at += timedelta(minutes=1)
    assert accounts.check("mlee", PASSWORD) is not None
