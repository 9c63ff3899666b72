"""Effects taken together: of several evaluations, as a review does, or of several kinds of crime by their harm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from catalog.errors import BadInput
from workbench.designs.panel import Floats


@dataclass(frozen=True)
class PooledEffect:
    """The mean of several effects, once as one common effect and once as the mean of differing ones."""

    fixed: float
    """Inverse-variance mean: what one common effect would be."""
    fixed_interval: tuple[float, float]
    random: float
    """Mean of effects that differ between evaluations by a variance `tau2`."""
    random_interval: tuple[float, float]
    q: float
    """Cochran's weighted squared distance from the common effect; about K − 1 where there is one."""
    tau2: float
    """Variance between evaluations, at least 0."""
    i2_ratio: float
    """Share of the variation that is between evaluations."""
    level: float


@dataclass(frozen=True)
class HarmDifference:
    """Differences of several kinds of crime, added up by what one incident of each does."""

    total: float
    """In units of harm."""
    standard_error: float
    interval: tuple[float, float]
    z: float
    p_value: float
    """Two-sided, normal, of no difference."""


def pooled_effect(effects: Floats, standard_errors: Floats, level: float = 0.95) -> PooledEffect:
    """Return the pooled effect (DerSimonian & Laird 1986, Controlled Clinical Trials 7).

    The variance between evaluations is cut at 0, as meta-analysis programs do; statsmodels leaves it negative,
    which makes the mean of differing effects more certain than that of equal ones.

    Parameters
    ----------
    effects, standard_errors
        (K,) on a scale on which they are about normal, e.g. logs of ratios.

    Raises
    ------
    BadInput
        For fewer than two effects, or a standard error that is not above 0.
    """
    if len(effects) < 2 or not (standard_errors > 0).all():
        raise BadInput(f"{len(effects)} effects were to be pooled; it takes two or more, with errors above 0")
    weight = 1 / standard_errors**2
    fixed = float(weight @ effects / weight.sum())
    q = float(weight @ (effects - fixed) ** 2)
    freedom = len(effects) - 1
    tau2 = max(0.0, (q - freedom) / float(weight.sum() - (weight**2).sum() / weight.sum()))
    mixed = 1 / (standard_errors**2 + tau2)
    random = float(mixed @ effects / mixed.sum())
    reach = float(ndtri((1 + level) / 2))
    fixed_reach, random_reach = (reach / float(np.sqrt(one.sum())) for one in (weight, mixed))
    return PooledEffect(
        fixed, (fixed - fixed_reach, fixed + fixed_reach), random, (random - random_reach, random + random_reach),
        q, tau2, max(0.0, (q - freedom) / q) if q else 0.0, level,
    )  # fmt: skip


def combine_by_harm(
    differences: Floats, standard_errors: Floats, harm: Floats, level: float = 0.95
) -> HarmDifference:
    """Return the harm-weighted sum of differences.

    Wheeler (2020), Amending the WDD test to incorporate harm weights. Outcomes are taken as independent;
    where they rise and fall together the true error is larger.

    Parameters
    ----------
    differences, standard_errors, harm
        (K,) one kind of incident each; `harm` weighs one incident of it.

    Raises
    ------
    BadInput
        When there is nothing to add, or no error in it.
    """
    total = float(differences @ harm)
    error = float(np.sqrt(standard_errors**2 @ harm**2))
    if error <= 0:
        raise BadInput(f"the harm of {len(harm)} kinds of incident has no error; give weights and errors above 0")
    reach = float(ndtri((1 + level) / 2)) * error
    z = total / error
    return HarmDifference(total, error, (total - reach, total + reach), z, float(2 * ndtr(-abs(z))))
