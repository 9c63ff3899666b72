"""A search's hits as a contact sheet: the chosen one large, all of them small, and what the answer rests on.

Plain HTML and CSS, no script: it works in JupyterLab, in Voila and in an exported page. The hits are one group of
radio buttons, so arrow keys go through them and a screen reader counts them.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from zoneinfo import ZoneInfo

from catalog.spans import to_us
from workbench.analysis.coverage import Coverage
from workbench.analysis.local_time import say_instant, say_time, say_zone
from workbench.answers.bands import Tick, bands
from workbench.answers.hits import Hit
from workbench.answers.page import page
from workbench.answers.picture import Pixels


@dataclass(frozen=True)
class Tile:
    """One hit's pictures, or why there are none."""

    small_jpeg: bytes = b""
    """The box with some of what is around it."""
    small_box: Pixels = (0, 0, 0, 0)
    """The box inside the small picture, shares 0..1."""
    large_jpeg: bytes = b""
    """The whole frame."""
    large_box: Pixels = (0, 0, 0, 0)
    """The box inside the whole frame, shares 0..1."""
    aspect: float = 16 / 9
    """Width over height of the whole frame."""
    problem: str = ""
    """What to say in place of a picture."""


def contact_sheet(
    title: str,
    hits: Sequence[Hit],
    tiles: Sequence[Tile],
    coverage: Coverage,
    zone: ZoneInfo,
    *,
    limit: int | None = None,
) -> str:
    """Return the sheet as HTML.

    Parameters
    ----------
    title
        What was asked, as text.
    hits
        All hits.
    tiles
        Pictures of the first of them.
    coverage
        What the answer rests on: always shown.
    limit
        The most hits the search would return, to say when it was reached.
    """
    group = f"s{secrets.token_hex(4)}"
    head = _found(hits, len(tiles), zone, limit) + basis(coverage)
    ticks = [_tick(hit, number, group, len(tiles), zone) for number, hit in enumerate(hits)]
    when = bands(coverage, ticks, zone)
    if not hits:
        return page(title, head, _nothing(coverage), when)
    shown = list(zip(hits, tiles, strict=False))
    stage = "".join(_figure(hit, tile, number, zone) for number, (hit, tile) in enumerate(shown))
    grid = "".join(_thumbnail(hit, tile, number, group, zone) for number, (hit, tile) in enumerate(shown))
    body = (
        "<form onsubmit='return false' aria-label='Hits'><div class='main'>"
        f"<div class='stage' aria-live='polite'>{stage}</div>"
        f"<ol class='grid' role='radiogroup' aria-label='Hits'>{grid}</ol></div></form>"
    )
    return page(title, head, body, when, _more(len(hits), len(tiles)), more_style=_choosing(len(tiles)))


def basis(coverage: Coverage) -> str:
    """Return, as HTML, the sentences that say what was looked at and what was not."""
    rest = "".join(f" <span class='unseen'>{escape(words)}</span>" for words in coverage.not_looked_at_words())
    style = "" if coverage.complete else " partial"
    return f"<p class='basis{style}'><b>{escape(coverage.looked_at_words())}</b>{rest}</p>"


def _found(hits: Sequence[Hit], shown: int, zone: ZoneInfo, limit: int | None) -> str:
    if not hits:
        return "<p class='found'><b>0 tracks found</b></p>"
    cameras = len({hit.camera_id for hit in hits})
    first, last = min(hit.start_at for hit in hits), max(hit.last_seen_at for hit in hits)
    parts = [
        f"<b>{len(hits):,} track{'' if len(hits) == 1 else 's'} found</b>"
        + (f", the {shown} first shown" if shown < len(hits) else ""),
        f"{cameras} camera" + ("" if cameras == 1 else "s"),
        f"{say_instant(first, zone)} to {say_instant(last, zone)} {say_zone(last, zone)}",
    ]
    if limit is not None and len(hits) >= limit:
        parts.append(f"<b>stopped at the limit of {limit}: there may be more</b>")
    return f"<p class='found'>{' · '.join(parts)}</p>"


