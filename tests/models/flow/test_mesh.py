from __future__ import annotations

import numpy as np
import pytest

from geo.sphere import sample_vmf, unit_vectors, vmf_log_density
from models.flow.mesh import cell_density
from models.flow.tangent import uniform_points

PLACES = {"antimeridian": (10.0, 180.0), "pole": (90.0, 0.0), "elsewhere": (-33.0, 151.0)}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("kappa", [3.0, 400.0, 20_000.0])
def test_a_peak_is_seen_whole_wherever_it_is(place: tuple[float, float], kappa: float) -> None:
    mean = unit_vectors(*place)
    found = cell_density(lambda x: vmf_log_density(x @ mean, kappa), sample_vmf(mean, kappa, 512, np.random.default_rng(0)))
    assert found.integral == pytest.approx(1.0, abs=0.05)
    assert found.mass.sum() == pytest.approx(1.0)
    assert found.cells.area_km2.sum() == pytest.approx(4.0 * np.pi * 6371.0088**2)
    # The divergence of von Mises-Fisher from the uniform distribution has a closed form.
    gain = float(vmf_log_density(1.0, kappa)) + kappa * (1.0 / np.tanh(kappa) - 1.0 / kappa - 1.0) + np.log(4.0 * np.pi)
    assert found.gain_bits() == pytest.approx(gain / np.log(2.0), abs=0.2)


def test_a_uniform_density_tells_nothing() -> None:
    found = cell_density(lambda x: np.full(len(x), -np.log(4.0 * np.pi)), uniform_points((512,), np.random.default_rng(1)))
    assert (found.integral, found.gain_bits()) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-9))
