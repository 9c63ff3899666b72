"""A made panel of two kinds of places in one city, with a change that is known."""

import numpy as np

from workbench.designs.panel import Panel


def made_panel(
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
