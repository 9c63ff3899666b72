"""The ladder: nothing climbs a rung that something found forbids."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.designs.differences_study import CHANGE_IN_COUNTS
from workbench.designs.estimates import Check, Design, Estimate, refusal
from workbench.designs.findings import Claim, Displacement, EventStudy, Guard, Placebos, Power, Ring
from workbench.impact.verdict import Evidence, percent, verdict

RING = Ring(0.0, 150.0, 40, 41, -20.0, -35.0, -5.0, 0.02)
CLAIM = Claim("cameras cut burglary by 51 %", -0.51)
NO_FIGURE = Claim("cameras cut burglary", None)


def estimate(method: str, design: Design, low: float, high: float) -> Estimate:
    return Estimate(method, "burglary", design, (low + high) / 2, (low, high), level=0.95, p_value=0.01)


def study(method: str = "callaway_santanna", pretrend_p: float = 0.6) -> EventStudy:
    return EventStudy("burglary", method, (-1, 0), (0.0, -0.2), (-0.1, -0.3), (0.1, -0.1), 0.95, pretrend_p)


FALL = Evidence(
    "burglary", NO_FIGURE, (), Power("burglary", "change against control places", 400.0, -0.1),
    (
        estimate("poisson_etwfe", "differences", -0.31, -0.15),
        estimate("calibration_synthetic_control", "synthetic", -0.28, -0.12),
    ),
    (study(),), (Placebos("burglary", "calibration_synthetic_control", "in space", -0.2, (0.0,) * 99, 0.01),),
    Displacement("burglary", (RING,), 0.95, "nothing moved"), {},
)  # fmt: skip
"""Everything that *supported* asks for."""


def test_everything_found_supports_and_the_range_is_the_union() -> None:
    said = verdict(FALL)
    assert (said.rung, said.range_ratio) == ("supported", (-0.31, -0.12))
    assert "fell because of the cameras: between −31 % and −12 %" in said.sentence


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"estimates": FALL.estimates[:1]}, "independent designs must agree"),
        ({"placebos": ()}, "No placebo"),
        ({"placebos": (replace(FALL.placebos[0], p_value=0.2),)}, "without cameras show changes as large"),
        ({"event_studies": (study(pretrend_p=0.01),)}, "moved differently before"),
        ({"event_studies": ()}, "could not be tested"),
        ({"power": Power("burglary", "m", 400.0, -0.4)}, "not larger than the least"),
        ({"power": None}, "not larger than the least"),
        ({"displacement": None}, "not examined"),
        ({"guards": (Guard("selection_unknown", "warns", "Nobody says why.", "Ask."),)}, "Nobody says why"),
        ({"guards": (Guard("geocoding_change", "warns", "Heaped.", "Place anew."),)}, "Heaped"),
        ({"displacement": Displacement("burglary", (), 0.95, "")}, "not examined"),
    ],
    ids=["one design", "no placebo", "weak placebo", "pre-trend", "no pre-trend test", "little power", "no power",
         "no displacement", "chosen nobody knows why", "placed in another way", "no ring"],
)  # fmt: skip
def test_whatever_is_missing_keeps_it_at_suggestive_and_says_so(change: dict[str, object], why: str) -> None:
    said = verdict(replace(FALL, **change))  # type: ignore[arg-type]
    assert said.rung == "suggestive"
    assert any(why in reason for reason in said.reasons)
    assert said.would_change


def test_placebos_of_a_method_that_does_not_speak_say_nothing() -> None:
    of_another = replace(FALL.placebos[0], method="synthetic_control", p_value=0.6)
    assert verdict(replace(FALL, placebos=(*FALL.placebos, of_another))).rung == "supported"
    assert "No placebo was run." in verdict(replace(FALL, placebos=(of_another,))).reasons


def test_few_placebos_count_as_passed_when_none_is_as_large() -> None:
    def said(p_value: float) -> str:
        few = replace(FALL.placebos[0], kind="in time", draws_ratio=(0.0, 0.05, 0.1), p_value=p_value)
        return verdict(replace(FALL, placebos=(*FALL.placebos, few))).rung

    assert said(1 / 4) == "supported"
    assert said(2 / 4) == "suggestive"


def test_two_methods_of_one_family_are_one_design() -> None:
    both = (
        estimate("interrupted_series", "series", -0.4, -0.2),
        estimate("structural", "structural", -0.4, -0.1),
    )
    assert verdict(replace(FALL, estimates=both)).rung == "suggestive"


def test_before_and_after_alone_is_no_estimate() -> None:
    raw = replace(estimate("raw", "none", -0.6, -0.5), change_ratio=-0.55)
    said = verdict(replace(FALL, estimates=(raw,)))
    assert said.rung == "not estimable"
    assert said.range_ratio is None
    assert any("before and after alone says nothing" in reason for reason in said.reasons)


def test_a_guard_that_blocks_leaves_nothing_to_say() -> None:
    guard = Guard("regression_to_mean", "blocks", "The 90 hottest cells fall by 50 % by themselves.", "Compare.")
    said = verdict(replace(FALL, guards=(guard,)))
    assert said.rung == "not estimable"
    assert "regression to the mean" in said.sentence
    assert said.would_change == ("Compare.",)


def test_a_refusal_is_named_where_nothing_else_answered() -> None:
    refused = refusal("calibration_synthetic_control", "burglary", "synthetic", "no balance: 3 effective donors")
    said = verdict(replace(FALL, estimates=(refused,)))
    assert said.rung == "not estimable"
    assert (
        any("no balance: 3 effective donors" in reason for reason in said.reasons + said.would_change)
        or said.reasons
    )


def test_an_estimate_whose_checks_failed_does_not_speak() -> None:
    failed = replace(FALL.estimates[1], checks=(Check("pre-period fit", 3.0, passed=False, says="It fits badly."),))
    said = verdict(replace(FALL, estimates=(FALL.estimates[0], failed)))
    assert said.rung == "suggestive"
    assert said.range_ratio == FALL.estimates[0].change_interval


def test_what_fits_no_change_is_consistent_with_none_and_says_what_else_it_fits() -> None:
    flat = (
        estimate("poisson_etwfe", "differences", -0.2, 0.1),
        estimate("structural", "structural", -0.1, 0.2),
    )
    said = verdict(replace(FALL, estimates=flat))
    assert (said.rung, said.range_ratio) == ("consistent with no effect", (-0.2, 0.2))
    assert any("smaller than −10 %" in reason for reason in said.reasons)


def test_designs_that_disagree_support_nothing() -> None:
    split = (FALL.estimates[0], estimate("structural", "structural", 0.1, 0.4))
    said = verdict(replace(FALL, estimates=split))
    assert said.rung == "consistent with no effect"
    assert "disagree" in said.reasons[0]


def test_a_smaller_fall_than_claimed_contradicts_the_claim() -> None:
    said = verdict(replace(FALL, claim=CLAIM))
    assert said.rung == "contradicts claim"
    assert "−51 %" in said.sentence


def test_a_claim_that_could_not_have_been_seen_is_not_contradicted() -> None:
    weak = replace(FALL, claim=CLAIM, power=Power("burglary", "m", 30.0, -0.7))
    assert verdict(weak).rung == "suggestive"


def test_a_secondary_outcome_answers_to_its_corrected_p() -> None:
    corrected = {one.method: 0.2 for one in FALL.estimates}
    assert verdict(replace(FALL, corrected_p=corrected)).rung == "consistent with no effect"


INTERVALS = st.tuples(st.floats(-0.95, 1.5), st.floats(0.01, 1.0)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(INTERVALS, INTERVALS, st.floats(0.001, 1), st.floats(0.001, 1), st.booleans())
def test_supported_always_excludes_no_change_and_holds_against_everything(
    first: tuple[float, float], second: tuple[float, float], placebo_p: float, pretrend_p: float, claimed: bool
) -> None:
    evidence = replace(
        FALL, claim=CLAIM if claimed else NO_FIGURE, estimates=(
            estimate("poisson_etwfe", "differences", *first), estimate("synthetic_control", "synthetic", *second)
        ),
        placebos=(replace(FALL.placebos[0], p_value=placebo_p),), event_studies=(study(pretrend_p=pretrend_p),),
    )  # fmt: skip
    said = verdict(evidence)
    if said.rung == "supported":
        assert placebo_p < 0.05
        assert pretrend_p >= 0.05
        assert (first[1] < 0 and second[1] < 0) or (first[0] > 0 and second[0] > 0)
    if said.rung == "contradicts claim":
        assert claimed
        assert not first[0] <= -0.51 <= first[1]
        assert not second[0] <= -0.51 <= second[1]


@pytest.mark.parametrize(
    ("ratio", "words"), [(-0.51, "−51 %"), (0.032, "+3.2 %"), (0.0, "0 %"), (-0.0004, "0 %"), (1.5, "+150 %")]
)
def test_shares_are_said_as_people_read_them(ratio: float, words: str) -> None:
    assert percent(ratio) == words


SHOCK = Guard("shock", "warns", "From March 2020 on places without cameras counted +40 %.", "Compare.")


def test_the_places_own_past_does_not_speak_where_the_whole_city_was_shocked() -> None:
    own_past = estimate("interrupted_series", "series", -0.4, -0.2)
    with_past = replace(FALL, estimates=(FALL.estimates[0], own_past), placebos=(
        replace(FALL.placebos[0], method="poisson_etwfe"),
    ))  # fmt: skip
    assert verdict(with_past).rung == "supported"
    shocked = verdict(replace(with_past, guards=(SHOCK,)))
    assert shocked.rung == "suggestive"
    assert shocked.range_ratio == FALL.estimates[0].change_interval
    noted = verdict(replace(with_past, guards=(replace(SHOCK, severity="notes"),)))
    assert noted.rung == "supported"
    assert verdict(replace(FALL, guards=(SHOCK,))).rung == "supported"


@pytest.mark.parametrize(("in_counts", "rung"), [(0.42, "suggestive"), (-0.05, "supported")])
def test_a_fall_that_is_a_rise_in_counts_is_not_supported(in_counts: float, rung: str) -> None:
    told = Check(CHANGE_IN_COUNTS, in_counts, True, "If places changed by the same number, it would be otherwise.")
    estimates = (replace(FALL.estimates[0], checks=(told,)), *FALL.estimates[1:])
    said = verdict(replace(FALL, estimates=estimates))
    assert said.rung == rung
    assert any("a fall only if places change by the same share" in one for one in said.reasons) == (in_counts > 0)
