"""What is said to a Qdrant server, heard by a stand-in on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import numpy as np
import pytest

from geo.area import Box
from models.gallery.gallery import Circle, GalleryError, Where
from tests.models.gallery.sample import DIGEST, drawn

pytest.importorskip("qdrant_client")

from models.gallery.qdrant import QdrantGallery

ROWS, VECTORS = drawn(3)
ABOUT = {"encoder": "embedded", "encoder_digest": DIGEST}
CONFIG = {
    "params": {"vectors": {"size": 16, "distance": "Cosine"}},
    "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
    "optimizer_config": {
        "deleted_threshold": 0.2,
        "vacuum_min_vector_number": 1000,
        "default_segment_number": 0,
        "flush_interval_sec": 5,
    },
    "metadata": ABOUT,
}
INFO = {"status": "green", "optimizer_status": "ok", "segments_count": 1, "config": CONFIG, "payload_schema": {}}


class Server:
    """Answers as a server with one collection would, and keeps what it heard."""

    def __init__(self) -> None:
        self.exists, self.answer_with = False, 200
        self.info: dict[str, Any] = INFO
        self.heard: list[tuple[str, str, Any, str]] = []

    def answer(self, method: str, path: str) -> Any:
        if path.endswith("/exists"):
            return {"exists": self.exists}
        if path.endswith("/points/count"):
            return {"count": 9000}
        if path.endswith("/query/batch"):
            return [{"points": []}]
        if method == "GET":
            return self.info
        return True if path.count("/") == 2 else {"operation_id": 1, "status": "completed"}


@pytest.fixture
def server() -> Iterator[tuple[Server, str]]:
    stand_in = Server()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.partition("?")[0]
            stand_in.heard.append((self.command, path, json.loads(body or b"null"), self.headers.get("api-key", "")))
            data = json.dumps({"result": stand_in.answer(self.command, path), "status": "ok", "time": 0.0}).encode()
            self.send_response(stand_in.answer_with)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is written."""

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield stand_in, f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()
    http.server_close()


def test_a_collection_is_made_with_indexes_of_what_filters_read(server: tuple[Server, str]) -> None:
    stand_in, url = server
    gallery = QdrantGallery(url, "photos", dim=16, create=True, encoder_digest=DIGEST, encoder="embedded")
    made = next(body for method, path, body, _ in stand_in.heard if (method, path) == ("PUT", "/collections/photos"))
    assert made["vectors"] == {"size": 16, "distance": "Cosine", "datatype": "float16"}
    assert made["metadata"] == ABOUT
    indexes = {body["field_name"]: body["field_schema"] for _, path, body, _ in stand_in.heard if path.endswith("/index")}
    assert indexes == {"country": "keyword", "source": "keyword", "sha256": "keyword", "second": "integer", "lat": "float", "lon": "float",
                       "place": "geo"}  # fmt: skip
    gallery.add(ROWS, VECTORS)
    gallery.flush()
    points = stand_in.heard[-1][2]["points"]
    assert [point["payload"]["id"] for point in points] == [row.id for row in ROWS]
    np.testing.assert_allclose([point["vector"] for point in points], VECTORS, atol=1e-6)
    gallery.close()


def test_a_filter_in_its_words(server: tuple[Server, str]) -> None:
    stand_in, url = server
    stand_in.exists = True
    gallery = QdrantGallery(url, "photos", read_only=True)
    where = Where(
        countries=frozenset({"PT"}),
        box=Box(-1, 170, 1, -170),
        circle=Circle(0, 180, 100),
        taken_from="1970",
        exclude_ids=frozenset({"x"}),
    )
    assert gallery.search(VECTORS[:1], 5, where) == [[]]
    asked = stand_in.heard[-1][2]["searches"][0]
    assert asked["limit"] == 5
    assert asked["params"]["hnsw_ef"] == 128
    assert asked["filter"]["must"][:3] == [
        {"key": "country", "match": {"any": ["PT"]}}, {"key": "second", "range": {"gte": 0.0}}, {"key": "lat", "range": {"gte": -1.0, "lte": 1.0}},
    ]  # fmt: skip
    assert asked["filter"]["must"][3]["should"] == [
        {"key": "lon", "range": {"gte": 170.0, "lte": 180.0}}, {"key": "lon", "range": {"gte": -180.0, "lte": -170.0}},
    ]  # fmt: skip
    radius = asked["filter"]["must"][4]["geo_radius"]
    assert radius["center"] == {"lat": 0.0, "lon": 180.0}
    assert 100_000 < radius["radius"] < 100_100
    assert len(asked["filter"]["must_not"][0]["has_id"]) == 1
    gallery.close()


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_the_key_goes_to_the_server_alone(server: tuple[Server, str], monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in, url = server
    stand_in.exists = True
    monkeypatch.setenv("QDRANT_API_KEY", "secret-key")
    gallery = QdrantGallery(url, "photos", read_only=True)
    assert {key for *_, key in stand_in.heard} == {"secret-key"}
    assert "secret-key" not in f"{gallery} {vars(gallery)}"
    gallery.close()


@pytest.mark.parametrize(("code", "info", "why"), [
    (500, INFO, "cannot be opened"), (403, INFO, "cannot be opened"), (200, {**INFO, "config": {**CONFIG, "metadata": None}}, "no gallery"),
    (200, {"strange": 1}, "cannot be opened"),
])  # fmt: skip
def test_servers_that_refuse_are_told_in_one_line(server: tuple[Server, str], code: int, info: dict[str, Any], why: str) -> None:
    stand_in, url = server
    stand_in.exists, stand_in.answer_with, stand_in.info = True, code, info
    with pytest.raises(GalleryError, match=why) as caught:
        QdrantGallery(url, "photos", read_only=True)
    assert "\n" not in str(caught.value)
