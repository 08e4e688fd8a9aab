import json
from types import SimpleNamespace

import pytest

from tests.tools.loopback import loopback, reply
from tools.web.backends import Hit, HitPlace, OfflineOnly, SearchBlocked, SearchUnavailable, make_backend
from tools.web.ddgs_engine import Ddgs
from tools.web.engines import Searxng, brave, locale_of, tavily
from tools.web.offline import OfflineIndex
from tools.web.pace import Breaker, Pace
from tools.web.replay import Record, Replay, ReplayMiss

HITS = [
    Hit("http://example.org/a", "A", "about a", "fake", 1),
    Hit("geonames:1", "B", "about b", "fake", 2, HitPlace("B", 1.0, 2.0, 300, True)),
]


class Fake:
    """Answers in turn; an exception is raised."""

    name = "fake"

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def search(self, query, k, region):
        self.asked.append((query, k, region))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


# Engines with a JSON interface


def results(*urls, **more):
    return json.dumps({"results": [{"url": url, "title": "T", "content": "C"} for url in urls], **more})


def searxng(server):
    return Searxng(server.url)


def tavily_at(server):
    return tavily(server.url, {"TAVILY_API_KEY": "tvly-secret"})


def brave_at(server):
    return brave(server.url, {"BRAVE_API_KEY": "brave-secret"})


PATHS = {searxng: "/search", tavily_at: "/search", brave_at: "/res/v1/web/search"}


