"""The `rtcc` command in this process: what it printed, what it said, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from apps.cli import main


@dataclass(frozen=True)
class Ran:
    """One command's outcome."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on standard output, which must be alone there."""
        return json.loads(self.out)


Rtcc = Callable[..., Ran]


def runner(capsys: pytest.CaptureFixture[str]) -> Rtcc:
    """Return a function that runs the command."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(int(left.value.code or 0), captured.out, captured.err)

    return run
