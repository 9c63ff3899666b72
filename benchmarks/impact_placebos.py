"""How fast are placebos of the calibration synthetic control, spread over two cores, on a city's blocks?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, minimize
from scipy.sparse import csr_array, identity

from benchmarks.machine import Cost, Stopwatch, machine_line
from benchmarks.options import Options
from benchmarks.report import Answer, Goal, Ratio, Spread, Table
from catalog.home import Home
from ray_jobs.cluster import connected
from ray_jobs.impact import Draws
from workbench.designs.calibration import BALANCE_TOLERANCE
from workbench.designs.calibration_placebos import PlaceboDraw, Prepared, placebo_draw
from workbench.designs.matching import Matching, weigh

NAME = "impact_placebos"
QUESTION = (
    "How long do 250 placebos of the calibration synthetic control take on 9,642 places with 58 totals to balance, "
    "through a local Ray on two cores, and how does that compare with a general solver in one process?"
)

METHOD = (
    "The blocks are made: nine counts of people and households, four kinds of incident over twelve quarters, and "
    "how many places there are, 58 totals in all; 39 blocks pretend to have cameras in each draw. Both sides solve "
    "the same programme: weights nearest to where they start in squared distance, none below zero, all totals met. "
    'The baseline is `scipy.optimize.minimize(method="trust-constr")` with exact slopes and curvature and sparse '
    "constraints, in one process; SLSQP would need dense matrices of the number of weights squared: not tried. One "
    "process lets BLAS take the threads it likes; Ray's workers have one each. Ray's own start is not counted: "
    "a study has it running, and workers have loaded what they need. A draw is what a study's placebo is: three "
    "weightings, each with a third of the past left out, all other totals met; the general solver is held beside "
    "one weighting of all totals."
)

PLACES, TREATED, COVARIATES, KINDS, QUARTERS = 9_642, 39, 9, 4, 12
QUICK_PLACES = 600
DRAWS, QUICK_DRAWS = 250, 8
PEER_DRAWS, PEER_PLACES = 2, 1_200
"""The general solver takes minutes a draw on all blocks: it is measured on fewer, ours beside it on the same."""

CORES = 2
WALL_GOAL = Goal("at most", 90.0, "s")

Floats = NDArray[np.float64]


def made_blocks(places: int, seed: int = 0) -> Prepared:
    """Return a city's blocks, none of which has cameras: any of them may pretend."""
    rng = np.random.default_rng(seed)
    people = rng.gamma(1.2, 50.0, places)
    shares = rng.dirichlet(np.ones(COVARIATES), places)
    covariates = np.round(people[:, None] * shares)
    levels = rng.gamma(0.5, 1.0, (places, KINDS)) * np.array([0.3, 0.4, 0.2, 2.0])
    quarters = rng.poisson(levels[:, :, None], (places, KINDS, QUARTERS)).reshape(places, -1)
    after = rng.poisson(4 * levels[:, -1]).astype(float)
    matched = np.column_stack([np.ones(places), covariates, quarters]).astype(float)
    names = tuple(f"total {number}" for number in range(matched.shape[1]))
    # The treated places of a matching only say how many pretend; the control places are all the others.
    own = slice(0, TREATED)
    matching = Matching(names, matched[TREATED:], matched[own], after[TREATED:], after[own], QUARTERS)
    controls = places - TREATED
    return Prepared((matching,), np.broadcast_to(np.arange(controls), (TREATED, controls)))


def general_weights(donors: Floats, totals: Floats, treated: int) -> Floats:
    """Return the same weights by a general solver of constrained programmes."""
    count = len(donors)
    start = np.full(count, treated / count)
    curvature = identity(count, format="csr") / start[0]
    size = np.sqrt((donors**2).mean(axis=0)) * treated
    found = minimize(
        lambda weights: float((weights - start) @ (weights - start)) / (2 * start[0]), start, method="trust-constr",
        jac=lambda weights: (weights - start) / start[0], hess=lambda weights: curvature,
        constraints=[LinearConstraint(csr_array(donors.T / size[:, None]), totals / size, totals / size)],
        bounds=Bounds(0, np.inf), options={"gtol": 1e-6, "xtol": 1e-9, "maxiter": 500, "sparse_jacobian": True},
    )  # fmt: skip
    return np.maximum(np.asarray(found.x, float), 0.0)


@dataclass(frozen=True)
class Peer:
    """One draw by the general solver, beside ours."""

    cost: Cost
    own: Cost
    worst_miss: float
    """Largest miss of a total, share of it."""
    apart: float
    """Largest difference of a weight from ours, share of the largest weight."""


