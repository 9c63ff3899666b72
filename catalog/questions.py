"""The named questions: one file of `queries/` each, with its parameters bound, never formatted in."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import resources

from catalog.errors import BadInput
from catalog.spans import Span, iso, parse_instant

PARAMETER = re.compile(r"\$([a-z_]+)")
NEEDED = "needs "
"""How the comment line of a question's file begins that names what cannot be left out."""


@dataclass(frozen=True)
class Question:
    """A question with a name."""

    name: str
    description: str
    """What it answers, and how."""
    parameters: tuple[str, ...]
    """What it may be asked with, what is needed first; one left out means any."""
    needed: tuple[str, ...]
    """What it has to be asked with."""
    sql: str

    @classmethod
    def parse(cls, name: str, text: str) -> Question:
        """Read a question's file: comment lines first, then one statement."""
        lines = text.splitlines()
        opening = [line.removeprefix("--").strip() for line in lines[: _first_statement_line(lines)]]
        needed = [line for line in opening if line.startswith(NEEDED)]
        words = [word.strip(" .") for line in needed for word in line.removeprefix(NEEDED).split(",")]
        sql = "\n".join(lines[len(opening) :]).strip().rstrip(";")
        used = dict.fromkeys(PARAMETER.findall(sql))
        if set(words) - set(used):
            raise ValueError(f"question {name} needs {words}, but its statement has {list(used)}")
        parameters = tuple(dict.fromkeys((*words, *used)))
        description = " ".join(line for line in opening if not line.startswith(NEEDED))
        return cls(name, description, parameters, tuple(words), sql)

    def bind(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return a value for each parameter, `None` where nothing was given.

        Instants may be datetimes with a zone or ISO 8601 text. What a parameter takes is told by its name.

        Raises
        ------
        BadInput
            When a parameter is unknown, missing or of the wrong kind.
        """
        for name in given:
            if name not in self.parameters:
                takes = ", ".join(self.parameters) or "nothing"
                raise BadInput(
                    f"question {self.name} takes no {name!r}{_near(name, self.parameters)}; it takes {takes}"
                )
        missing = [name for name in self.needed if given.get(name) is None]
        if missing:
            raise BadInput(f"question {self.name} needs {', '.join(missing)}: {self.description}")
        return {name: _value(self.name, name, given.get(name)) for name in self.parameters}


def _first_statement_line(lines: list[str]) -> int:
    return next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))


@lru_cache(maxsize=1)
def _all() -> Mapping[str, Question]:
    files = [
        file for file in resources.files("catalog").joinpath("queries").iterdir() if file.name.endswith(".sql")
    ]
    found = [Question.parse(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files]
    return {question.name: question for question in sorted(found, key=lambda question: question.name)}


def questions() -> tuple[Question, ...]:
    """Return every named question, by name."""
    return tuple(_all().values())


def question(name: str) -> Question:
    """Return the question so named.

    Raises
    ------
    BadInput
        When there is none; the message names those that come near.
    """
    known = _all()
    if name not in known:
        raise BadInput(f"there is no question {name!r}{_near(name, known)}; there are {', '.join(known)}")
    return known[name]


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def spoken(parameters: Mapping[str, object]) -> str:
    """Return parameters as the audit writes them: `name=value` pairs, those left out omitted."""
    return ", ".join(f"{name}={_text(value)}" for name, value in parameters.items() if value is not None)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return str(iso(value))
    if isinstance(value, list):
        return "[" + " ".join(_text(entry) for entry in value) + "]"
    return str(value)


def _value(question: str, name: str, value: object) -> object:
    if value is None:
        return None
    convert = next((convert for ending, convert in CONVERSIONS.items() if name.endswith(ending)), _word)
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"question {question}: {name}={value!r} will not do: {error}") from error


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return Span(value).start_at
    if isinstance(value, str):
        return parse_instant(value)
    raise TypeError("give an instant: a datetime with a zone, or text such as 2026-03-01T10:00:00Z")


def _number(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise ValueError("give a finite number")
    return number


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("give a whole number from 0 on")
    return value


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("give a text")
    return value


def _words(value: object) -> list[str]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise TypeError("give a list of texts")
    return [_word(entry) for entry in value]


CONVERSIONS: Mapping[str, Callable[[object], object]] = {
    "_at": _instant,
    "_ids": _words,
    "limit": _count,
    "_line": _count,
    "confidence": _number,
    "_deg": _number,
    "_m": _number,
    "_s": _number,
}
"""What a parameter takes, by how its name ends; anything else is a text."""
