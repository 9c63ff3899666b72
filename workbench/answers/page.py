"""The frame every answer is shown in: one self-contained piece of HTML, light or dark as the page around it."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path


@cache
def style() -> str:
    """Return the style sheet of all answers."""
    return Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def page(title: str, *parts: str, more_style: str = "") -> str:
    """Return a titled section; `title` is text and is escaped, `parts` are HTML."""
    # JupyterLab would take the arrow keys for itself: the attribute leaves them to the sheet.
    return (
        f"<section class='rtcc' aria-label='{escape(title)}' data-lm-suppress-shortcuts='true'>"
        f"<style>{style()}{more_style}</style>"
        f"<header><h3>{escape(title)}</h3></header>{''.join(parts)}</section>"
    )
