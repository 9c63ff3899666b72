"""Settings of a home: what stands in its file, what may not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from catalog.errors import BadInput
from catalog.home import SETTINGS, Home


def home_with(tmp_path: Path, line: str) -> Home:
    Home.create(tmp_path)
    (tmp_path / "config.toml").write_text(line + "\n")
    return Home.open(tmp_path)


def test_the_settings_file_lists_every_setting_with_its_default(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ") for line in SETTINGS.splitlines() if " = " in line]
    written = tomllib.loads("\n".join(lines))
    assert set(written) == set(Home.__dataclass_fields__) - {"root"}
    assert Home(tmp_path) == Home(
        tmp_path, **{k: tuple(v) if isinstance(v, list) else v for k, v in written.items()}
    )


def test_a_list_of_rules_becomes_a_tuple(tmp_path: Path) -> None:
    home = home_with(tmp_path, 'alert_rules = ["left_object"]')
    assert home.alert_rules == ("left_object",)
    assert hash(home)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('alert_rules = ["zone_dwel"]', "no rule 'zone_dwel'"),
        ("keep_days = 0", "above 0"),
        ("segment_s = -1.0", "above 0"),
        ('full_fps = "5"', "above 0"),
        ("footage_quota_gb = -1", "from 0 on"),
        ("live_shards = true", "from 0 on"),
        ("keep_dys = 3", "unknown settings keep_dys"),
    ],
)
def test_a_setting_that_will_not_do_is_named(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        home_with(tmp_path, line)
