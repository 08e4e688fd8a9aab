"""The places that kernels point to, in words."""

from __future__ import annotations

import numpy as np

from geo.evidence import Kernels
from geo.gazetteer import gazetteer
from geo.prior import photo_density


def named_shares(kernels: Kernels, k: int = 3) -> str:
    """The `k` regions with most weight once the photo prior is multiplied in: `Lisbon District (PT) 41 %, Galicia (ES) 12 %`.

    Without the prior the largest and emptiest regions would come first, since a likelihood says nothing of how likely a place was before.
    """
    own = kernels.kernel_set
    weight = own.weight * photo_density(own.lat, own.lon, np.sqrt(12.0) * own.sigma_km)
    where = gazetteer().reverse_many(own.lat, own.lon)
    kinds, group = np.unique(np.stack([where.country_index, where.region_index], axis=1), axis=0, return_inverse=True)
    share = np.bincount(group.ravel(), weights=weight, minlength=len(kinds)) / max(float(weight.sum()), 1e-300)
    return ", ".join(f"{_label(*kinds[i])} {_percent(share[i])}" for i in np.argsort(-share, kind="stable")[:k])


def _label(country_index: int, region_index: int) -> str:
    if country_index < 0:
        return "the sea"
    code = gazetteer().country_codes[country_index]
    region = gazetteer().region_name(int(region_index))
    return f"{region} ({code})" if region else gazetteer().countries[code].name


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "<1 %"
