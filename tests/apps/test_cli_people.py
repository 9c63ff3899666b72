"""`rtcc people`: passwords come in by file, line or not at all, and go out once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from apps.accounts import Accounts
from catalog.home import Home
from tests.apps.command import Rtcc


def test_a_made_password_is_printed_once_and_gets_in(rtcc: Rtcc, home_root: Path):
    ran = rtcc("people", "add", "mlee", "--role", "officer", "--display", "M. Lee", "--generate", "--json")
    assert ran.code == 0
    home = Home.open(home_root)
    account = Accounts(home).check("mlee", ran.document["password"])
    assert account is not None
    listed = rtcc("people", "list", "--json").document
    assert listed == [{"name": "mlee", "role": "officer", "display": "M. Lee", "disabled": False}]


def test_a_password_comes_from_a_file_or_a_line(
    rtcc: Rtcc, home_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    secret = tmp_path / "secret"
    secret.write_text("from a file, long\n")
    rtcc("people", "add", "ana", "--role", "analyst", "--display", "Ana", "--password-file", secret)
    accounts = Accounts(Home.open(home_root))
    assert accounts.check("ana", "from a file, long") is not None
    monkeypatch.setattr("sys.stdin", io.StringIO("from a line, long\n"))
    assert rtcc("people", "password", "ana").code == 0
    assert accounts.check("ana", "from a line, long") is not None


def test_who_is_disabled_is_listed_so_and_can_come_back(rtcc: Rtcc, home_root: Path):
    rtcc("people", "add", "mlee", "--role", "officer", "--display", "M. Lee", "--generate")
    assert rtcc("people", "disable", "mlee").code == 0
    assert rtcc("people", "list", "--json").document[0]["disabled"] is True
    assert rtcc("people", "disable", "mlee", "--undo").code == 0
    assert rtcc("people", "list", "--json").document[0]["disabled"] is False


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "mlee", "--role", "king", "--display", "M. Lee", "--generate"), 2),
        (("add", "M Lee", "--role", "officer", "--display", "M. Lee", "--generate"), 2),
        (("add", "mlee", "--role", "officer", "--display", "M. Lee", "--generate", "--password-file", "x"), 2),
        (("disable", "ghost"), 4),
        (("password", "ghost", "--generate"), 4),
    ],
)
def test_what_makes_no_sense_is_refused(rtcc: Rtcc, home_root: Path, arguments: tuple[str, ...], code: int):
    Home.create(home_root)
    assert rtcc("people", *arguments).code == code


def test_an_empty_line_is_no_password(rtcc: Rtcc, home_root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    ran = rtcc("people", "add", "mlee", "--role", "officer", "--display", "M. Lee")
    assert ran.code == 2
    assert "--generate" in ran.err
