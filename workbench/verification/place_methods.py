"""Methods of places and points that cases may name: space-time pairs, regression to the mean, displacement."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from catalog.errors import BadInput
from workbench.designs.displacement import RADII_M, distance_to_sites_m, read_rings, rings_around
from workbench.designs.panel import Floats
from workbench.designs.regression_to_mean import Versus, hot_spot_null
from workbench.designs.space_time import knox, near_repeats
from workbench.verification.method import Inputs, Method, Parameter, Result, Results

_EARTH_M = 6_371_008.8
"""Mean radius of the Earth, metres (IUGG)."""


def _positions_m(inputs: Inputs) -> Floats:
    """Return positions in metres of a plane: as they stand, by a unit, or from degrees near their middle."""
    xy = inputs.frame()[[inputs.column("x"), inputs.column("y")]].to_numpy(float)
    if not np.isfinite(xy).all():
        raise BadInput(f"case {inputs.case_id!r}: a position is unknown; leave such rows out with `where`")
    if not inputs.settings.yes("degrees"):
        return xy * inputs.settings.number("metres_per_unit")
    # Over a city the error of a plane that touches the globe at its middle is far below a cell.
    middle = np.radians(xy[:, 1].mean())
    return cast(Floats, np.radians(xy) * _EARTH_M * np.array([np.cos(middle), 1.0]))


def _times(inputs: Inputs) -> Floats:
    """Return times as numbers; dates become days."""
    column = inputs.frame()[inputs.column("time")]
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(float)
    return (pd.to_datetime(column).to_numpy("datetime64[s]").astype(np.int64)) / 86_400


def _knox(inputs: Inputs) -> Results:
    settings = inputs.settings
    found = knox(
        _positions_m(inputs), _times(inputs), settings.number("delta"), settings.number("tau"),
        settings.whole("permutations"), settings.whole("seed"),
    )  # fmt: skip
    observed = _two_by_two(found.pairs, found.near_pairs, found.soon_pairs, found.all_pairs)
    expected = _two_by_two(found.expected_pairs, found.near_pairs, found.soon_pairs, found.all_pairs)
    return {
        "statistic": found.pairs, "p": found.p_permutation, "p_poisson": found.p_more,
        "p_poisson_as_many": found.p_as_many, "expected_statistic": found.expected_pairs,
        "near_pairs": found.near_pairs, "soon_pairs": found.soon_pairs, "all_pairs": found.all_pairs,
        "observed": observed, "expected": expected, "permuted_mean": found.shuffled_mean,
        "ratio": found.pairs / found.expected_pairs if found.expected_pairs else float("nan"),
    }  # fmt: skip


def _two_by_two(both: float, near: float, soon: float, every: float) -> list[list[float]]:
    return [[both, near - both], [soon - both, every - (near + soon - both)]]


def _near_repeats(inputs: Inputs) -> Results:
    settings = inputs.settings
    found = near_repeats(
        _positions_m(inputs), _times(inputs), settings.numbers("distance_edges"), settings.numbers("time_edges"),
        settings.whole("permutations"), settings.whole("seed"),
    )  # fmt: skip
    return {"pairs": found.pairs.tolist(), "ratio": found.ratio.tolist(), "p": found.p_value.tolist()}


def _regression_to_the_mean(inputs: Inputs) -> Results:
    settings = inputs.settings
    versus = settings.text("claimed_against")
    if versus not in {"raw", "rest"}:
        raise BadInput(f"case {inputs.case_id!r}: claimed_against is {versus!r}; it is raw or rest")
    days = pd.to_datetime(inputs.frame()[inputs.column("date")]).to_numpy("datetime64[D]")
    null = hot_spot_null(
        _positions_m(inputs), days, cells=settings.whole("hottest"), cell_m=settings.number("cell_m"),
        before_days=settings.whole("before_days"), after_days=settings.whole("after_days"),
        chosen_days=settings.whole("chosen_days") if settings.has("chosen_days") else None,
        chosen_until_days=settings.whole("chosen_until_days"), draws=settings.whole("dates"),
        seed=settings.whole("seed"),
    )  # fmt: skip
    claimed = settings.number("claimed_percent") / 100 if settings.has("claimed_percent") else None
    against = cast(Versus, versus)
    results: dict[str, Result] = {
        "raw_percent": 100 * null.median_ratio(), "vs_rest_percent": 100 * null.median_ratio("rest"),
        "raw_percent_mean": 100 * null.mean_ratio(), "vs_rest_percent_mean": 100 * null.mean_ratio("rest"),
        "raw_percent_interval": [100 * edge for edge in null.interval(settings.number("level"))],
        "vs_rest_percent_interval": [100 * edge for edge in null.interval(settings.number("level"), "rest")],
        "verdict": null.verdict(claimed, against), "dates": len(null.began_on), "cells_in_all": null.cells_in_all,
    }  # fmt: skip
    if claimed is not None:
        results["as_low_ratio"] = null.as_low_ratio(claimed, against)
    return results


def _displacement(inputs: Inputs) -> Results:
    settings, rows = inputs.settings, inputs.frame()
    before, after = (rows[inputs.column(name)].to_numpy(float) for name in ("before", "after"))
    treated = rows[inputs.column("treated")].to_numpy(bool)
    if settings.has("distance"):
        distance_m = rows[inputs.column("distance")].to_numpy(float) * settings.number("metres_per_unit")
    else:
        xy_m = _positions_m(inputs)
        if not treated.any():
            raise BadInput(f"case {inputs.case_id!r}: no row is treated, so there is nothing to be far from")
        distance_m = distance_to_sites_m(xy_m, xy_m[treated])
    control = rows[inputs.column("control")].to_numpy(bool) if settings.has("control") else ~treated
    rings = rings_around(
        distance_m, before, after, treated=treated, control=control, radii_m=settings.numbers("radii"),
        dispersion=settings.number("dispersion"), level=settings.number("level"),
    )  # fmt: skip
    return {
        "difference": [ring.difference for ring in rings],
        "ci": [[ring.low, ring.high] for ring in rings],
        "wdq": [float("nan") if ring.displaced_ratio is None else ring.displaced_ratio for ring in rings],
        "before": [ring.before_count for ring in rings],
        "after": [ring.after_count for ring in rings],
        "inner_m": [ring.inner_m for ring in rings],
        "outer_m": [ring.outer_m for ring in rings],
        "says": read_rings(rings),
    }


_SEED = Parameter("seed", "whole", "of everything drawn", 0)
_LEVEL = Parameter("level", "number", "share of draws, or nominal coverage, of intervals", 0.95)
_POSITION = (
    Parameter("x", "text", "column of positions east", "x"),
    Parameter("y", "text", "column of positions north", "y"),
    Parameter("metres_per_unit", "number", "what x and y are multiplied by; US survey feet: 0.3048006", 1.0),
    Parameter("degrees", "yes_no", "whether x and y are longitude and latitude", False),
)
_TIME = Parameter("time", "text", "column of times, numbers or dates; dates become days", "t")

METHODS: tuple[Method, ...] = (
    Method(
        "knox",
        "Knox test of space-time interaction (Knox 1964, Applied Statistics 13), counted as pointpats does.",
        (
            *_POSITION, _TIME,
            Parameter("delta", "number", "farthest apart in space that is close, in x and y's unit or metres"),
            Parameter("tau", "number", "farthest apart in time that is close"),
            Parameter("permutations", "whole", "shuffles of the times", 999), _SEED,
        ),
        (
            ("statistic", "pairs close in space and time"), ("p", "by shuffling the times, one-sided"),
            ("p_poisson", "Poisson chance of more pairs, as pointpats gives it"),
            ("p_poisson_as_many", "Poisson chance of as many pairs or more"),
            ("expected_statistic", "pairs expected without interaction"), ("near_pairs", "pairs close in space"),
            ("soon_pairs", "pairs close in time"), ("all_pairs", "all pairs"),
            ("observed", "[[both, space only], [time only, neither]]"), ("expected", "the same, expected"),
            ("permuted_mean", "mean statistic of the shuffles"), ("ratio", "statistic over expected"),
        ),
        _knox,
    ),
    Method(
        "near_repeats",
        "Pairs by distance and time over those of shuffles (Johnson et al. 2007, Journal of Quantitative "
        "Criminology 23; Ratcliffe 2008, Near Repeat Calculator).",
        (
            *_POSITION, _TIME,
            Parameter("distance_edges", "numbers", "rising edges of the bands of distance"),
            Parameter("time_edges", "numbers", "rising edges of the bands of time"),
            Parameter("permutations", "whole", "shuffles of the times", 99), _SEED,
        ),
        (
            ("pairs", "by distance, then time"), ("ratio", "pairs over the shuffles' mean"),
            ("p", "share of shuffles with as many, one-sided"),
        ),
        _near_repeats,
    ),
    Method(
        "regression_to_the_mean",
        "What choosing the hottest cells does by itself: their change around days on which nothing began, each "
        "drawn from an equal stretch of the incidents' own span.",
        (
            *_POSITION, Parameter("date", "text", "column of dates", "date"),
            Parameter("hottest", "whole", "cells chosen each time", 90),
            Parameter("cell_m", "number", "side of a cell, metres", 500.0),
            Parameter("before_days", "whole", "length of the span before", 365),
            Parameter("after_days", "whole", "length of the span after", 365),
            Parameter("chosen_days", "whole", "length of the span chosen by, else before_days", optional=True),
            Parameter("chosen_until_days", "whole", "how long before the day that span ends", 0),
            Parameter("dates", "whole", "days drawn", 100), _SEED,
            Parameter("claimed_percent", "number", "a claimed change, percent", optional=True),
            Parameter("claimed_against", "text", "whether it is `raw` or against the `rest` of the city", "raw"),
            _LEVEL,
        ),
        (
            ("raw_percent", "median change before to after"), ("vs_rest_percent", "median against all other cells"),
            ("raw_percent_mean", "mean change"), ("vs_rest_percent_mean", "mean change against all others"),
            ("raw_percent_interval", "share `level` of the draws; also vs_rest_percent_interval"),
            ("verdict", "what the claim comes to, or without one the median itself"), ("dates", "days used"),
            ("cells_in_all", "cells with any incident"), ("as_low_ratio", "share of draws at or below the claim"),
        ),
        _regression_to_the_mean,
    ),
    Method(
        "displacement_by_radius",
        "Weighted displacement difference and quotient of the treated area with each band of distance around it, "
        "the control's change taken in proportion (Bowers & Johnson 2003; Wheeler & Ratcliffe 2018).",
        (
            *_POSITION, Parameter("before", "text", "column of incidents before", "before"),
            Parameter("after", "text", "column of incidents after", "after"),
            Parameter("treated", "text", "column that is true of the treated area", "treated"),
            Parameter("control", "text", "column that is true of controls; left out, all others", optional=True),
            Parameter("distance", "text", "column of distances to the treated area, not x, y", optional=True),
            Parameter("radii", "numbers", "rising edges of the bands, metres; controls lie beyond", RADII_M),
            Parameter("dispersion", "number", "what Poisson variances are multiplied by", 1.0), _LEVEL,
        ),
        (
            ("difference", "a band each: incidents more than the control's change gives, treated area and band"),
            ("ci", "its intervals"), ("wdq", "quotients"), ("before", "incidents in the bands"),
            ("after", "incidents in the bands"), ("inner_m", "inner edges of bands with incidents"),
            ("outer_m", "their outer edges"), ("says", "all of it in words"),
        ),
        _displacement,
    ),
)  # fmt: skip
