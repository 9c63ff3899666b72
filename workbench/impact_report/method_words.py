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


_FARRINGTON = "Farrington, Gill, Waples and Argomaniz 2007, Journal of Experimental Criminology 3"
_CSC = "Robbins, Saunders and Kilmer 2017, Journal of the American Statistical Association 112"

_KNOWN = {
    "raw_before_after": MethodWords("Raw before and after", ""),
    "raw": MethodWords("Raw before and after", ""),
    "relative_effect_size": MethodWords("Relative effect size", _FARRINGTON),
    "incidence_rate_ratio": MethodWords(
        "Incidence rate ratio", "Wilson 2022, Journal of Experimental Criminology 18"
    ),
    "weighted_displacement_difference": MethodWords(
        "Weighted displacement difference", "Wheeler and Ratcliffe 2018, Crime Science 7:11"
    ),
    "weighted_displacement_quotient": MethodWords(
        "Weighted displacement quotient", "Bowers and Johnson 2003, Journal of Quantitative Criminology 19"
    ),
    "poisson_e_test": MethodWords(
        "Poisson E-test", "Krishnamoorthy and Thomson 2004, Journal of Statistical Planning and Inference 119"
    ),
    "interrupted_time_series": MethodWords(
        "Interrupted time series", "Bernal, Cummins and Gasparrini 2017, International Journal of Epidemiology 46"
    ),
    "callaway_santanna": MethodWords(
        "Callaway–Sant’Anna", "Callaway and Sant’Anna 2021, Journal of Econometrics 225"
    ),
    "sun_abraham": MethodWords("Sun–Abraham", "Sun and Abraham 2021, Journal of Econometrics 225"),
    "imputation": MethodWords("Imputation", "Borusyak, Jaravel and Spiess 2024, Review of Economic Studies 91"),
    "poisson_etwfe": MethodWords("Poisson ETWFE", "Wooldridge 2023, The Econometrics Journal 26"),
    "bacon_decomposition": MethodWords("Bacon decomposition", "Goodman-Bacon 2021, Journal of Econometrics 225"),
    "smoothness_bounds": MethodWords(
        "Smoothness-bounded trends", "Rambachan and Roth 2023, Review of Economic Studies 90"
    ),
    "synthetic_control": MethodWords(
        "Synthetic control",
        "Abadie, Diamond and Hainmueller 2010, Journal of the American Statistical Association 105",
    ),
    "calibration_synthetic_control": MethodWords("Calibration synthetic control", _CSC),
    "synthetic_did": MethodWords(
        "Synthetic difference-in-differences",
        "Arkhangelsky, Athey, Hirshberg, Imbens and Wager 2021, American Economic Review 111",
    ),
    "structural_time_series": MethodWords(
        "Bayesian structural time series",
        "Brodersen, Gallusser, Koehler, Remy and Scott 2015, Annals of Applied Statistics 9",
    ),
    "bsts": MethodWords(
        "Bayesian structural time series",
        "Brodersen, Gallusser, Koehler, Remy and Scott 2015, Annals of Applied Statistics 9",
    ),
}
