"""The nearest photo of a gallery gives the place: retrieval without thinking, the baseline of every policy that may look photos up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agent.photo import PhotoError
from evals.interchange.predictions import Prediction, to_trajectory
from evals.record import Record
from evals.run_folder import RunFolder
from models.encoders.encoder import Encoder, Vectors
from tools.observation import View

if TYPE_CHECKING:
    from agent.photo import PhotoFile
    from models.gallery.catalogue import NamedGallery

MAX_PIXELS = 1024 * 768
"""A photo is scaled down to this before it is encoded."""


class Neighbours(Protocol):
    """Photos whose place is known."""

    def nearest(self, photo: PhotoFile) -> tuple[float, float, str, float]:
        """lat, lon, id and cosine similarity of the most similar photo; the same file does not count. Raises ValueError where there is none."""
        ...


class PhotoGallery:
    """Records of a benchmark as a gallery, encoded when it is made."""

    def __init__(
        self, encoder: Encoder, vectors: Vectors, points: NDArray[np.float64], ids: Sequence[str], sha256: Sequence[str]
    ) -> None:
        """`vectors` [n, d] of unit length, `points` [n, 2] in degrees."""
        self.encoder, self.vectors, self.points, self.ids, self.sha256 = encoder, vectors, points, list(ids), np.array(sha256)

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(
        cls, records: Sequence[Record], encoder: Encoder, told: Callable[[int, int], None] = lambda done, of: None
    ) -> PhotoGallery:
        """The gallery of records that have coordinates; photos that cannot be opened are left out. Raises ValueError when none can."""
        vectors, points, ids, marks = [], [], [], []
        for number, record in enumerate(records, 1):
            told(number, len(records))
            if record.truth.lat is None or record.truth.lon is None:
                continue
            try:
                photo = record.open()
                vectors.append(encoder.encode([photo.render(View("photo"), MAX_PIXELS)])[0])
            except (PhotoError, OSError):
                continue
            points.append((record.truth.lat, record.truth.lon))
            ids.append(record.id)
            marks.append(photo.sha256)
        if not ids:
            raise ValueError("the gallery has no photo that can be opened and has coordinates")
        return cls(encoder, np.stack(vectors), np.array(points), ids, marks)

    def nearest(self, photo: PhotoFile) -> tuple[float, float, str, float]:
        similarity = self.vectors @ self.encoder.encode([photo.render(View("photo"), MAX_PIXELS)])[0]
        similarity[self.sha256 == photo.sha256] = -np.inf
        best = int(np.argmax(similarity))
        if not np.isfinite(similarity[best]):
            raise ValueError("the gallery holds no other photo")
        return float(self.points[best, 0]), float(self.points[best, 1]), self.ids[best], float(similarity[best])


class InNamedGallery:
    """A gallery that was built with `geosleuth gallery build`; copies of the photo do not count."""

    def __init__(self, gallery: NamedGallery) -> None:
        """Raises ValueError where the gallery or its encoder cannot be had."""
        from tools.toolbox import similar_photos

        self._tool = similar_photos(gallery, leave_out_copies=True)

    def nearest(self, photo: PhotoFile) -> tuple[float, float, str, float]:
        from tools.observation import ToolContext

        found = self._tool.similar(ToolContext(photo, {"photo": View("photo")}), 1)
        if not found:
            raise ValueError("the gallery holds no other photo")
        return found[0]["lat"], found[0]["lon"], found[0]["id"], found[0]["similarity"]


def run_nearest(records: Sequence[Record], known: Neighbours, folder: RunFolder) -> int:
    """The baseline that answers with the place of the most similar photo of a gallery; how many records have an answer."""
    finished = {key for key, trajectory in folder.trajectories().items() if trajectory["answer"]}
    for record in records:
        if record.id not in finished:
            folder.append(_nearest(record, known))
    return sum(trajectory["answer"] is not None for trajectory in folder.trajectories().values())


def _nearest(record: Record, known: Neighbours) -> dict[str, Any]:
    """The trajectory of one look into the gallery."""
    began = time.monotonic()
    try:
        lat, lon, match, similarity = known.nearest(record.open())
        prediction = Prediction(record.id, lat=lat, lon=lon, message=f"most similar: {match} ({similarity:.3f})")
    except (PhotoError, OSError, ValueError) as error:
        prediction = Prediction(record.id, error=str(error))
    return {**to_trajectory(prediction, record.to_json(), "nearest"), "seconds": round(time.monotonic() - began, 3)}
