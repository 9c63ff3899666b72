"""The service: started again whenever it ends, and with no more rights than it needs."""

from __future__ import annotations

import configparser

import pytest

from tests.deploy.namespaces import ROOT


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(ROOT / "deploy" / "systemd" / "rtcc-live.service")
    return parsed


def test_it_runs_live_and_is_started_again_however_it_ends(unit: configparser.ConfigParser):
    assert unit["Service"]["ExecStart"].split("/")[-1] == "rtcc live"
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_the_supervisor_ends_the_rest_in_order(unit: configparser.ConfigParser):
    assert unit["Service"]["KillMode"] == "mixed"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("UMask", "0077"),
    ],
)
def test_it_may_do_no_more_than_it_needs(unit: configparser.ConfigParser, setting: str, value: str):
    assert unit["Service"][setting] == value
    assert unit["Service"]["User"] != "root"
