"""What each method is called in a report, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.impact_report.words import sentence_case


@dataclass(frozen=True)
class MethodWords:
    """A method as a reader meets it."""

    title: str
    source: str
    """Author, year and journal; empty where the report knows of none."""


def method_words(method: str) -> MethodWords:
    """Return what a method is called and where it comes from; a key nobody named reads as it is written."""
    return _KNOWN.get(method) or MethodWords(sentence_case(method.replace("_", " ").strip()) or "Method", "")


def method_title(method: str) -> str:
    """Return what a method is called."""
    return method_words(method).title


_JEC = "Journal of Experimental Criminology"
_JASA = "Journal of the American Statistical Association"
_RES = "Review of Economic Studies"

_KNOWN = {
    "raw": MethodWords(
        "Raw before and after",
        "No design; interval and E-test after Krishnamoorthy and Thomson 2004, Journal of Statistical Planning and "
        "Inference 119",
    ),
    "relative_effect": MethodWords(
        "Relative effect size",
        f"Farrington, Gill, Waples and Argomaniz 2007, {_JEC} 3; variance after Wilson 2022, {_JEC} 18",
    ),
    "weighted_displacement": MethodWords(
        "Weighted displacement difference", "Wheeler and Ratcliffe 2018, Crime Science 7:11"
    ),
    "differences": MethodWords("Poisson difference-in-differences", "Wooldridge 1999, Journal of Econometrics 90"),
    "poisson_etwfe": MethodWords("Poisson extended two-way model", "Wooldridge 2023, The Econometrics Journal 26"),
    "callaway_santanna": MethodWords(
        "Callaway–Sant’Anna", "Callaway and Sant’Anna 2021, Journal of Econometrics 225"
    ),
    "sun_abraham": MethodWords("Sun–Abraham", "Sun and Abraham 2021, Journal of Econometrics 225"),
    "imputation": MethodWords("Imputation", f"Borusyak, Jaravel and Spiess 2024, {_RES} 91"),
    "smoothness_bounds": MethodWords("Smoothness-bounded trends", f"Rambachan and Roth 2023, {_RES} 90"),
    "synthetic_control": MethodWords("Synthetic control", f"Abadie, Diamond and Hainmueller 2010, {_JASA} 105"),
    "calibration_synthetic_control": MethodWords(
        "Calibration synthetic control", f"Robbins, Saunders and Kilmer 2017, {_JASA} 112"
    ),
    "synthetic_difference_in_differences": MethodWords(
        "Synthetic difference-in-differences",
        "Arkhangelsky, Athey, Hirshberg, Imbens and Wager 2021, American Economic Review 111",
    ),
    "interrupted_series": MethodWords(
        "Interrupted time series",
        "Lopez Bernal, Cummins and Gasparrini 2017, International Journal of Epidemiology 46",
    ),
    "comparative_series": MethodWords(
        "Comparative interrupted time series",
        "Lopez Bernal, Cummins and Gasparrini 2018, International Journal of Epidemiology 47",
    ),
    "structural": MethodWords(
        "Bayesian structural time series",
        "Brodersen, Gallusser, Koehler, Remy and Scott 2015, Annals of Applied Statistics 9",
    ),
}
