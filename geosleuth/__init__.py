"""Geosleuth finds where a photo was taken, shows the evidence, and says how sure it is.

from geosleuth import locate
print(locate("photo.jpg")["answer"])
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["__version__", "locate"]
__version__ = "0.1.0"


def locate(photo: str | Path, policy: str = "checklist", **settings: Any) -> Mapping[str, Any]:
    """The trajectory of one photo (a file or an http(s) address): `answer`, `alternatives`, `ledger`, `steps` and all else.

    `settings` are the fields of `agent.locate.Settings`. Raises ValueError for a policy or setting that does not exist; what
    is wrong with the photo stands in `stop` and `error`.
    """
    from agent.find_photos import find_photos
    from agent.locate import Settings, locate_sync
    from agent.policies import make_policy

    found = list(find_photos([str(photo)]))[:1]
    return locate_sync(found, make_policy(policy), Settings(**settings))[0]
