"""A search by the name of its index: the index, the model that made it, and the tile store that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.aerial.ground import Ground
from models.crossview.index import TileIndex, load_index
from models.crossview.model import CrossView, load_crossview
from models.geolocator import ModelError


@dataclass(frozen=True, eq=False)
class AerialSearch:
    """What `match_aerial` searches."""

    path: Path
    index: TileIndex
    model: CrossView

    def ground(self) -> Ground | None:
        """The tile store, opened anew: a database belongs to the thread that opened it. None where it is not there any more."""
        from models.aerial.open_ground import open_ground

        try:
            return open_ground(Path(self.index.card["tiles"]))
        except (ValueError, OSError):
            return None

    def rests_on(self) -> str:
        """One line for people."""
        return f"{int(self.index.seen.sum()):,} tiles every {self.index.spacing_m:g} m; {self.model.rests_on()}"


def open_search(path: Path) -> AerialSearch:
    """The index at `path` with its model. Raises ModelError where either is not there, or they do not belong together."""
    index = load_index(path)
    if not index.card["model"]:
        raise ModelError(f"{path}: does not say which model made it; make it again (geosleuth crossview index)")
    model = load_crossview(Path(index.card["model"]))
    if model.digest != index.card["model_digest"]:
        raise ModelError(
            f"{path}: was made by another model than the one that is at {index.card['model'][:200]} now; make it again"
        )
    return AerialSearch(path, index, model)