def _peer(prepared: Prepared, seed: int) -> Peer:
    (matching,) = prepared.waves
    rng = np.random.default_rng(seed)
    pretended = rng.choice(len(matching.control_after), TREATED, replace=False)
    rest = np.ones(len(matching.control_after), bool)
    rest[pretended] = False
    donors, totals = matching.control_matched[rest], matching.control_matched[pretended].sum(axis=0)
    watch = Stopwatch()
    weights = general_weights(donors, totals, TREATED)
    cost, watch = watch.read(), Stopwatch()
    ours = weigh(donors, totals, TREATED)
    own = watch.read()
    assert np.abs(ours.miss).max() <= BALANCE_TOLERANCE
    miss = np.abs(weights @ donors - totals) / np.maximum(totals, 1.0)
    return Peer(cost, own, float(miss.max()), float(np.abs(weights - ours.weights).max() / ours.weights.max()))


def measure(options: Options) -> Answer:
    """Run the benchmark."""
    machine = machine_line(("numpy", "scipy", "ray"))
    prepared = made_blocks(QUICK_PLACES if options.quick else PLACES)
    count = QUICK_DRAWS if options.quick else DRAWS
    walls, alone = [], []
    with options.folder(NAME) as folder, connected(Home.create(folder / "home"), cpus=CORES) as cluster:
        draws = Draws(cluster)
        draws(placebo_draw, prepared, range(2 * CORES))  # workers have loaded what they need
        for _ in range(options.rounds):
            watch = Stopwatch()
            found = draws(placebo_draw, prepared, range(count))
            walls.append(watch.read().wall_s)
            watch = Stopwatch()
            here = Draws()(placebo_draw, prepared, range(count))
            alone.append(watch.read().wall_s)
            _same(found, here)
    fewer = made_blocks(QUICK_PLACES if options.quick else PEER_PLACES)
    peers = [_peer(fewer, seed) for seed in range(1 if options.quick else PEER_DRAWS)]
    return _answer(machine, count, walls, alone, peers, found)


def _same(found: Sequence[PlaceboDraw], here: Sequence[PlaceboDraw]) -> None:
    """Make sure that draws do not depend on where they run, but for BLAS adding up in another order."""
    changes = [
        [np.nan if one.change_ratio is None else one.change_ratio for one in draws] for draws in (found, here)
    ]
    np.testing.assert_allclose(changes[0], changes[1], atol=1e-6)


def _answer(
    machine: str, count: int, walls: Sequence[float], alone: Sequence[float], peers: Sequence[Peer],
    found: Sequence[PlaceboDraw],
) -> Answer:  # fmt: skip
    ours = Spread(tuple(walls))
    gain = Spread(tuple(one / spread for one, spread in zip(alone, walls, strict=True)))
    ratios = (
        Ratio(f"{count} placebos through Ray on {CORES} cores", ours, WALL_GOAL, "s"),
        Ratio(f"general solver over ours, one weighting of {PEER_PLACES:,} places in one process", Spread(tuple(
            peer.cost.wall_s / peer.own.wall_s for peer in peers))),
        Ratio("ours in one process over ours through Ray", gain),
    )  # fmt: skip
    changes = [draw.change_ratio for draw in found if draw.change_ratio is not None]
    rows = (
        ("one draw, ours, one process", f"{1000 * float(np.median(alone)) / count:.0f} ms"),
        (
            "one draw on fewer places, general solver",
            f"{float(np.median([peer.cost.wall_s for peer in peers])):.1f} s",
        ),
        ("the same weighting, ours", f"{1000 * float(np.median([peer.own.wall_s for peer in peers])):.0f} ms"),
        ("the general solver's worst miss of a total", f"{max(peer.worst_miss for peer in peers):.1e}"),
        ("largest difference of a weight, share of the largest", f"{max(peer.apart for peer in peers):.1e}"),
        ("draws that could be balanced", f"{len(changes)} of {count}"),
        ("their change, mean and standard deviation", f"{np.mean(changes):+.3f}, {np.std(changes):.3f}"),
    )
    scaled = (
        f"The general solver was measured on {len(peers)} weightings of {PEER_PLACES:,} places, ours on the "
        "same; its time grows faster than the number of places, so the ratio on all of them is larger."
    )
    return Answer(NAME, QUESTION, machine, ratios, (Table("One draw", ("what", "found"), rows),), (scaled, METHOD))


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main([NAME, *sys.argv[1:]]))
