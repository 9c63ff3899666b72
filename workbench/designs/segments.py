"""The columns of a segmented regression: a trend, interruptions of its level and slope, seasons, a comparison.

Wagner, Soumerai, Zhang and Ross-Degnan (2002, J Clin Pharm Ther 27, 299–309); with a comparison beside the treated
series, Linden (2015, Stata Journal 15, 480–500).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from workbench.designs.panel import Bools, Floats

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """The columns of a segmented regression, N rows of one or more series."""

    names: tuple[str, ...]
    """(K,) e.g. `intercept`, `pre_slope`, `step`, `slope_change`."""
    matrix: Floats
    """(N, K)"""
    without: Floats
    """(N, K) the same rows had nothing begun; with a comparison, had the treated series changed as it did."""
    series: Whole
    """(N,) which series a row is of; rows of one series stand in order of time."""
    after: Bools
    """(N,) rows in which what began holds; with a comparison, those of the treated series."""

    def weights(self, *names: str) -> Floats:
        """Return (K,) ones at the columns named: the weights of their sum."""
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise BadInput(f"no column {unknown[0]!r} in the regression; it has {', '.join(self.names)}")
        return np.asarray([float(name in names) for name in self.names])


def segments(
    time: Floats,
    on: Sequence[Floats],
    *,
    trend: bool = True,
    slope: bool = True,
    since_from: float = 0.0,
    treated: Bools | None = None,
    series: Whole | None = None,
    extra: Floats | None = None,
    extra_names: tuple[str, ...] = (),
) -> Design:
    """Return the design of one or more interruptions.

    Parameters
    ----------
    time
        (N,) time of each row, in periods.
    on
        J arrays (N,), 1 in rows in which an interruption holds, else 0.
    trend
        Whether there is a trend at all; without, only levels are compared.
    slope
        Whether the slope may change too, not only the level; it takes a trend.
    since_from
        Time since an interruption in the first row it holds, periods: 0 as Stata's `itsa`, or 1.
    treated
        (N,) True in rows of the treated series, False in those of its comparison; None for a single series.
    series
        (N,) which series a row is of; by default one, or with a comparison two.
    extra, extra_names
        (N, E) further columns, such as harmonics, and their names.

    Raises
    ------
    BadInput
        When an interruption holds in every row or in none.
    """
    base = [("intercept", np.ones(len(time))), *([("pre_slope", time)] if trend else [])]
    began = _interruptions(time, on, slope and trend, since_from)
    columns, begun, after = base + began, {name for name, _ in began}, np.asarray(on).max(axis=0) > 0
    if treated is not None:
        ours = treated.astype(float)
        columns += [(f"difference_{name}", values * ours) for name, values in columns]
        begun, after = {f"difference_{name}" for name in begun}, after & treated
    if extra is not None:
        columns += [(name, extra[:, place]) for place, name in enumerate(extra_names)]
    names, matrix = tuple(name for name, _ in columns), np.column_stack([values for _, values in columns])
    kept = np.asarray([name not in begun for name in names])
    if series is None:
        series = np.zeros(len(time), np.int64) if treated is None else treated.astype(np.int64)
    return Design(names, matrix, matrix * kept, series, after)


def _interruptions(time: Floats, on: Sequence[Floats], slope: bool, since_from: float) -> list[tuple[str, Floats]]:
    columns = []
    for number, holds in enumerate(on, 1):
        if not 0 < np.count_nonzero(holds) < len(time):
            raise BadInput(
                f"interruption {number} holds in {np.count_nonzero(holds)} of {len(time)} periods; there must be "
                "periods before and after it"
            )
        suffix = f"_{number}" if len(on) > 1 else ""
        columns.append((f"step{suffix}", holds))
        if slope:
            columns.append((f"slope_change{suffix}", (time - time[holds > 0].min() + since_from) * holds))
    return columns


def harmonics(time: Floats | Whole, pairs: int, period: float) -> tuple[tuple[str, ...], Floats]:
    """Return names and columns (N, ≤ 2·pairs) of sines and cosines that repeat every `period` of `time`.

    The sine of half the period is left out: at whole periods it is 0 throughout.
    """
    if pairs > period / 2:
        raise BadInput(
            f"{pairs} pairs of harmonics in a period of {period:g}; at most {int(period / 2)} can be told"
        )
    angle = 2 * np.pi * np.asarray(time, float) / period
    columns = {f"sin{k}": np.sin(k * angle) for k in range(1, pairs + 1) if 2 * k != period}
    columns |= {f"cos{k}": np.cos(k * angle) for k in range(1, pairs + 1)}
    return tuple(columns), np.column_stack([*columns.values(), np.empty((len(time), 0))])
