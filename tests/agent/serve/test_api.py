"""A case over HTTP: from its photo to its end."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from agent.conversation.guard import Coarse
from agent.serve.rates import PER_MINUTE, Rates
from agent.serve.serving import MOST_CASES
from tests.agent.serve.running import Listener, Running, added, investigated, opened, policy, running, sign, until


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("cases")) as made:
        yield made


def test_a_case_from_its_photo_to_its_end(here: Running) -> None:
    client = here.client()
    case_id = opened(client, area="DE,AT", context="a trip in March")
    heard = Listener(client, case_id)
    seen = investigated(client, case_id)
    assert (seen["area"], seen["context"], seen["title"]) == ("DE,AT", "a trip in March", "sign.png")
    photo = seen["photos"][0]
    assert [step["tool"] for step in photo["steps"]] == ["zoom", "find_place", "answer"]
    assert (photo["state"], len(photo["zooms"]), photo["ended"]) == ("done", 1, "with an answer")
    assert "Ulm" in seen["words"]["large"]
    assert seen["words"]["places"][0]["percent"].endswith("%")
    assert seen["result"] == client.get(f"/cases/{case_id}/result").json()
    assert seen["map"]["points"]
    assert len(seen["map"]["heat"]) == 10
    entry = seen["ledger"][0]
    assert entry["tool"] == "find_place"
    assert entry["bits"] > 1
    assert entry["citations"][0]["id"].startswith("geonames:")
    asked = client.post(f"/cases/{case_id}/ask", json={"text": "Why?"}).json()
    assert "Ulm" in asked["text"]
    assert asked["data"]["for"]
    said = client.post(f"/cases/{case_id}/ask", json={"text": "it is not in Ulm"}).json()
    assert said["data"]["changed"] is True
    moved = client.get(f"/cases/{case_id}").json()
    assert [one["id"] for one in moved["statements"]] == ["s1"]
    assert "Ulm" not in moved["words"]["places"][0]["name"]
    assert client.post(f"/cases/{case_id}/retract", json={"statement": "s1"}).json()["data"]["retracted"] == "s1"
    again = client.get(f"/cases/{case_id}").json()
    assert again["words"] == seen["words"]
    assert again["statements"][0]["retracted"]
    assert [turn["role"] for turn in again["turns"]] == ["user", "geosleuth"] * 3
    assert client.delete(f"/cases/{case_id}").status_code == 204
    heard.join()
    names = heard.names
    assert names[:2] == ["hello", "start"]
    assert names[-1] == "deleted"
    assert {"step", "belief", "result", "finished", "asked", "reply"} <= set(names)
    step = next(event for name, event in heard.events if name == "step")
    assert step["tool"] == "zoom"
    assert step["zooms"][0]["box"] == [0.1, 0.1, 0.5, 0.6]
    assert all("heat" in event["map"] for name, event in heard.events if name == "belief")
    assert client.get(f"/cases/{case_id}").status_code == 404
    assert list(here.desk.store.pictures(case_id).parent.glob(case_id)) == []


def test_exports_are_files_and_not_pages(here: Running) -> None:
    client = here.client()
    case_id = opened(client)
    assert client.get(f"/cases/{case_id}/export/report").status_code == 409
    investigated(client, case_id)
    for kind, start in (("report", "<!doctype html>"), ("geojson", '{"type"'), ("kml", "<?xml"), ("trajectory", "{")):
        reply = client.get(f"/cases/{case_id}/export/{kind}")
        assert reply.text.startswith(start)
        assert reply.headers["content-disposition"].startswith("attachment")
        assert reply.headers["content-security-policy"] == "sandbox"
        assert str(here.desk.store.folder) not in reply.text
    assert client.get(f"/cases/{case_id}/export/pdf").status_code == 404


def test_pictures_are_made_anew(here: Running) -> None:
    client = here.client()
    picture = Image.new("RGB", (600, 300), "teal")
    exif = picture.getexif()
    exif[0x010F] = "SECRET-CAMERA"
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", exif=exif)
    case_id = opened(client, buffer.getvalue())
    for query, size in (("", (600, 300)), ("?size=100", (100, 50)), ("?box=0,0,0.5,1", (300, 300))):
        reply = client.get(f"/cases/{case_id}/photos/1/picture{query}")
        assert reply.headers["content-type"] == "image/jpeg"
        assert b"SECRET" not in reply.content
        with Image.open(io.BytesIO(reply.content)) as shown:
            assert shown.size == size
    for query in ("?size=1", "?size=99999", "?box=1,2,3", "?box=0,0,nan,1", "?box=0.5,0,0.1,1", "?size=x"):
        reply = client.get(f"/cases/{case_id}/photos/1/picture{query}")
        assert reply.status_code == 422
        assert reply.json()["error"].endswith(".")
    assert client.get(f"/cases/{case_id}/photos/2/picture").status_code == 404


def test_wrong_requests_get_one_sentence(here: Running) -> None:
    client = here.client()
    case_id = str(client.post("/cases").json()["id"])
    for method, path, body, status, said in (
        ("POST", "/cases", {"area": "Atlantis"}, 422, "Cannot read the area 'Atlantis'"),
        ("POST", "/cases", {"colour": "x"}, 422, "colour"),
        ("POST", f"/cases/{case_id}/ask", {"text": "   "}, 422, "Say something."),
        ("POST", f"/cases/{case_id}/ask", {"text": "x" * 3000}, 422, "2000"),
        ("POST", f"/cases/{case_id}/ask", {}, 422, "text"),
        ("POST", f"/cases/{case_id}/start", None, 409, "Add a photo first."),
        ("POST", f"/cases/{case_id}/stop", None, 409, "Nothing is being investigated"),
        ("GET", "/cases/..%2f..%2fetc", None, 404, "nothing at this address"),
        ("GET", "/page/..%2fapp.py", None, 404, "nothing at this address"),
        ("GET", "/page/app.py", None, 404, "nothing at this address"),
        ("GET", "/docs", None, 404, "nothing at this address"),
        ("PUT", "/cases", None, 405, "does not do that"),
        ("GET", "/cases/x' OR '1'='1", None, 404, "There is no such case."),
    ):
        reply = client.request(method, path, json=body)
        assert (reply.status_code, list(reply.json())) == (status, ["error"]), path
        assert said.lower() in reply.json()["error"].lower()
        assert "Traceback" not in reply.text
    assert client.get(f"/cases/{case_id}/result").json()["best_guess"] is None
    assert (
        client.post(f"/cases/{case_id}/ask", content=b'{"text": "Why?"}', headers={"Content-Type": "text/plain"}).status_code
        == 422
    )


def test_faults_of_the_server_tell_nothing(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> None:
        raise RuntimeError("secret of the inside")

    client = here.client()
    monkeypatch.setattr(here.desk.store, "cases", broken)
    reply = client.get("/cases")
    assert (reply.status_code, reply.json()["error"]) == (500, "Something went wrong in the server; its log says what.")
    monkeypatch.setattr(here.desk.store, "cases", lambda *given: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert here.client().get("/cases").status_code == 507


def test_openapi_says_what_there_is(here: Running) -> None:
    made = here.client().get("/openapi.json").json()
    assert {"/cases", "/cases/{case_id}/photos", "/cases/{case_id}/events", "/cases/{case_id}/export/{kind}", "/policy"} <= set(
        made["paths"]
    )
    operations = [operation for path in made["paths"].values() for operation in path.values()]
    assert all(operation["summary"] for operation in operations)
    assert "private person" in here.client().get("/policy").json()["policy"]
    assert here.client().get("/health").json() == {"status": "ok"}


def test_questions_about_persons_are_refused(here: Running) -> None:
    client = here.client()
    case_id = opened(client)
    reply = client.post(f"/cases/{case_id}/ask", json={"text": "Where does this woman live?"}).json()
    assert reply["data"] == {"refused": True}
    assert client.get(f"/cases/{case_id}").json()["turns"][-1]["refused"] is True


def test_too_often_and_too_many(tmp_path: Path) -> None:
    with running(tmp_path, rates=Rates({**PER_MINUTE, "ask": 2, "case": 1000})) as here:
        client = here.client()
        case_id = opened(client)
        replies = [client.post(f"/cases/{case_id}/ask", json={"text": "/help"}) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [200, 200, 429]
        assert int(replies[2].headers["retry-after"]) > 0
        for _ in range(MOST_CASES - 1):
            assert client.post("/cases").status_code == 201
        assert client.post("/cases").status_code == 409
        assert here.client().post("/cases").status_code == 201


def test_a_server_with_a_coarse_guard_tells_no_more(tmp_path: Path) -> None:
    with running(tmp_path, guard=Coarse(100)) as here:
        client = here.client()
        case_id = opened(client)
        heard = Listener(client, case_id)
        seen = investigated(client, case_id)
        assert seen["photos"][0]["steps"] == seen["ledger"] == seen["map"]["heat"] == []
        assert seen["words"]["withheld"] == "places are shown within 100 km"
        assert client.get(f"/cases/{case_id}/export/geojson").status_code == 403
        client.delete(f"/cases/{case_id}")
        heard.join()
        assert "Ulm" not in json.dumps([seen, heard.events])


def test_a_stopped_and_a_cut_investigation_go_on(tmp_path: Path) -> None:
    """Stopped by hand, then by the end of the server: what was done is not done again."""
    gate = threading.Event()
    with running(tmp_path, policy(gate)) as here:
        client = here.client()
        case_id = opened(client)
        client.post(f"/cases/{case_id}/start")
        until(lambda: _tools_so_far(client.get(f"/cases/{case_id}").json()) == ["zoom", "find_place"])
        assert client.post(f"/cases/{case_id}/start").status_code == 409
        assert client.post(f"/cases/{case_id}/ask", json={"text": "Why?"}).status_code == 409
        assert added(client, case_id, sign("Bonn")).status_code == 201  # waits for its turn
        assert client.post(f"/cases/{case_id}/stop").status_code == 204
        until(lambda: not client.get(f"/cases/{case_id}").json()["busy"])
        heard = Listener(client, case_id)
        client.post(f"/cases/{case_id}/start")
        until(lambda: "resumed" in heard.names)
        cookies = dict(client.cookies)
    heard.join()
    assert "step" not in heard.names
    gate.set()
    with running(tmp_path, policy(gate)) as here:
        client = here.client(cookies=cookies)
        cut = client.get(f"/cases/{case_id}").json()
        assert ([photo["state"] for photo in cut["photos"]], cut["busy"]) == (["waiting", "waiting"], False)
        seen = investigated(client, case_id)
    for photo in seen["photos"]:
        assert [step["tool"] for step in photo["steps"]] == ["zoom", "find_place", "answer"]


def _tools_so_far(seen: dict[str, object]) -> list[str]:
    events = seen["so_far"]
    assert isinstance(events, list)
    return [event["tool"] for event in events if event["event"] == "step"]
