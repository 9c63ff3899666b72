"""Ray without what nobody here asks: less is started, and less is imported by what is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ray_jobs.lean_node import LEFT_OUT, python_path

CHECK_SCHEMA = """
import sys
import jsonschema
jsonschema.validate({"a": 1}, {"type": "object"}, format_checker=jsonschema.FormatChecker())
assert not {"lark", "rfc3987_syntax"} & {name for name, module in sys.modules.items() if module}
"""


def test_the_folder_stands_first_once_and_what_was_given_behind_it():
    once = python_path("a:b")
    assert once.split(os.pathsep) == [str(LEFT_OUT), "a", "b"]
    assert python_path(once) == once
    assert python_path("") == str(LEFT_OUT)


@pytest.mark.parametrize(
    ("program", "environment"),
    [
        pytest.param(CHECK_SCHEMA, {"PYTHONPATH": python_path("")}, id="processes of Ray"),
        pytest.param("import ray_jobs, ray\n" + CHECK_SCHEMA, {}, id="drivers"),
    ],
)
def test_schemas_are_checked_without_the_grammar(program: str, environment: dict[str, str]):
    root = Path(__file__).parents[2]
    words = [sys.executable, "-c", program]
    done = subprocess.run(
        words, env=os.environ | environment, cwd=root, check=False, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
