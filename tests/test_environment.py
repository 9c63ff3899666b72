"""One environment, described once for pip and once for conda."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINNED = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]


def test_conda_users_get_what_pip_users_get():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    by_pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert sorted(by_pip) == sorted([*PINNED, "--editable ."])


def test_conda_users_get_the_python_that_pip_users_need():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    wanted = next(entry for entry in environment["dependencies"] if str(entry).startswith("python="))
    assert PROJECT["requires-python"].startswith(f">={wanted.removeprefix('python=')}")


@pytest.mark.parametrize("requirement", PINNED)
def test_every_dependency_is_pinned(requirement):
    assert re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[A-Za-z0-9.]+", requirement)


def test_the_constraints_agree_with_the_pins():
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    constrained = {_plain(name): version for name, version in (line.split("==") for line in lines)}
    for requirement in PINNED:
        name, version = requirement.split("==")
        assert constrained[_plain(name)] == version


def test_the_constraints_name_versions_and_nothing_else():
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line) for line in lines)


def _plain(name: str) -> str:
    return re.sub(r"\[.*\]", "", name).lower().replace("_", "-").replace(".", "-")
