"""A small drawn town, and models: one that never learned, and the packaged one."""

from __future__ import annotations

import numpy as np
import pytest

from evals.drawn_crossview import DrawnTown
from geo.area import Box
from models.aerial.web_mercator import moved
from models.crossview.heat_map import Calibration, Reading
from models.crossview.model import load_crossview, save_crossview
from models.crossview.network import widths
from models.crossview.packaged import DRAWN_TOWN, crossview_folder


def untrained(dim=6, width=3, seed=0):
    """The arrays of a twin with weights by chance, without torch."""
    rng, ways, arrays = np.random.default_rng(seed), (4, *widths(width)), {}
    for side, kernels, rows, out in (
        ("ground", [(4, 4)] * 3 + [(3, 3)], 48, dim + 1),
        ("aerial", [(4, 4), (4, 4), (4, 3), (3, 3)], 32, dim),
    ):
        for i, kernel in enumerate(kernels):
            shape = (ways[i + 1], ways[i], *kernel)
            arrays[f"{side}.convs.{i}.weight"] = rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
            for name, value in (("weight", 1.0), ("bias", 0.1), ("running_mean", 0.0), ("running_var", 1.0)):
                arrays[f"{side}.norms.{i}.{name}"] = np.full(ways[i + 1], value, dtype=np.float32)
        arrays[f"{side}.mix.weight"] = rng.normal(0, 0.2, (4 * width, ways[-1] * rows // 8, 1, 3)).astype(np.float32)
        arrays[f"{side}.out.weight"] = rng.normal(0, 0.5, (out, 4 * width, 1, 1)).astype(np.float32)
        arrays[f"{side}.mix.bias"], arrays[f"{side}.out.bias"] = np.zeros(4 * width, np.float32), np.zeros(out, np.float32)
    return arrays


def write_untrained(folder, **more):
    known = Calibration((Reading(75.0, 180.0, 1.0, 2.0, 1.0, 2.0),))
    card = {
        "encoder": "",
        "encoder_digest": "",
        "trained_on": "nothing",
        "radius_m": 56.0,
        "spacing_m": 16.0,
        "calibration": known.to_json(),
    }
    save_crossview(folder, untrained(), {**card, **more})
    return folder


@pytest.fixture(scope="session")
def blank(tmp_path_factory):
    """A model that knows nothing."""
    return load_crossview(write_untrained(tmp_path_factory.mktemp("models") / "blank"))


@pytest.fixture(scope="session")
def packaged():
    return load_crossview(crossview_folder(DRAWN_TOWN))


@pytest.fixture(scope="session")
def town():
    return DrawnTown(47.5, 8.0, 17, 3, seed=91)


@pytest.fixture(scope="session")
def ground(town):
    return town.ground("summer", year=1)


def box_around(lat, lon, half_m):
    (south, north), (west, east) = moved(lat, lon, np.array([-half_m, half_m]), np.array([-half_m, half_m]))
    return Box(float(south), float(west), float(north), float(east))


@pytest.fixture(scope="session")
def middle(town):
    south, west, north, east = town.box
    return (south + north) / 2, (west + east) / 2
