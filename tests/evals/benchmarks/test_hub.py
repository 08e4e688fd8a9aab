"""The Hugging Face hub, played by a server on the loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.benchmarks import make_benchmark
from evals.record import BenchmarkError
from tests.evals.benchmarks.geobench_file import write_geobench
from tests.evals.benchmarks.hub_server import hub
from tests.evals.benchmarks.pictures import jpeg

pytest.importorskip("datasets")

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import json, sys
from evals.benchmarks import make_benchmark
from evals.record import BenchmarkError
try:
    records = make_benchmark(sys.argv[1]).records()
    print(json.dumps([[record.kind, record.truth.country, record.open().size] for record in records]))
except BenchmarkError as error:
    print(json.dumps(str(error)))
"""


def run(spec: str, home: Path, url: str, offline: bool = False) -> object:
    """What a process of its own gives: the hub's packages read their settings when they are imported."""
    env = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline)), "GEOSLEUTH_DATA": str(home / "no"),
           "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", SCRIPT, spec], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_rows_and_full_pictures_come_from_the_hub_and_then_from_the_cache(tmp_path: Path) -> None:
    write_geobench(tmp_path / "repo", 3, raw=1)
    wanted = [["photo", "PE", [1280, 960]], ["panorama", "BR", [768, 384]], ["satellite", "ID", [320, 320]]]
    with hub("LibraTree/GeoVistaBench", tmp_path / "repo") as url:
        assert run("geobench", tmp_path / "home", url) == wanted
    assert run("geobench", tmp_path / "home", url, offline=True) == wanted


def test_plain_files_come_from_the_hub(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    (repo / "images" / "test").mkdir(parents=True)
    (repo / "test.csv").write_text("id,latitude,longitude\n7,48.85,2.35\n")
    (repo / "train.csv").write_text("not asked for")
    (repo / "images" / "test" / "7.jpg").write_bytes(jpeg())
    with hub("osv5m/osv5m", repo) as url:
        assert run("osv5m", tmp_path / "home", url) == [["photo", "FR", [16, 12]]]
    assert not list((tmp_path / "home").rglob("train.csv"))
    assert run("osv5m", tmp_path / "home", url, offline=True) == [["photo", "FR", [16, 12]]]


@pytest.mark.parametrize("spec", ["geobench", "osv5m"])
def test_offline_and_not_in_the_cache(tmp_path: Path, spec: str) -> None:
    said = run(spec, tmp_path, "http://127.0.0.1:9", offline=True)
    assert isinstance(said, str)
    assert "cannot be fetched from the Hugging Face hub: HF_HUB_OFFLINE is set" in said
    assert f"{spec} is not here: put " in said
    assert "\n" not in said


def test_without_the_packages_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(BenchmarkError, match=r"pip install 'geosleuth\[evals\]'"):
        make_benchmark("mapbench").records()
