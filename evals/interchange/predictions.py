"""Predictions of other systems: read from their files, and made into trajectories that are scored like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evals.interchange.files import rows_of
from evals.interchange.matching import Matching, match_predictions
from evals.interchange.prediction import Prediction, PredictionError, RankedGuess
from evals.interchange.published import only_verdicts, prediction_of
from evals.interchange.trajectories import to_trajectories, to_trajectory
from evals.interchange.writing import write_predictions

__all__ = ["Matching", "Prediction", "PredictionError", "RankedGuess", "match_predictions", "read_predictions", "to_trajectories",
           "to_trajectory", "write_predictions"]  # fmt: skip


def read_predictions(path: Path, strict: bool = False) -> list[Prediction]:
    """Every row of a file as a prediction, in the file's order; the kind of file is found by what it holds.

    CSV, TSV, JSON lines or JSON of id and lat, lon or a place (`evals/interchange/fields.py` has the names that columns may have);
    GeoVista's and Thinking-with-Map's own files (`evals/interchange/published.py`; `strict` reads the latter's answers as its authors
    do). A row that cannot be read stays as a prediction without an answer whose `error` names file and line. Raises PredictionError,
    one line, for a file in which no row can be read, and for one that holds verdicts without answers.
    """
    predictions, bad, verdicts, first = [], 0, 0, ""
    for where, row, written in rows_of(path):
        if isinstance(row, str):
            bad, first = bad + 1, first or f"{where} {row}"
            # The line beside the reason: what cannot be read is no answer, not a failure of the system.
            predictions.append(Prediction("", message=written or "(a line that cannot be read)", error=f"{path}, {where} {row}"))
            continue
        verdicts += only_verdicts(row)
        predictions.append(_named(prediction_of(row, strict), f"{path}, {where}"))
    if bad == len(predictions):
        raise PredictionError(f"{path} has no row that can be read" + (f": {first}" if first else ""))
    if verdicts and not any(prediction.answered for prediction in predictions):
        raise PredictionError(f"{path} holds GeoVista's verdicts and no answers; import the file that its inference script wrote")
    return predictions


def _named(prediction: Prediction, where: str) -> Prediction:
    """The prediction with its place in the file before its error."""
    if not prediction.id:
        return replace(prediction, error=f"{where} names no photo")
    return replace(prediction, error=f"{where}: {prediction.error}") if prediction.error else prediction
