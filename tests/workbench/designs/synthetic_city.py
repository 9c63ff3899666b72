"""A made city of small places with cameras in some: how many incidents there would have been is known."""

from __future__ import annotations

import numpy as np

from workbench.designs.panel import Panel, Role


def synthetic_city(
    seed: int = 0, *, places: int = 300, treated: int = 20, before: int = 24, after: int = 12,
    change: float = 0.0, waves: int = 1,
) -> Panel:  # fmt: skip
    """Return counts of places that differ in level and drift, busier ones likelier to have cameras."""
    rng, periods = np.random.default_rng(seed), before + after
    level = rng.gamma(1.5, 1.5, places)
    season = 1 + 0.2 * np.sin(2 * np.pi * np.arange(periods) / 12)
    drift = np.exp(np.cumsum(rng.normal(0, 0.02, (places, periods)), axis=1))
    rows = rng.choice(places, treated, replace=False, p=level / level.sum())
    active = np.zeros((places, periods), bool)
    for number, row in enumerate(rows):
        active[row, before + 3 * (number % waves) :] = True
    mean = level[:, None] * season * drift * np.where(active, 1 + change, 1.0)
    roles: list[Role] = ["control"] * places
    for row in rows:
        roles[row] = "treated"
    starts = (np.datetime64("2015-01", "M") + np.arange(periods + 1)).astype("datetime64[D]")
    return Panel(
        "burglary", tuple(f"place_{row}" for row in range(places)), starts[:-1], starts[-1],
        rng.poisson(mean).astype(float), active, tuple(roles),
    )  # fmt: skip
