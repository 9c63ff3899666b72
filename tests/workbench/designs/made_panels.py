"""Made panels with a known effect."""

import numpy as np
import pandas as pd

from workbench.designs.panel import Panel


def made_panel(
    seed=0, places=60, periods=24, treated=12, effect=-0.3, firsts=(12, 16), mean=6.0, off_at=None
) -> Panel:
    """Return Poisson counts with place sizes, a season, and an effect from each place's first period on."""
    rng = np.random.default_rng(seed)
    first = np.full(places, periods)
    first[:treated] = rng.choice(firsts, treated)
    season = np.exp(0.2 * np.sin(np.arange(periods) / 6 * np.pi))
    level = rng.gamma(4, mean / 4, places)[:, None] * season
    active = np.arange(periods) >= first[:, None]
    if off_at is not None:
        active[:, off_at:] = False
    counts = rng.poisson(level * np.where(active, 1 + effect, 1.0)).astype(float)
    starts = np.arange("2020-01", np.datetime64("2020-01") + periods, dtype="datetime64[M]").astype("datetime64[D]")
    roles = tuple("treated" if row < treated else "control" for row in range(places))
    return Panel(
        "thefts", tuple(f"p{row}" for row in range(places)), starts, starts[-1] + 31, counts, active, roles
    )


def long_rows(panel: Panel) -> pd.DataFrame:
    """Return one row per place and period: unit, period from 1, count, first (0 for never), on."""
    places, periods = panel.counts.shape
    first = np.where(panel.active.any(axis=1), panel.first_active + 1, 0)
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(places), periods),
            "period": np.tile(np.arange(1, periods + 1), places),
            "count": panel.counts.ravel(),
            "first": np.repeat(first, periods),
            "on": panel.active.ravel(),
            "ever": np.repeat(first > 0, periods),
        }
    )


def city_panel(
    change: float = -0.3, *, seed: int = 0, periods: int = 60, first: int = 36, treated: int = 10,
    control: int = 30, rate: float = 6.0, shock: float = 0.0, roll_out: int = 0,
) -> Panel:  # fmt: skip
    """Return counts with a season and a trend; `shock` is the deviation of what moves the whole city in a month."""
    rng, places = np.random.default_rng(seed), treated + control
    time = np.arange(periods)
    city = np.exp(-0.003 * time + 0.2 * np.sin(2 * np.pi * time / 12) + rng.normal(0, shock, periods))
    active = np.zeros((places, periods), bool)
    for place in range(treated):
        active[place, first + (roll_out * place) // treated :] = True
    mean = rate * rng.gamma(5, 1 / 5, (places, 1)) * city * np.where(active, 1 + change, 1.0)
    starts = (np.datetime64("2017-01") + time).astype("datetime64[D]")
    return Panel(
        "theft", tuple(f"place {place}" for place in range(places)), starts,
        (np.datetime64("2017-01") + periods).astype("datetime64[D]"), rng.poisson(mean).astype(float), active,
        ("treated",) * treated + ("control",) * control,
        xy_m=np.column_stack([np.arange(places) * 100.0, rng.uniform(0, 500, places)]),
    )  # fmt: skip