def _nothing(coverage: Coverage) -> str:
    said = "Not found in what was looked at." if coverage.looked_at_s else "Nothing was looked at."
    return f"<div class='nothing'><b>{said}</b>Not seen is not the same as not there.</div>"


def _more(found: int, shown: int) -> str:
    rest = (
        f" Shown are 0–{shown - 1} of {found}; slice the answer, e.g. <code>hits[{shown}:]</code>, to see more."
        * (shown < found)
    )
    return (
        "<p class='note'>With <code>hits = bench.search(…)</code>, number <i>n</i> is <code>hits[n]</code>: "
        f"<code>bench.still(hits[n])</code>, <code>bench.clip(hits[n])</code>.{rest}</p>"
    )


def _choosing(count: int) -> str:
    """Return the rules that show the chosen hit large and mark it on its row."""
    return "".join(
        f".rtcc:has(.r{n}:checked) .stage .n{n}{{display:block}}"
        f".rtcc:has(.r{n}:checked) .track .n{n}{{background:var(--chosen);opacity:1;z-index:1}}"
        for n in range(count)
    )


def _tick(hit: Hit, number: int, group: str, shown: int, zone: ZoneInfo) -> Tick:
    name = f"{group}-{number}" if number < shown else ""
    words = f"{number}: {hit.words(zone)}"
    return Tick(
        hit.camera_id, to_us(hit.start_at), to_us(hit.last_seen_at), to_us(hit.shown_at), words, name, f"n{number}"
    )


def _figure(hit: Hit, tile: Tile, number: int, zone: ZoneInfo) -> str:
    at = f"{say_instant(hit.shown_at, zone)} {say_zone(hit.shown_at, zone)}"
    sure = f" ({hit.colour_confidence:.2f})" if hit.colour and hit.colour_confidence is not None else ""
    picture = _picture(tile.large_jpeg, tile.large_box, tile.problem, f"Whole frame: {hit.words(zone)}")
    return (
        f"<figure class='n{number}'><div class='frame'>"
        f"<div class='shot' style='--aspect:{tile.aspect:.4f}'>{picture}</div></div><figcaption>"
        f"<p><b>{escape(hit.camera_id)}</b> {escape(hit.camera_name)}</p>"
        f"<p>{escape(at)} · {escape(hit.thing())}{sure} · confidence {hit.confidence:.2f}</p>"
        f"<p>{escape(hit.seen_words(zone))}</p>"
        f"<p class='ids'>hits[{number}] · {escape(hit.track_id)} · {escape(hit.run_id)}</p>"
        "</figcaption></figure>"
    )


def _thumbnail(hit: Hit, tile: Tile, number: int, group: str, zone: ZoneInfo) -> str:
    words = escape(f"{number}: {hit.words(zone)}")
    checked = " checked" if number == 0 else ""
    picture = _picture(tile.small_jpeg, tile.small_box, tile.problem, "")
    return (
        f"<li><label class='hit' title='{words}'>{picture}"
        f"<em class='number'>{number}</em><em class='score'>{hit.confidence:.2f}</em>"
        f"<span><b>{escape(hit.camera_id)}</b> {escape(say_time(hit.shown_at, zone))}</span>"
        f"<input type='radio' name='{group}' id='{group}-{number}' class='r{number}' aria-label='{words}'{checked}>"
        "</label></li>"
    )


def _picture(jpeg: bytes, box: Pixels, problem: str, words: str) -> str:
    if problem:
        return f"<div class='problem'>{escape(problem)}</div>"
    left, top, right, bottom = (100 * side for side in box)
    place = f"left:{left:.2f}%;top:{top:.2f}%;width:{right - left:.2f}%;height:{bottom - top:.2f}%"
    return f"<img alt='{escape(words)}' src='{picture_uri(jpeg)}'><i style='{place}'></i>"


def picture_uri(jpeg: bytes) -> str:
    """Return the picture as a URI that carries it."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
