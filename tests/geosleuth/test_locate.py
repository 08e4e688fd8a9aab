"""`geosleuth locate` and `show` as a user meets them: real files in, JSON lines, exit codes and clear lines out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageDraw, ImageFont

from geosleuth.cli import app

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"photo", "sha256", "policy", "stop", "seconds", "answer", "alternatives", "evidence", "trajectory"}
PLACE_KEYS = {"lat", "lon", "country", "country_name", "region", "city", "probability", "radius50_km", "radius90_km"}
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)

    return invoke


@pytest.fixture(scope="session")
def sign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn sign from Porto."""
    path = tmp_path_factory.mktemp("sign") / "sign.jpg"
    image = Image.new("RGB", (1200, 800), (140, 170, 200))
    draw = ImageDraw.Draw(image)
    draw.rectangle((150, 200, 1050, 600), fill="white", outline="navy", width=8)
    for row, text in enumerate(("PASTELARIA DO PORTO", "Rua de Santa Catarina 112", "Tel. +351 222 005 432")):
        draw.text((200, 250 + 110 * row), text, fill="navy", font=ImageFont.load_default(56))
    image.save(path, quality=92)
    return path


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_sign_is_located(run: Run, sign: Path, tmp_path: Path) -> None:
    result = run("locate", sign, "--json", "--report", tmp_path / "r.html", "--geojson", tmp_path / "r.geojson", "--offline")
    assert result.exit_code == 0, result.stderr
    (line,) = lines(result)
    assert line.keys() >= KEYS
    assert (line["stop"], line["policy"], line["photo"]) == ("answered", "checklist", str(sign))
    assert line["answer"].keys() >= PLACE_KEYS
    assert line["answer"]["country"] == "PT"
    assert line["answer"]["radius50_km"] <= line["answer"]["radius90_km"]
    assert line["alternatives"][0].keys() >= PLACE_KEYS
    assert {e["tool"] for e in line["evidence"]} >= {"read_text"}
    assert all({"tool", "claim", "bits", "sources"} <= e.keys() for e in line["evidence"])
    assert "read_text" in result.stderr, "steps are told on stderr"
    assert "<html" in (tmp_path / "r.html").read_text()[:200].lower()
    roles = [f["properties"]["role"] for f in json.loads((tmp_path / "r.geojson").read_text())["features"]]
    assert roles.count("credible region") == 2
    assert "answer" in roles

    shown = run("show", line["trajectory"])
    assert shown.exit_code == 0
    assert "Portugal" in shown.stdout
    again = json.loads(run("show", line["trajectory"], "--json").stdout)
    assert again["answer"] == line["answer"]


def test_words_for_people(run: Run, sign: Path) -> None:
    result = run("locate", sign, "--offline")
    assert result.exit_code == 0
    for expected in ("read_text", "belief:", "Portugal", "90 % within", "evidence"):
        assert expected in result.stdout


