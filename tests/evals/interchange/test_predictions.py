"""Other systems' files: every format, every way in which a line can be broken, and what comes of it as a trajectory."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evals.interchange import files
from evals.interchange.predictions import (
    Prediction,
    PredictionError,
    RankedGuess,
    match_predictions,
    read_predictions,
    to_trajectories,
    to_trajectory,
    write_predictions,
)
from evals.record import Truth
from evals.row import Guess, Row
from evals.rows import rows_of
from evals.run_folder import RunFolder


def record(name: str, lat: float | None = 38.72, lon: float | None = -9.14, **truth: Any) -> dict[str, Any]:
    return {"id": name, "kind": "photo", "truth": Truth(lat, lon, **truth).to_json(), "columns": {}, "licence": "", "attribution": "",
            "clues": []}  # fmt: skip


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path: Path, content: str | bytes, **options: Any) -> list[Prediction]:
    return read_predictions(written(tmp_path / "predictions", content), **options)


# -- tables

TABLES = [
    "id,lat,lon\na.jpg,41.15,-8.61\n",
    "\ufeffID,Latitude,Longitude\r\na.jpg,41.15,-8.61\r\n",
    "image_path\tpred_lat\tpred_lon\na.jpg\t41.15\t-8.61\n",
    "IMG_ID;LAT;LNG\na.jpg;41.15;-8.61\n",
    "filename,lat_pred,lng_pred,lat,lon\na.jpg,41.15,-8.61,1,2\n",
    "uid,gt_lat,gt_lon,predictedLat,predictedLon\na.jpg,1,2,41.15,-8.61\n",
    "a.jpg,41.15,-8.61\n",
    '{"id": "a.jpg", "lat": 41.15, "lon": -8.61}\n',
    '\n{"id": "a.jpg", "prediction": {"latitude": "41.15", "longitude": "-8.61"}}\n{"id": "b", "prediction": null}\n',
    '[{"id": "a.jpg", "lat": 41.15, "lon": -8.61}]',
    '{"predictions": [{"id": "a.jpg", "lat": 41.15, "lng": -8.61}]}',
    '{"a.jpg": {"lat": 41.15, "lon": -8.61}, "b": [1, 2]}',
    '{\n "a.jpg": [41.15, -8.61]\n}',
    '{"id": "a.jpg", "lat": 1, "lon": 2, "answer": {"lat": 41.15, "lon": -8.61}}',
    '{"id": "a.jpg", "response": "It is Porto.\\n```json\\n{\\"lat\\": 41.15, \\"lon\\": -8.61,}\\n```"}',
    '{"id": "a.jpg", "lat": null, "lon": null, "candidates": [{"lat": 41.15, "lon": -8.61, "probability": 0.4}, [1, 2]]}',
    '{"id": "a.jpg", "latlon": [41.15, -8.61]}',
]


@pytest.mark.parametrize("content", TABLES)
def test_one_point_in_every_shape(tmp_path: Path, content: str) -> None:
    first = read(tmp_path, content)[0]
    assert (first.id, first.lat, first.lon, first.error) == ("a.jpg", 41.15, -8.61, None)


def test_truth_beside_the_guess_is_not_taken_for_it(tmp_path: Path) -> None:
    first, second = read(tmp_path, "id,lat,lon,pred_lat,pred_lon\na,38.72,-9.14,41.15,-8.61\nb,1,2,,\n")
    assert (first.lat, first.truth) == (41.15, (38.72, -9.14))
    assert second.lat is None
    assert not second.answered
    assert second.truth == (1.0, 2.0)


@pytest.mark.parametrize("row", ['{"id": "a", "lat": 1, "lon": 2, "prediction": null}', '{"id": "a", "lat": 1, "lon": 2, "answer": "Porto"}',
                                 '{"id": "a", "location": {"lat": 1, "lon": 2}, "pred": {"city": "Porto"}}'])  # fmt: skip
def test_coordinates_beside_an_answer_in_words_are_the_truth(tmp_path: Path, row: str) -> None:
    only = read(tmp_path, row)[0]
    assert (only.lat, only.truth) == (None, (1.0, 2.0))


def test_everything_that_may_be_stated(tmp_path: Path) -> None:
    row = {"id": 7, "lat": 41.15, "lon": -8.61, "confidence": 0.7, "radius_km": 12, "radius50_km": 3, "city": "Porto", "country": "Portugal",
           "candidates": [{"lat": 1, "lon": 2, "probability": 0.2}, "Lisbon, Portugal", [4, 5, 0.1], {"nothing": 1}, 3]}  # fmt: skip
    only = read(tmp_path, json.dumps(row))[0]
    assert (only.id, only.probability, only.radius_km, only.radius50_km, only.place) == ("7", 0.7, 12.0, 3.0, "Porto, Portugal")
    assert only.candidates == (
        RankedGuess(1.0, 2.0, "", 0.2),
        RankedGuess(place="Lisbon, Portugal"),
        RankedGuess(4.0, 5.0, "", 0.1),
    )


@pytest.mark.parametrize("value", ["high", "1.2", "-0.1", "nan", "inf", "True", ""])
def test_what_is_no_probability_is_none(tmp_path: Path, value: str) -> None:
    assert read(tmp_path, f"id,lat,lon,probability\na,1,2,{value}\n")[0].probability is None


# -- broken files and lines


@pytest.mark.parametrize(
    ("row", "words"),
    [("a,91,2", "line 2: the latitude 91 is outside"), ("a,x,2", "line 2: the latitude 'x' is not a number"), ("a,1,", "line 2: the longitude"),
     ("a,nan,2", "not a number"), ("a,1,2,3,4", "line 2 has 5 values for 3 columns"), ("a,,", "line 2: no answer"), (",1,2", "line 2 names no photo"),
     (b"\xff\xfe,1,2", "line 2 is not UTF-8 text")],
)  # fmt: skip
def test_a_bad_line_stays_as_no_answer(tmp_path: Path, row: str | bytes, words: str) -> None:
    row = row.encode() if isinstance(row, str) else row
    bad, good = read(tmp_path, b"id,lat,lon\n" + row + b"\nb,1,2\n")
    assert bad.error is not None
    assert words in bad.error
    assert str(tmp_path / "predictions") in bad.error
    assert "\n" not in bad.error
    assert good.lat == 1.0


@pytest.mark.parametrize(("line", "words"), [("{'id': 1}", "line 2 is not JSON"), ("[1, 2]", "line 2 is not a JSON object"), ("[" * 200_000, "line 2 is nested too deeply"),
                                             ("{" + '"a":{' * 100_000, "line 2 is nested too deeply"), ('{"id": "x", "lat": 1e999, "lon": 2}', "not a number"),
                                             ('{"id": "x", "lat": NaN, "lon": 2}', "not a number"), ('{"id": "x", "lat": ' + "9" * 5000 + "}", "line 2 is not JSON")])  # fmt: skip
def test_a_bad_json_line_stays_as_no_answer(tmp_path: Path, line: str, words: str) -> None:
    good, bad, other = read(tmp_path, '{"id": "a", "lat": 1, "lon": 2}\n' + line + '\n{"id": "b", "lat": 1, "lon": 2}\n')
    assert (good.id, other.id) == ("a", "b")
    assert bad.error is not None
    assert words in bad.error


def test_a_line_that_is_too_long_is_skipped_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 1000)
    lines = ['{"id": "a", "lat": 1, "lon": 2}', '{"id": "' + "x" * 5000 + '"}', '{"id": "b", "lat": 1, "lon": 2}']
    predictions = read(tmp_path, "\n".join(lines))
    assert [p.id for p in predictions] == ["a", "", "b"]
    assert "line 2 is longer than" in (predictions[1].error or "")
    table = read(tmp_path, "id,lat,lon\n" + "x" * 5000 + "\nb,1,2\n")
    assert [p.id for p in table] == ["", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "is empty"), (b"\xff\xd8\xff\xe0\0\0", "is not text"), ("hello\nworld\n", "has no columns for the photo and the answer"),
     ("id,score\na,1\n", "has no columns"), ("lat,lon\n1,2\n", "has no columns"), ('{"id": "a", ', "is not JSON"), ("[1, 2]", "has no row that can be read"),
     ("[" * 100_000, "nested too deeply"), ("[]", "has no row"), ("id,lat,lon\n", "has no row"), (",".join("abcd" * 100), "columns")],
)  # fmt: skip
def test_what_is_no_file_of_predictions_is_one_line(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(PredictionError, match=words) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "predictions") in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(PredictionError, match="cannot be found"):
        read_predictions(tmp_path / "none.csv")
    with pytest.raises(PredictionError, match="is not a file"):
        read_predictions(tmp_path)


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
    st.sampled_from(["id", "lat", "lon", "prediction", "answer", "candidates", "solution_str", "ground_truth", "pred_output", "metadata", "uid", "role",
                     "content", "extract_address", "country_correct", "state_correct", "city_correct"]) | st.text(max_size=5), inner, max_size=6), max_leaves=20)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON, raw=st.binary(max_size=200), lines=st.booleans())
def test_any_file_is_predictions_or_one_sentence(tmp_path: Path, value: Any, raw: bytes, lines: bool) -> None:
    for content in (json.dumps(value).encode() + (b"\n{}\n" if lines else b""), raw, b"id,lat,lon\n" + raw):
        try:
            predictions = read(tmp_path, content)
        except PredictionError:
            continue
        for prediction in predictions:
            assert prediction.answered or prediction.error
            assert prediction.lat is None or (-90 <= prediction.lat <= 90 and -180 <= (prediction.lon or 0) <= 180)


# -- GeoVista and Thinking-with-Map


def chat(uid: str, last: Any, **more: Any) -> str:
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x.png"}}, {"type": "text", "text": "Please analyze where is the place."}]},
        {"role": "assistant", "content": '<think>Not Kunming.</think><tool_call>{"name": "search_web", "arguments": {"query": "x"}}</tool_call>'},
        {"role": "user", "content": [{"type": "text", "text": "<tool_response>For ...</tool_response>"}]},
        {"role": "assistant", "content": last},
    ]  # fmt: skip
    metadata = {"uid": uid, "location": {"lat": 41.1496, "lng": -8.6109, "multi_level_loc_dict": {"city": "Porto"}}}
    return json.dumps(
        {"uid": uid, "image_path": f"raw_image/{uid}/panorama-{uid}.png", "pred_output": messages, "metadata": metadata, **more}
    )


def test_geovista_chats(tmp_path: Path) -> None:
    lines = [
        chat("a", "<think>Looks like Kunming.</think><answer>This is Porto, Portugal.</answer>"),
        chat("b", [{"type": "text", "text": "<answer>Lisbon, Portugal"}]),
        chat("c", '<think>I look closer.</think><tool_call>{"name": "image_zoom_in_tool"}</tool_call>'),
        json.dumps({"uid": "d", "image_path": "d.png", "error": "out of memory", "traceback": "Traceback ...", "metadata": {}}),
        json.dumps({"uid": "e", "image_path": "e.png", "pred_output": [], "metadata": "{}"}),
    ]
    a, b, c, d, e = read(tmp_path, "\n".join(lines))
    assert (a.id, a.place, a.truth, a.aliases) == (
        "a",
        "This is Porto, Portugal.",
        (41.1496, -8.6109),
        ("raw_image/a/panorama-a.png",),
    )
    assert "Kunming" in a.message
    assert b.place == "Lisbon, Portugal"
    assert c.error is not None
    assert "calls a tool" in c.error
    ends = [to_trajectory(p, record("x"), "import:geovista") for p in (a, b, c, d, e)]
    assert [t["stop"] for t in ends] == ["answered", "answered", "no_answer", "policy_error", "policy_error"]
    assert (ends[0]["answer"]["city"], ends[0]["answer"]["country"], ends[0]["said_point"]) == ("Porto", "PT", False)
    assert ends[0]["messages"][0]["content"] == a.message


def test_geovista_verdicts(tmp_path: Path) -> None:
    base = {
        "image_path": "x.png",
        "country_correct": True,
        "state_correct": False,
        "city_correct": False,
        "metadata_data_type": "None",
    }
    lines = [
        {"uid": "a", **base, "extract_address": "Ribeira, Porto, Portugal", "geocode_result": {"lat": 41.14, "lng": -8.61}, "accurate_km_dist": 1.2},
        {"uid": "b", **base, "extract_address": "honiara, guadalcanal, solomon islands", "geocode_result": {"lat": -9.4306698, "lng": 159.9526758}},
        {"uid": "c", **base},
        {"uid": "d", "image_path": "x.png", "success": False, "error": "no JSON", "debug": {"response_text": "<answer>Porto, Portugal</answer>"}},
        {"uid": "e", "image_path": "x.png", "error": "expect response for e"},
    ]  # fmt: skip
    a, b, c, d, e = read(tmp_path, "\n".join(map(json.dumps, lines)))
    assert (a.lat, a.lon, a.place) == (41.14, -8.61, "Ribeira, Porto, Portugal")
    assert b.lat is None
    assert "stand-in" in (b.error or "")
    assert "verdict and no answer" in (c.error or "")
    assert d.place == "Porto, Portugal"
    assert "expect response" in (e.error or "")
    with pytest.raises(PredictionError, match="verdicts and no answers"):
        read(tmp_path, "\n".join(json.dumps({"uid": str(i), **base}) for i in range(3)))


def twm(index: int, text: str, lat: float = 41.1496, lon: float = -8.6109) -> str:
    truth = {"city": "Porto", "country": "Portugal", "image": f"images/{index:06d}.jpg", "lat": lat, "lon": lon, "split": "test"}
    return json.dumps({"index": index, "data_source": "GeoBench", "ground_truth": truth, "solution_str": text})


def test_thinking_with_map_answers(tmp_path: Path) -> None:
    answer = '{\n "lat": 41.15,\n "lon": -8.61,\n "city": "Porto",\n "country": "Portugal"%s\n}'
    lines = [
        twm(0, "Tiles {blue}.\n\n" + answer % ""),
        twm(1, "Tiles.\n```json\n" + answer % "," + "\n```"),
        twm(2, "I cannot say. Perhaps Lisbon."),
        twm(3, '{"lat": null, "lon": null, "city": "", "country": ""}'),
        twm(4, '{"lat": 141.0, "lon": -8.61, "city": "Porto", "country": "Portugal"}'),
    ]  # fmt: skip
    predictions = read(tmp_path, "\n".join(lines))
    assert [p.lat for p in predictions] == [41.15, 41.15, None, None, None]
    assert (predictions[0].place, predictions[0].id, predictions[0].truth) == (
        "Porto, Portugal",
        "images/000000.jpg",
        (41.1496, -8.6109),
    )
    assert "no JSON with lat and lon" in (predictions[2].error or "")
    assert to_trajectory(predictions[2], record("x"), "import:x")["stop"] == "no_answer"
    assert [p.lat for p in read(tmp_path, "\n".join(lines), strict=True)] == [41.15, None, None, None, None]


# -- which record


def test_recognised_by_id_file_name_capitals_and_coordinates() -> None:
    records = [record("a"), record("photos/b.jpg"), record("C.PNG"), record("d-uuid", 41.1496, -8.6109), record("e")]
    predictions = [Prediction("a", 1, 2), Prediction("other/b.png", 1, 2), Prediction("c.jpg", 1, 2),
                   Prediction("images/000003.jpg", 1, 2, truth=(41.1496, -8.6109)), Prediction("nobody", 1, 2), Prediction("", error="file, line 9 is not JSON")]  # fmt: skip
    matching = match_predictions(predictions, records)
    assert {key: p.id for key, p in matching.predictions.items()} == {
        "a": "a", "photos/b.jpg": "other/b.png", "C.PNG": "c.jpg", "d-uuid": "images/000003.jpg"}  # fmt: skip
    assert matching.missing == ("e",)
    assert [p.id for p in matching.unmatched] == ["nobody", ""]
    assert len(matching.lines()) == 5
    assert any("nobody" in line and "line 9" in line for line in matching.lines())


def test_nothing_is_guessed_between_two() -> None:
    records = [record("x/1.jpg"), record("y/1.jpg"), record("A"), record("p", 1.0, 2.0), record("q", 1.0, 2.0), record("v1.2")]
    predictions = [Prediction("1.png", 1, 2), Prediction("a", 1, 2), Prediction("a.jpg", 1, 2), Prediction("r", 1, 2, truth=(1.0, 2.0)), Prediction("v1.3", 1, 2)]  # fmt: skip
    matching = match_predictions(predictions, records)
    assert dict(matching.predictions) == {}
    assert len(matching.missing) == 6
    assert len(matching.unmatched) == 5


def test_a_number_is_not_trusted_against_the_coordinates() -> None:
    """Row 0 of a subset is another photo than row 0 of the whole."""
    matching = match_predictions([Prediction("0", 1, 2, truth=(59.9, 10.7))], [record("0", 45.75, 4.82)])
    assert dict(matching.predictions) == {}
    derived = record("0", 45.75, 4.82, derived=("point",))
    assert len(match_predictions([Prediction("0", 1, 2, truth=(59.9, 10.7))], [derived]).predictions) == 1


def test_the_last_answer_of_several_counts() -> None:
    several = [Prediction("a", 1, 2), Prediction("a", 3, 4), Prediction("a", error="no answer")]
    matching = match_predictions(several, [record("a")])
    assert matching.predictions["a"].lat == 3
    assert matching.repeated == ("a",)


# -- trajectories


def test_points_and_words_become_places() -> None:
    records = [record(str(i)) for i in range(5)]
    predictions = [Prediction("0", 41.15, -8.61, radius_km=20.0, probability=0.5), Prediction("1", place="Porto, Portugal"),
                   Prediction("2", place="Somewhere nice"), None, Prediction("4", place="France")]  # fmt: skip
    point, words, nothing, missing, country = to_trajectories(zip(records, predictions, strict=True), "import:other")
    assert (point["answer"]["city"], point["answer"]["radius90_km"], point["answer"]["probability"]) == ("Porto", 20.0, 0.5)
    assert "radius50_km" not in point["answer"]
    assert "said" not in point
    assert (words["said"], words["said_point"], words["label"]) == ("Porto, Portugal", False, point["label"])
    assert (nothing["stop"], missing["stop"], missing["error"]) == ("no_answer", "no_answer", "no prediction for this record")
    assert "Somewhere nice" in nothing["error"]
    assert (country["answer"]["country"], country["answer"]["region"], country["label"]) == ("FR", None, "France")


def test_ranked_places_keep_what_was_stated() -> None:
    prediction = Prediction("a", 41.15, -8.61, candidates=(RankedGuess(41.15, -8.61, probability=0.6), RankedGuess(place="Spain", probability=0.2),
                                                           RankedGuess(38.72, -9.14), RankedGuess(place="qqqq")))  # fmt: skip
    alternatives = to_trajectory(prediction, record("a"), "import:x")["alternatives"]
    assert [(a["kind"], a["probability"]) for a in alternatives] == [("city", 0.6), ("country", 0.2), ("unstated", 0.0)]


def imported(folder: RunFolder, pairs: list[tuple[dict[str, Any], Prediction | None]]) -> list[Row]:
    folder.path.mkdir(exist_ok=True)
    (folder.path / "run.json").write_text(json.dumps({"format": 1, "policy": "import:x", "benchmark": "some"}))
    (folder.path / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r, _ in pairs))
    for trajectory in to_trajectories(pairs, "import:x"):
        folder.append(trajectory)
    return rows_of(folder)


def test_an_imported_run_is_scored_and_written_back(tmp_path: Path) -> None:
    truth = {
        "country": "PT",
        "region": "Porto",
        "city": "Porto",
        "names": {"country": "Portugal", "region": "Porto", "city": "Porto"},
    }
    porto: dict[str, Any] = {"lat": 41.1496, "lon": -8.6109, **truth}
    lisbon = Prediction("b", 38.72, -9.14, message="<think>Porto?</think> Lisbon", candidates=(RankedGuess(41.1496, -8.6109),))
    pairs = [(record("a", **porto), Prediction("a", place="Oporto", message="<answer>Oporto</answer>")), (record("b", **porto), lisbon),
             (record("c", **porto), None)]  # fmt: skip
    rows = imported(RunFolder(tmp_path / "run"), pairs)
    assert [dict(row.levels) for row in rows] == [
        {"country": True, "region": True, "city": True}, {"country": True, "region": False, "city": False},
        {"country": False, "region": False, "city": False}]  # fmt: skip
    assert rows[1].published["original"]["city"] is True
    assert rows[1].published["final"]["city"] is False
    assert rows[1].ranked[0].holds is None
    assert rows[1].bits_uniform is None
    for name in ("out.csv", "out.tsv", "out.jsonl"):
        assert write_predictions(rows, tmp_path / name) == 2
        again = read_predictions(tmp_path / name)
        assert [(p.id, p.lat, p.lon) for p in again] == [
            (r.id, r.answer and r.answer.lat, r.answer and r.answer.lon) for r in rows
        ]


def test_written_rows_are_quoted(tmp_path: Path) -> None:
    guess = Guess(1.5, 2.5, "x", "PT", 'A "quoted", region', "line\nbreak", 0.25, 1.0, 2.0)
    row = Row("a,b", "photo", Truth(), answer=guess, distance_km=3.5)
    write_predictions([row], tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        only = next(csv.DictReader(file))
    assert only == {"id": "a,b", "lat": "1.5", "lon": "2.5", "country": "PT", "region": 'A "quoted", region', "city": "line\nbreak", "probability": "0.25",
                    "radius50_km": "1.0", "radius90_km": "2.0", "distance_km": "3.5"}  # fmt: skip
    again = read_predictions(tmp_path / "out.csv")[0]
    assert (again.id, again.lat, again.radius_km, again.radius50_km, again.probability) == ("a,b", 1.5, 2.0, 1.0, 0.25)
