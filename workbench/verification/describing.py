"""What cases may name, in words: every method with its parameters, what it gives, and its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench.verification.method import Method, Parameter

BEGINS, ENDS = "<!-- methods begin -->", "<!-- methods end -->"
"""What stands around the generated part of the page."""


def described(known: Iterable[Method]) -> str:
    """Return the methods as Markdown, by name."""
    return "\n".join(line for method in sorted(known, key=lambda one: one.name) for line in _lines(method))


def _lines(method: Method) -> Iterator[str]:
    yield f"### `{method.name}`\n"
    yield f"{method.words}\n"
    if method.parameters:
        yield "| parameter | kind | meaning | where left out |"
        yield "|---|---|---|---|"
        for one in method.parameters:
            yield f"| `{one.name}` | {one.kind.replace('_', '/')} | {_cell(one.words)} | {_left_out(one)} |"
        yield ""
    yield "| gives | meaning |"
    yield "|---|---|"
    for name, words in method.results:
        yield f"| `{name}` | {_cell(words)} |"
    yield ""


def _left_out(parameter: Parameter) -> str:
    if parameter.default is None:
        return "—" if parameter.optional else "must be given"
    if isinstance(parameter.default, bool):
        return "yes" if parameter.default else "no"
    if isinstance(parameter.default, list | tuple):
        return f"`[{', '.join(map(str, parameter.default))}]`"
    return f"`{parameter.default}`" if parameter.default != "" else "none"


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|")


def with_methods(page: str, known: Iterable[Method]) -> str:
    """Return the page with its generated part as the methods are now.

    Raises
    ------
    ValueError
        When the page has no place for it.
    """
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise ValueError(f"the page lacks {BEGINS} or {ENDS}")
    return f"{before}{BEGINS}\n\n{described(known)}\n{ENDS}{after}"


def main(path: Path) -> None:
    """Write the generated part of a page anew."""
    from workbench.verification.running import methods

    path.write_text(with_methods(path.read_text("utf-8"), methods().values()), "utf-8")


if __name__ == "__main__":
    main(Path(__file__).parents[2] / "docs" / "impact.md")