def test_nothing_to_go_by_is_an_honest_cannot_tell(run: Run, tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((400, 300)).save(tmp_path / "grey.png")
    result = run("locate", tmp_path / "grey.png", "--json")
    assert result.exit_code == 0
    (line,) = lines(result)
    assert (line["stop"], line["answer"]) == ("cannot_tell", None)
    assert line["alternatives"]
    assert "cannot tell" in run("locate", tmp_path / "grey.png").stdout


def test_an_area_keeps_the_answer_inside(run: Run, sign: Path) -> None:
    (line,) = lines(run("locate", sign, "--json", "--area", "BR"))
    assert {a["country"] for a in line["alternatives"]} == {"BR"}


def test_finished_photos_are_skipped(run: Run, sign: Path, tmp_path: Path) -> None:
    first = run("locate", sign, "--json", "--out", tmp_path / "out")
    second = run("locate", sign, "--json", "--out", tmp_path / "out")
    assert "read_text" not in second.stderr
    assert lines(first) == lines(second)
    other = run("locate", sign, "--json", "--out", tmp_path / "out", "--context", "It is in Brazil.")
    assert "read_text" in other.stderr, "other settings are another run"


def test_bad_photos_get_a_line_each_and_the_others_go_on(run: Run, sign: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "cut.jpg").write_bytes(sign.read_bytes()[:3000])
    result = run(
        "locate",
        *(tmp_path / n for n in ("empty.jpg", "text.jpg", "cut.jpg", "missing.jpg")),
        sign,
        "http://127.0.0.1:9/x.jpg",
        "--json",
    )
    assert result.exit_code == 1
    by_name = {Path(line["photo"]).name: line for line in lines(result)}
    assert len(by_name) == 6
    for name in ("empty.jpg", "text.jpg", "cut.jpg", "missing.jpg", "x.jpg"):
        assert (by_name[name]["stop"], by_name[name]["answer"]) == ("photo_error", None)
        assert name in by_name[name]["error"]
        assert "\n" not in by_name[name]["error"]
    assert by_name["sign.jpg"]["answer"]["country"] == "PT"
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "PHOTO"),
        (("{sign}", "--policy", "oracle"), "oracle"),
        (("{sign}", "--policy", "openai:gpt"), "OPENAI_API_KEY"),
        (("{sign}", "--policy", "hf:/nowhere"), "nowhere"),
        (("{sign}", "--area", "Atlantis"), "area"),
        (("{sign}", "--area", "QQ"), "QQ"),
        (("{sign}", "--search", "gopher"), "gopher"),
        (("{sign}", "--search", "ddgs", "--offline"), "offline"),
        (("{sign}", "--max-turns", "0"), "max-turns"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(
    run: Run, sign: Path, arguments: tuple[str, ...], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    result = run("locate", *(a.format(sign=sign) for a in arguments))
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


def test_a_report_that_cannot_be_written_loses_no_answer(run: Run, sign: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("locate", sign, "--json", "--report", tmp_path / "file" / "r.html")
    assert result.exit_code == 1
    assert lines(result)[0]["answer"]["country"] == "PT"
    assert "cannot write" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_loses_no_answer(run: Run, sign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent import locate as module

    def full(trajectory: object, path: Path) -> None:
        Path("/dev/full").write_text("x" * 100_000)

    monkeypatch.setattr(module, "save", full)
    result = run("locate", sign, "--json")
    assert result.exit_code == 1
    assert lines(result)[0]["answer"]["country"] == "PT"
    assert "No space left" in result.stderr


def test_show_refuses_other_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    for path in (tmp_path / "x.json", tmp_path / "none.json"):
        result = run("show", path)
        assert result.exit_code != 0
        assert str(path) in result.output


def test_the_documented_help_is_what_help_prints() -> None:
    # A process of its own: click remembers a command's help option from the first time it was called.
    done = subprocess.run([sys.executable, "-m", "geosleuth.help_page"], capture_output=True, text=True, cwd=ROOT, check=True)
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == done.stdout


def test_help_needs_nothing_heavy() -> None:
    code = "import sys\nfrom geosleuth.cli import app\ntry:\n    app(['--help'])\nexcept SystemExit:\n    pass\nprint(sorted(set(sys.modules) & {'torch', 'transformers', 'langgraph', 'numpy', 'rich'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("flag", ["--json", "--quiet"])
def test_a_reader_that_goes_away_ends_it_quietly(sign: Path, tmp_path: Path, flag: str) -> None:
    command = [
        sys.executable,
        "-m",
        "geosleuth",
        "locate",
        str(sign),
        str(sign),
        "--offline",
        "--jobs",
        "1",
        "--out",
        str(tmp_path),
        flag,
        "--model",
        "none",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaints = process.stderr.read()
    assert "Traceback" not in complaints
    assert "error" not in complaints
    assert process.returncode == 141
    assert list(tmp_path.glob("*.json"))
