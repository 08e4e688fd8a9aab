"""`geosleuth sun` as a person or a script calls it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from geosleuth.sun_command import read_shadow, sun


def run(*args, code=0):
    result = CliRunner().invoke(sun, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result


def one_line(result):
    [line] = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    return line


def test_where(tmp_path):
    text = run("where", "--altitude", 30, "--error", 1, "--utc", "2024-03-05T14:20Z").stdout
    assert text.startswith("sun 30.0 ± 1.0° high; 2024-03-05 14:20 UTC ± 5 min: 90 % within ")
    out = tmp_path / "region.geojson"
    answer = run(
        "where",
        "--altitude",
        30,
        "--error",
        1,
        "--utc",
        "2024-03-05T14:20Z",
        "--and",
        "altitude=35,error=1,minutes=60",
        "--json",
        "--geojson",
        out,
    )
    data = json.loads(answer.stdout)
    assert [shadow["after_minutes"] for shadow in data["shadows"]] == [0.0, 60.0]
    features = json.loads(out.read_text())["features"]
    assert [feature["properties"]["share"] for feature in features] == [0.9, 0.5]
    assert {feature["geometry"]["type"] for feature in features} == {"MultiPolygon"}, "never a point"
    assert features[0]["properties"]["area_km2"] == pytest.approx(data["region"]["area_km2"], rel=0.2)
    assert "region.geojson" in answer.stderr.replace("\n", "")


def test_where_with_less(tmp_path):
    month = json.loads(run("where", "--shadow-ratio", 0.5, "--month", "6", "--json").stdout)
    assert month["when"]["first"] == "2024-06-01"
    assert month["region"]["share_of_earth"] > 0.1
    zone = run(
        "where",
        "--altitude",
        60,
        "--clock",
        "14:20",
        "--date",
        "2024-06-01",
        "--utc-offset",
        2,
        "--geojson",
        tmp_path / "z.json",
        "--prior",
    )
    assert "UTC+2 h" in zone.stdout
    inside = json.loads(run("where", "--altitude", 30, "--utc", "2024-03-05T14:20Z", "--area", "FR", "--json").stdout)
    assert next(iter(inside["region"]["countries"])) == "FR"
    turned = run(
        "where", "--relative-azimuth", 10, "--utc", "2024-03-05T14:20Z", "--and", "relative=40,azimuth-error=3,minutes=90"
    )
    assert "from the camera's direction" in turned.stdout


def test_at():
    text = run("at", "38.7", "-9.1", "2024-03-05T14:20Z", "--height", 10, "--relative-azimuth", 30).stdout
    assert "the sun stands 40.73° high at azimuth 210.9" in text
    assert "11.6" in text
    assert "the camera would look towards 181°" in text
    assert json.loads(run("at", "-33.9", "151.2", "2024-12-21T02:00Z", "--json").stdout)["altitude_deg"] > 70


def test_pixels():
    points = ("4000x3000", "--base", "2000,2250", "--top", "2000,1350", "--tip", "2800,2400")
    text = run("pixels", *points, "--horizon", 1200, "--heading", 90).stdout
    assert text.startswith("altitude  ")
    assert "clockwise from north" in text
    wide = json.loads(run("pixels", *points, "--pitch", -10, "--hfov", 65, "--json").stdout)
    focal = json.loads(run("pixels", *points, "--pitch", -10, "--focal", 3139.4, "--json").stdout)
    assert focal["altitude_deg"] == pytest.approx(wide["altitude_deg"], abs=0.01)
    assert focal["altitude_sigma_deg"] < wide["altitude_sigma_deg"]
    assert wide["azimuth_deg"] is None


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("where",), "needs an altitude"),
        (("where", "--altitude", 95), "above 0 and up to 90"),
        (("where", "--altitude", "nan"), "above 0 and up to 90"),
        (("where", "--altitude", 30, "--error", 100), "error: input should be less than or equal to 45"),
        (("where", "--altitude", 30, "--utc", "noon"), "A time is written"),
        (("where", "--altitude", 30, "--and", "height=3"), "a later shadow is written"),
        (("where", "--altitude", 30, "--and", "altitude=x"), "is a number"),
        (("where", "--altitude", 30, "--area", "nowhere at all"), "nowhere"),
        (("where", "--altitude", 30, *("--and", "altitude=3") * 9), "shadows: list should have at most 6"),
        (("at", "99", "0", "2024-03-05T14:20Z"), "Latitude comes first"),
        (("at", "9", "0", "14:20"), "Give the day as well"),
        (("pixels", "big", "--base", "1,1", "--top", "1,1", "--tip", "1,1"), "a size is written"),
        (("pixels", "0x0", "--base", "1,1", "--top", "1,1", "--tip", "1,1"), "a size is written"),
        (("pixels", "400x300", "--base", "1", "--top", "1,1", "--tip", "1,1"), "a point is written"),
        (("pixels", "400x300", "--base", "1,1", "--top", "1,1", "--tip", "1,inf"), "a point is written"),
        (("pixels", "400x300", "--base", "200,100", "--top", "200,50", "--tip", "1,200"), "below the horizon"),
        (("pixels", "400x300", "--base", "1,1", "--top", "1,1", "--tip", "1,1", "--hfov", 60, "--focal", 9), "not both"),
        (("pixels", "400x300", "--base", "1,1", "--top", "1,1", "--tip", "1,1", "--hfov", 200), "hfov_deg: input should be"),
    ],
)  # fmt: skip
def test_errors_are_one_line(args, said):
    assert said in one_line(run(*args, code=2))


def test_a_disk_that_refuses(tmp_path):
    result = CliRunner().invoke(
        sun, ["where", "--altitude", "30", "--utc", "2024-03-05T14:20Z", "--geojson", str(tmp_path / "no" / "x.json")]
    )
    assert result.exit_code == 1
    assert "No such file" in result.stderr


def test_a_later_shadow():
    assert read_shadow("altitude=35, minutes=60,utc=15:20") == {"altitude_deg": 35.0, "minutes_after": 60.0, "utc": "15:20"}
