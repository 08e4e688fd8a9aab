"""What each number is called and means: one list for tables, pages and the documentation."""

from __future__ import annotations

from geo.score import THRESHOLDS_KM

NEAR_KM = 3.0
EXTRA_KM = (0.5, 2.0, 10.0)
"""Finer thresholds that can be asked for: those of MAPBench beside 1, 3 and 25 km."""
CANDIDATES = (3, 5)
CANDIDATE_KM = (25.0, 200.0, 750.0)


POOL: tuple[int | None, ...] = (1, 5, None)
"""How many of the pooled candidates the oracle may choose among; None for all."""


def within(km: float) -> str:
    """The name of the share within a distance."""
    return f"within_{km:g}km"


def at_k(k: int, km: float) -> str:
    """The name of accuracy@k within a distance."""
    return f"accuracy@{k}_{km:g}km"


def of_pool(k: int | None, km: float) -> str:
    """The name of the share of records whose nearest of the first k candidates lies within a distance."""
    return f"pool@{'all' if k is None else k}_{km:g}km"


def pool_words(k: int | None) -> str:
    """`the first candidate`, `the best of the first 5`, `the best of all`."""
    return "the first candidate" if k == 1 else f"the best of {'all candidates' if k is None else f'the first {k}'}"


_LEVELS = ("country", "region", "city")
_PLACES = {1.0: "street", 25.0: "city", 200.0: "region", 750.0: "country", 2500.0: "continent"}

METRICS: dict[str, tuple[str, str, str, str]] = {
    "answered": ("answered", "share", "", "records that got an answer; the others count as wrong everywhere"),
    "geoscore": ("geoscore", "", "high", "mean of 5000·exp(−d/1492.7 km), 0 without an answer"),
    "median_km": ("median", "km", "low", "median distance over all records, a missing answer counting as infinitely far; none where that is infinite"),
    "mean_km_answered": ("mean of answers", "km", "low", "mean distance of the answers that were given: an easy set when many are missing"),
    **{within(t): (f"<{t:g} km", "share", "high", f"answers strictly within {t:g} km ({_PLACES[t]})") for t in THRESHOLDS_KM},
    **{within(t): (f"<{t:g} km", "share", "high", f"answers strictly within {t:g} km") for t in EXTRA_KM},
    within(NEAR_KM): ("<3 km", "share", "high", "answers strictly within 3 km (GeoVista's nuanced measure)"),
    **{level: (level, "share", "high", f"{level} right by place ids and polygons, on the answer's own path") for level in _LEVELS},
    **{f"published_final_{level}": (f"{level}, words", "share", "high",
                                    f"GeoVista's word matcher at {level} level on the final answer, for comparison with published tables alone")
       for level in _LEVELS},
    **{f"published_original_{level}": (f"{level}, words of all", "share", "high",
                                       "the same on the whole last message, reasoning included, as published: a name that was ruled out counts")
       for level in _LEVELS},
    **{f"judge_{level}": (f"{level}, judge", "share", "high", f"{level} right in the eyes of a language model; n leaves out its failures")
       for level in _LEVELS},
    **{f"judge_equal_{level}": (f"{level}, judge as exact", "share", "high", f"judge's verdicts on the {level} that equal the exact ones")
       for level in _LEVELS},
    "judge_failed": ("judge failed", "share", "low", "records without a judge's verdict, which are left out of the judge's other columns"),
    **{at_k(k, t): (f"any of {k}, <{t:g} km", "share", "high", f"one of the first {k} ranked places lies within {t:g} km")
       for k in CANDIDATES for t in CANDIDATE_KM},
    "oracle_median_km": ("nearest of ranked", "km", "low", "median distance of the nearest ranked place, a lower bound for choosing better among them"),
    **{of_pool(k, t): (f"{pool_words(k)}, <{t:g} km", "share", "high",
                       f"{pool_words(k)} that were pooled lies strictly within {t:g} km; a record without candidates is a miss")
       for k in POOL for t in THRESHOLDS_KM},
    "coverage50": ("in 50 % radius", "share", "", "answers with the truth inside their 50 % radius; calibrated: 50 %"),
    "coverage90": ("in 90 % radius", "share", "", "answers with the truth inside their 90 % radius; calibrated: 90 %"),
    "ece_answer": ("ECE of answers", "share", "low", "expected calibration error, in ten equal bins, of the answer's probability of lying within 50 km"),
    "ece_ranked": ("ECE of ranked", "share", "low", "the same of the ranked places' probabilities of holding the truth"),
    "ece_answer_equal_mass": ("ECE of answers, equal bins", "share", "low", "the same of answers, in ten bins with equally many of them"),
    "ece_ranked_equal_mass": ("ECE of ranked, equal bins", "share", "low", "the same of ranked places, in ten bins with equally many of them"),
    "brier": ("Brier", "", "low", "mean squared error of the answer's probability of lying within 50 km"),
    "aurc": ("AURC", "share", "low", "mean share of answers 25 km or farther off over all coverages reached, the surest answered first"),
    "aurc_country": ("AURC, country", "share", "low", "the same for answers in the wrong country"),
    "aurc_geoscore": ("AURC, geoscore", "", "low", "the same for what the mean geoscore of the answers lacks of 5000"),
    "bits_uniform": ("bits over uniform", "bits", "high", "mean log2 of the belief's density at the truth over a uniform Earth's"),
    "bits_prior": ("bits over prior", "bits", "high", "the same over the density of where photos are taken: what the evidence itself told"),
    "failed": ("failed", "share", "low", "records that were not run, or whose photo or policy failed"),
    "turns": ("turns", "", "", "mean turns of the policy"),
    "calls": ("calls", "", "", "mean tool calls"),
    "calls_failed": ("failed calls", "", "low", "mean tool calls that failed or were refused"),
    "tokens": ("tokens", "", "low", "mean tokens read and written"),
    "usd": ("cost", "usd", "low", "mean cost where a price is known"),
    "seconds": ("time", "s", "low", "mean working time"),
}  # fmt: skip