@pytest.mark.parametrize("engine", PATHS)
@pytest.mark.parametrize(
    ("answer", "failure", "words"),
    [
        (reply(401, "{}"), SearchBlocked, "is the key right"),
        (reply(429, "slow down"), SearchBlocked, "rate limit"),
        (reply(500, "oops"), SearchUnavailable, "status 500"),
        (reply(301, "", Location="http://127.0.0.1:1/"), SearchUnavailable, "status 301"),
        (reply(200, "<html>captcha</html>"), SearchUnavailable, "not answer in JSON"),
        (reply(200, "[" * 100_000), SearchUnavailable, "not answer in JSON"),
        (reply(200, "[1, 2]"), SearchUnavailable, "unknown form"),
        (reply(200, b" " * 3_000_000), SearchUnavailable, "too much"),
        (lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"), SearchUnavailable, "could not be reached"),
    ],
)
def test_a_refusal_and_a_fault_are_told_apart(engine, answer, failure, words):
    with loopback({PATHS[engine]: answer}) as server, pytest.raises(failure, match=words) as caught:
        engine(server).search("lisbon", 3, None)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("engine", PATHS)
def test_a_closed_port_is_unavailable(engine):
    with loopback({}) as server:
        closed = server
    with pytest.raises(SearchUnavailable, match="could not be reached"):
        engine(closed).search("lisbon", 3, None)


@pytest.mark.parametrize("engine", PATHS)
def test_no_results_is_an_empty_list(engine):
    body = {"results": [], "web": {"results": []}}
    with loopback({PATHS[engine]: reply(200, json.dumps(body))}) as server:
        assert engine(server).search("lisbon", 3, "PT") == []


@pytest.mark.parametrize("engine", [searxng, tavily_at])
def test_hits_have_web_addresses_and_ranks(engine):
    with loopback({"/search": reply(200, results("http://a.org/", "javascript:x", "https://b.org/", "http://c.org/"))}) as server:
        found = engine(server).search("lisbon", 2, None)
    assert [(hit.url, hit.rank, hit.title, hit.snippet) for hit in found] == [
        ("http://a.org/", 1, "T", "C"),
        ("https://b.org/", 2, "T", "C"),
    ]


def test_rows_that_are_no_results_are_skipped():
    rows = [None, 3, {}, {"url": None}, {"url": "http://a.org/", "title": None, "content": ["x"]}]
    with loopback({"/search": reply(200, json.dumps({"results": rows}))}) as server:
        assert [hit.url for hit in searxng(server).search("x", 5, None)] == ["http://a.org/"]


def test_searxng_says_how_to_allow_json():
    with (
        loopback({"/search": reply(403, "Forbidden")}) as server,
        pytest.raises(SearchBlocked, match=r"search\.formats in its settings\.yml"),
    ):
        searxng(server).search("x", 3, None)


def test_searxng_without_results_and_with_silent_engines_is_blocked():
    body = results(unresponsive_engines=[["brave", "too many requests"]])
    with loopback({"/search": reply(200, body)}) as server, pytest.raises(SearchBlocked, match="too many requests"):
        searxng(server).search("x", 3, None)


def test_what_the_engines_are_asked():
    answers = {"/search": reply(200, results()), "/res/v1/web/search": reply(200, "{}")}
    with loopback(answers) as server:
        searxng(server).search("praça & co", 3, "PT")
        brave_at(server).search("x", 4, "PT")
        tavily_at(server).search("x", 4, "PT")
        (first, _), (second, second_headers), (_, third_headers) = server.seen
    assert first == "/search?q=pra%C3%A7a+%26+co&format=json&language=pt-PT"
    assert "count=4" in second
    assert "country=PT" in second
    assert second_headers["x-subscription-token"] == "brave-secret"
    assert third_headers["authorization"] == "Bearer tvly-secret"


def test_an_engine_that_does_not_know_the_country_is_asked_without_it():
    calls = []

    def answer(handler):
        calls.append(handler.path)
        body = json.dumps({"web": {"results": [{"url": "http://a.org/", "title": "T", "description": "D"}]}})
        reply(422 if "country" in handler.path else 200, body)(handler)

    with loopback({"/res/v1/web/search": answer}) as server:
        assert [hit.snippet for hit in brave_at(server).search("x", 3, "XK")] == ["D"]
    assert len(calls) == 2


@pytest.mark.parametrize(("region", "expected"), [("PT", "pt-PT"), ("BR", "pt-BR"), ("JP", "ja-JP"), ("ZZ", "en-ZZ")])
def test_locales(region, expected):
    assert locale_of(region) == expected


# ddgs


def ddgs_answers(monkeypatch, answer):
    """Every request of ddgs gets `answer`: (status, page), or an exception."""
    import ddgs.http_client

    def request(self, method, url, **kwargs):
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(status_code=answer[0], text=answer[1], content=answer[1].encode())

    monkeypatch.setattr(ddgs.http_client.HttpClient, "request", request)


def engine(**settings):
    return Ddgs(pace=Pace(0.0), breaker=settings.pop("breaker", Breaker()), sleep=lambda seconds: None, **settings)


RESULT_PAGE = """<html><body>
<div class="result__body"><h2>Lisbon tram 28</h2><a href="http://example.org/28">Lisbon tram 28 climbs the hills</a></div>
<div class="result__body"><h2>An advert</h2><a href="https://duckduckgo.com/y.js?ad=1">Buy Lisbon tram</a></div>
</body></html>"""


def test_ddgs_reads_result_pages(monkeypatch):
    ddgs_answers(monkeypatch, (200, RESULT_PAGE))
    found = engine().search("lisbon tram 28", 5, "PT")
    assert [(hit.url, hit.title, hit.engine, hit.rank) for hit in found] == [
        ("http://example.org/28", "Lisbon tram 28", "ddgs", 1)
    ]


def test_ddgs_without_results_is_an_empty_list(monkeypatch):
    ddgs_answers(monkeypatch, (200, "<html><body><p>nothing found</p></body></html>"))
    assert engine().search("lisbon", 5, None) == []


@pytest.mark.parametrize("status", [202, 403, 429])
def test_ddgs_refused_is_blocked(monkeypatch, status):
    ddgs_answers(monkeypatch, (status, "<html>captcha</html>"))
    with pytest.raises(SearchBlocked, match=str(status)):
        engine().search("lisbon", 5, None)


def test_ddgs_without_a_network_is_unavailable(monkeypatch):
    from ddgs.exceptions import DDGSException, TimeoutException

    ddgs_answers(monkeypatch, DDGSException("ConnectError: dns error: failed to lookup address information"))
    with pytest.raises(SearchUnavailable, match="could not be reached"):
        engine().search("lisbon", 5, None)
    ddgs_answers(monkeypatch, TimeoutException("operation timed out"))
    with pytest.raises(SearchUnavailable, match="in time"):
        engine().search("lisbon", 5, None)


def test_ddgs_rests_after_refusals_and_recovers(monkeypatch):
    now = [0.0]
    tired = engine(breaker=Breaker(failures=2, rest_s=60, clock=lambda: now[0]))
    ddgs_answers(monkeypatch, (429, "no"))
    for _ in range(2):
        with pytest.raises(SearchBlocked, match="429"):
            tired.search("lisbon", 5, None)
    ddgs_answers(monkeypatch, (200, RESULT_PAGE))
    with pytest.raises(SearchBlocked, match="not asked again for 60 s"):
        tired.search("lisbon tram", 5, None)
    now[0] = 61.0
    assert len(tired.search("lisbon tram", 5, None)) == 1


def test_ddgs_tries_once_more(monkeypatch):
    waits = []
    ddgs_answers(monkeypatch, (429, "no"))

    def sleep(seconds):
        waits.append(seconds)
        ddgs_answers(monkeypatch, (200, RESULT_PAGE))

    assert len(Ddgs(pace=Pace(0.0), breaker=Breaker(), sleep=sleep).search("lisbon tram", 5, None)) == 1
    assert len(waits) == 1


def test_pace_gives_turns():
    now, slept = [10.0], []
    pace = Pace(1.0, clock=lambda: now[0], sleep=slept.append)
    for _ in range(3):
        pace.wait()
    now[0] = 20.0
    pace.wait()
    assert slept == [1.0, 2.0]


# Record and replay


def test_what_was_recorded_is_replayed(tmp_path):
    path = tmp_path / "runs" / "web.jsonl"
    record = Record(path, Fake(HITS, [], SearchBlocked("too often"), SearchUnavailable("no network")))
    assert record.search("Praça  do Comércio", 2, "pt") == HITS
    assert record.search("nothing", 2, None) == []
    with pytest.raises(SearchBlocked):
        record.search("blocked", 2, None)
    with pytest.raises(SearchUnavailable):
        record.search("offline", 2, None)
    replay = Replay(path)
    assert replay.search(" praça do COMÉRCIO ", 2, "PT") == HITS
    assert replay.search("nothing", 2, None) == []
    with pytest.raises(SearchBlocked, match="too often"):
        replay.search("blocked", 2, None)
    with pytest.raises(SearchUnavailable, match="no network"):
        replay.search("offline", 2, None)


@pytest.mark.parametrize("asked", [("praca", 2, None), ("praça", 3, None), ("praça", 2, "PT")])
def test_a_replay_miss_is_an_error_and_never_empty(tmp_path, asked):
    Record(tmp_path / "web.jsonl", Fake(HITS)).search("praça", 2, None)
    with pytest.raises(ReplayMiss, match="holds no answer"):
        Replay(tmp_path / "web.jsonl").search(*asked)


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "{}",
        '{"query": "a", "k": 1, "region": "", "error": "tired", "message": ""}',
        '{"query": "a", "k": 1, "region": "", "hits": [{"url": "x"}]}',
        '{"query": "a", "k": 1, "region": "", "hits": 3}',
    ],
)
def test_a_broken_recording_is_named_with_its_line(tmp_path, line):
    path = tmp_path / "web.jsonl"
    Record(path, Fake(HITS)).search("praça", 2, None)
    path.write_text(path.read_text("utf-8") + line + "\n", "utf-8")
    with pytest.raises(ValueError, match="line 2"):
        Replay(path)


