"""A made study of twelve camera sites on robberies, burglaries and purse snatching, as a city would hand it in."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np

from workbench.designs.estimates import Check, Estimate, refusal
from workbench.designs.findings import (
    Claim,
    DataQuality,
    Displacement,
    EventStudy,
    Findings,
    Guard,
    MapPlace,
    MapSite,
    Placebos,
    Power,
    Provenance,
    Ring,
    Sensitivity,
    Series,
    StudyMap,
    Verdict,
)

ACTIVATED = date(2023, 3, 6)


def made_findings() -> Findings:
    """Return what the study found: −51 % claimed, −12 % seen, which chance may well have made."""
    return Findings(
        title="Street cameras in the Riverside and Depot districts",
        primary_outcome="street robbery",
        outcomes=("street robbery", "burglary", "purse snatching"),
        claim=Claim("90 cameras cut street crime by 51 %", -0.51, "Press statement of the police, May 2024"),
        guards=_guards(), power=_power(), estimates=_estimates(), event_studies=(_event_study(),),
        placebos=_placebos(), displacement=(_displacement(),), sensitivity=_sensitivity(), series=(_series(),),
        study_map=_map(), quality=_quality(), verdicts=_verdicts(), provenance=_provenance(),
    )  # fmt: skip


def _guards() -> tuple[Guard, ...]:
    return (
        Guard("selection_window", "warns", "9 of 12 sites were chosen for their count in the year before. Such "
              "places fall by 34 % on their own: 200 made-up choices of the same kind fell by 28 to 41 %.",
              "Leave out the twelve months the sites were chosen on, which this study does."),
        Guard("shock", "warns", "March 2020 lies within the span: all places fall by 38 % at once.",
              "Read only methods that compare places within the same month."),
        Guard("few_incidents", "blocks", "14 purse snatchings before the cameras; percentages need 20.",
              "Join it to a larger kind of incident, or wait.", "purse snatching"),
        Guard("buffer", "notes", "Places within 300 m of a camera stand in no control group."),
        Guard("dispersion", "notes", "Counts vary 1.7 times as much as a Poisson count would.",
              outcome="street robbery"),
    )  # fmt: skip


def _power() -> tuple[Power, ...]:
    steps = tuple(float(step) for step in np.round(np.arange(-0.8, 0.001, 0.05), 2))

    def curve(least: float) -> tuple[tuple[float, float], ...]:
        return tuple((step, round(0.05 + 0.95 / (1 + math.exp((step - least) * 22 - 1.33)), 4)) for step in steps)

    return (
        Power("street robbery", "calibration_synthetic_control", 412.0, -0.19, curve=curve(-0.19)),
        Power("street robbery", "callaway_santanna", 412.0, -0.24, curve=curve(-0.24)),
        Power("street robbery", "interrupted_series", 412.0, -0.31, curve=curve(-0.31)),
        Power("burglary", "calibration_synthetic_control", 268.0, -0.27, curve=curve(-0.27)),
        Power("purse snatching", "calibration_synthetic_control", 14.0, None),
    )


def _estimates() -> tuple[Estimate, ...]:
    robbery = "street robbery"
    return (
        Estimate("raw", robbery, "none", -0.499, (-0.57, -0.42), -206.0, (-235.0, -173.0),
                 p_value=0.0001),
        Estimate("relative_effect", robbery, "areas", -0.15, (-0.34, 0.09), -36.4, (-82.1, 21.7), p_value=0.19,
                 dispersion=1.7),
        Estimate("interrupted_series", robbery, "series", -0.22, (-0.41, 0.03), -58.2, (-109.0, 8.0),
                 p_value=0.078, dispersion=1.9, checks=(Check("autocorrelation left", 0.08, True, "No pattern is "
                 "left in what the model does not explain."),)),
        Estimate("callaway_santanna", robbery, "differences", -0.11, (-0.27, 0.08), -25.5, (-63.0, 18.9),
                 p_value=0.24, checks=(
                     Check("pre-trend p", 0.42, True, "Before the cameras the places moved together."),)),
        Estimate("poisson_etwfe", robbery, "differences", -0.13, (-0.28, 0.05), -30.9, (-66.7, 12.0), p_value=0.15),
        Estimate("calibration_synthetic_control", robbery, "synthetic", -0.12, (-0.25, 0.02), -28.3, (-59.2, 4.6),
                 p_value=0.094, dispersion=1.7, notes=("Balance is exact on 36 months.",),
                 checks=(Check("effective donors", 61.0, True, "The weight rests on the equal of 61 places."),)),
        Estimate("structural", robbery, "structural", -0.17, (-0.38, 0.12), -42.0, (-95.3, 29.8),
                 p_value=0.21),
        refusal("synthetic_control", robbery, "synthetic", "No weighting of control places comes near these "
                "counts: the error before is 41 % of the mean. Use the calibration synthetic control, or name more "
                "places."),
        Estimate("raw", "burglary", "none", -0.08, (-0.21, 0.07), -21.4, (-56.0, 19.0), p_value=0.28),
        Estimate("calibration_synthetic_control", "burglary", "synthetic", 0.04, (-0.14, 0.26), 9.5, (-35.1, 60.6),
                 p_value=0.69),
        Estimate("raw", "purse snatching", "none", -0.43, (-0.75, 0.3), -6.0, (-11.0, 4.0),
                 p_value=0.26),
        refusal("calibration_synthetic_control", "purse snatching", "synthetic",
                "14 incidents before the cameras are too few to balance. Join it to a larger kind of incident."),
    )  # fmt: skip


def _event_study() -> EventStudy:
    rng = np.random.default_rng(4)
    periods = tuple(range(-8, 9))
    change = tuple(0.0 if k == -1 else float(round(rng.normal(-0.1 if k >= 0 else 0.0, 0.06), 3)) for k in periods)
    half = tuple(0.0 if k == -1 else 0.14 + 0.008 * abs(k) for k in periods)
    low = tuple(round(c - h, 4) for c, h in zip(change, half, strict=True))
    high = tuple(round(c + h, 4) for c, h in zip(change, half, strict=True))
    return EventStudy("street robbery", "callaway_santanna", periods, change, low, high, 0.95, 0.42)


def _placebos() -> tuple[Placebos, ...]:
    rng = np.random.default_rng(5)
    space = tuple(float(round(draw, 4)) for draw in rng.normal(0.0, 0.075, 250))
    time = tuple(float(round(draw, 4)) for draw in rng.normal(-0.02, 0.09, 12))
    return (
        Placebos(
            "street robbery", "calibration_synthetic_control", "in space", -0.12, space, _rank_p(-0.12, space)
        ),
        Placebos("street robbery", "calibration_synthetic_control", "in time", -0.12, time, _rank_p(-0.12, time)),
    )


def _rank_p(observed: float, draws: tuple[float, ...]) -> float:
    return (1 + sum(abs(draw) >= abs(observed) for draw in draws)) / (1 + len(draws))


def _displacement() -> Displacement:
    rings = (
        Ring(0.0, 150.0, 187.0, 171.0, -21.4, -58.0, 15.2, 0.11),
        Ring(150.0, 300.0, 243.0, 239.0, -24.9, -67.1, 17.3, -0.07),
        Ring(300.0, 450.0, 301.0, 309.0, -16.0, -63.5, 31.5, -0.29),
        Ring(450.0, 600.0, 322.0, 318.0, -27.3, -76.2, 21.6, None),
    )
    return Displacement("street robbery", rings, 0.95, "No ring shows a rise that chance would not make; moves of "
                        "fewer than 37 incidents could not be seen.")  # fmt: skip


def _sensitivity() -> tuple[Sensitivity, ...]:
    method = "calibration_synthetic_control"
    return (
        Sensitivity("street robbery", method, "window", ("12 months before", "24 months before", "36 months before",
                    "48 months before"), (-0.16, -0.13, -0.12, None), (-0.33, -0.27, -0.25, None),
                    (0.05, 0.03, 0.02, None)),
        Sensitivity("street robbery", method, "without a site", ("Depot Square", "Ferry Terminal", "Market Hall"),
                    (-0.07, -0.12, -0.14), (-0.22, -0.26, -0.28), (0.1, 0.03, 0.01)),
        Sensitivity("street robbery", method, "cell", ("250 m", "500 m"), (-0.12, -0.09), (-0.25, -0.26),
                    (0.02, 0.1)),
    )  # fmt: skip


def _series() -> Series:
    rng = np.random.default_rng(6)
    starts = tuple(date(2020 + month // 12, month % 12 + 1, 1) for month in range(60))
    mean = np.asarray([17 + 3.5 * math.sin(2 * math.pi * month / 12) - (6 if 2 <= month <= 5 else 0)
                       for month in range(60)])  # fmt: skip
    treated = tuple(float(count) for count in rng.poisson(mean * np.where(np.arange(60) < 38, 1.0, 0.88)))
    expected = tuple(None if month < 2 else float(round(value, 2)) for month, value in enumerate(mean))
    return Series("street robbery", starts, treated, expected, "calibration_synthetic_control", ACTIVATED)


def _map() -> StudyMap:
    rng = np.random.default_rng(7)
    lon_0, lat_0, step_lon, step_lat = -90.2, 32.29, 0.0054, 0.0045
    spots = [
        (lon_0 + (4.5 + 4 * (at % 4)) * step_lon, lat_0 + (3.6 + 4 * (at // 4)) * step_lat) for at in range(12)
    ]
    sites = tuple(
        MapSite(f"site_{at}", lon, lat, _fan(lon, lat, at), ACTIVATED, "most robberies in 2022")
        for at, (lon, lat) in enumerate(spots)
    )
    places = []
    for east in range(22):
        for north in range(16):
            lon, lat = lon_0 + (east + 0.5) * step_lon, lat_0 + (north + 0.5) * step_lat
            near = min(
                max(abs(lon - site.lon_deg) / step_lon, abs(lat - site.lat_deg) / step_lat) for site in sites
            )
            role = "treated" if near <= 0.5 else "buffer" if near <= 1.2 else "excluded" if east < 2 else "control"
            weight = float(round(rng.gamma(0.5) / 106, 5)) if role == "control" else None
            corners = ((east, north), (east + 1, north), (east + 1, north + 1), (east, north + 1))
            outline = tuple((lon_0 + x * step_lon, lat_0 + y * step_lat) for x, y in corners)
            places.append(MapPlace(f"cell {east}-{north}", role, lon, lat, outline, float(rng.poisson(8)),
                                   float(rng.poisson(7)), weight))  # fmt: skip
    return StudyMap(tuple(places), sites, (150.0, 300.0))


def _fan(lon: float, lat: float, number: int) -> tuple[tuple[float, float], ...]:
    turn = number * 0.9
    arc = [
        (lon + 0.0014 * math.cos(turn + step / 6), lat + 0.0012 * math.sin(turn + step / 6)) for step in range(10)
    ]
    return ((lon, lat), *arc)


def _quality() -> DataQuality:
    return DataQuality(
        48_211, 45_903,
        (("outside the study area", 1204), ("no place", 611), ("before the span", 402), ("no usable time", 91)),
        ((2020, 9104), (2021, 9511), (2022, 9870), (2023, 8990), (2024, 8428)), 0.034, 0.081, 0.022,
    )  # fmt: skip


def _verdicts() -> tuple[Verdict, ...]:
    return (
        Verdict("street robbery", "consistent with no effect",
                "The figures allow anything from a fall of 28 % to a rise of 8 %. They rule out a fall of 51 %, "
                "and do not rule out that the cameras changed nothing.", (-0.28, 0.08),
                ("The intervals of all designs include no change.", "The placebo test finds changes as large in 11 "
                 "of 100 places without cameras.", "A fall smaller than 19 % could not have been found."),
                ("Two more years of counts would let a fall of 12 % be found.",
                 "Sites chosen by lot would take away the doubt about how they were chosen.")),
        Verdict("burglary", "consistent with no effect",
                "Burglary did not change in a way that chance would not make.", (-0.14, 0.26),
                ("The interval includes no change; p after Holm 0.69.",),
                ("A second independent design.",)),
        Verdict("purse snatching", "not estimable", "There were too few purse snatchings to say anything.", None,
                ("14 incidents before the cameras; 20 are the least.",), ("More years of counts.",)),
    )  # fmt: skip


def _provenance() -> Provenance:
    return Provenance(
        "riverside-2024", (("incidents.csv", "3f9a0c1d2e4b5a69" * 4), ("sites.geojson", "81c0d7e2a4b6f913" * 4)),
        '[study]\ntitle = "Street cameras in the Riverside and Depot districts"\nprimary = "street robbery"\n'
        "# <b>not</b> to be read as markup & not to be lost\n", 20240517, "0.1.0", "2026-11-26T05:40:00Z",
    )  # fmt: skip


def crowded_findings() -> Findings:
    """Return the same study as cruelly as it may come: 25 methods, long names, wild intervals, nothing known."""
    made = made_findings()
    designs = ("none", "areas", "series", "differences", "synthetic", "structural")
    outcome = "street robbery"
    many = tuple(
        Estimate(f"a_method_with_quite_a_long_name_that_somebody_gave_it_number_{number}", outcome,
                 designs[number % 6], -0.1 + 0.01 * number, (-1.0, 8.0) if number % 5 == 0 else
                 (-0.3 + 0.01 * number, math.inf) if number % 7 == 0 else (-0.3 + 0.01 * number, 0.2), None, None,
                 p_value=None if number % 3 else 0.0004)
        for number in range(22)
    )  # fmt: skip
    wild = (
        Estimate("weighted_displacement", outcome, "areas", None, None, None, None, p_value=0.3),
        Estimate("sun_abraham", outcome, "differences", 8.0, (-1.0, math.inf), math.inf, (-math.inf, math.inf)),
        refusal("synthetic_difference_in_differences", outcome, "synthetic", "Unbalanced " * 40),
    )
    event = made.event_studies[0]
    return replace(
        made, title="A study <script>alert('x')</script> & " + "with a very long title " * 6, estimates=many + wild,
        claim=Claim("Cameras end crime " * 12, -0.01, "Somebody " * 20),
        event_studies=(replace(event, high=(math.inf, *event.high[1:]), low=(-1.0, *event.low[1:]),
                               pretrend_p=None),) * 2,
        power=tuple(
            Power(outcome, estimate.method, 412.0, -0.2 - 0.02 * at, curve=made.power[0].curve)
            for at, estimate in enumerate(many)
        ),
        placebos=(replace(made.placebos[0], observed_ratio=7.5, draws_ratio=(0.1, math.inf, math.nan, -1.0, 8.0)),
                  replace(made.placebos[1], draws_ratio=())),
        displacement=(replace(made.displacement[0], rings=tuple(
            Ring(150.0 * at, 150.0 * at + 150, 1e6, 1e6, 1e5 * at, -math.inf, math.inf, None)
            for at in range(12))),),
        study_map=StudyMap(made.study_map.places[:40], made.study_map.sites[:1], (50.0, 150.0, 300.0, 600.0)),
        series=(replace(made.series[0], starts=made.series[0].starts[:8], treated=(1e6,) * 8,
                        counterfactual=(None,) * 8),),
        verdicts=tuple(replace(verdict, sentence=verdict.sentence * 6) for verdict in made.verdicts),
    )  # fmt: skip


def empty_findings() -> Findings:
    """Return a study that could say nothing at all."""
    made = made_findings()
    return replace(
        made, guards=(), power=(), estimates=(), event_studies=(), placebos=(), displacement=(), sensitivity=(),
        series=(), study_map=StudyMap((), (), ()), verdicts=(), claim=Claim("Cameras help", None),
        quality=DataQuality(0, 0, (), (), 0.0, 0.0, 0.0),
    )  # fmt: skip