def test_a_torn_last_line_is_ignored(tmp_path):
    path = tmp_path / "web.jsonl"
    Record(path, Fake(HITS)).search("praça", 2, None)
    path.write_text(path.read_text("utf-8") + '{"query": "b", "k"', "utf-8")
    assert Replay(path).search("praça", 2, None) == HITS


# make_backend


@pytest.mark.parametrize(
    ("spec", "kind"), [("offline", OfflineIndex), (" ddgs ", Ddgs), ("searxng:http://127.0.0.1:8080", Searxng)]
)
def test_engines_by_name(spec, kind):
    assert isinstance(make_backend(spec), kind)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "no search engine"),
        ("google", "no search engine"),
        ("offline:x", "no search engine"),
        ("searxng", "name the SearXNG server"),
        ("searxng:ftp://x", "name the SearXNG server"),
        ("ddgs:x", "takes no setting"),
        ("tavily", "TAVILY_API_KEY"),
        ("brave", "BRAVE_API_KEY"),
        ("tavily:secret", "takes no setting"),
        ("replay", "name a file"),
        ("replay:/no/such/file", "cannot read"),
        ("record:x", "a file and an engine"),
        ("record:x:google", "a file and an engine"),
    ],
)
def test_a_wrong_spec_is_one_plain_sentence(spec, words, monkeypatch):
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    monkeypatch.delenv("BRAVE_API_KEY", raising=False)
    with pytest.raises(ValueError, match=words) as failure:
        make_backend(spec)
    assert "\n" not in str(failure.value)


def test_keys_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("TAVILY_API_KEY", "x")
    assert make_backend("tavily").name == "tavily"


@pytest.mark.parametrize("spec", ["ddgs", "tavily", "brave", "searxng:http://127.0.0.1", "record:f:ddgs"])
def test_offline_rules_engines_of_the_web_out(spec):
    with pytest.raises(OfflineOnly):
        make_backend(spec, offline=True)


def test_a_recording_is_made_and_replayed_by_name(tmp_path):
    path = tmp_path / "a:b.jsonl"
    found = make_backend(f"record:{path}:offline", offline=True).search("Lisboa", 3, None)
    assert make_backend(f"replay:{path}", offline=True).search("Lisboa", 3, None) == found
    assert found[0].place is not None
