"""The nearest photo of a gallery gives the place: retrieval without learning, by tiny pictures.

A photo is described by its 16 × 16 colour thumbnail, centred and of unit length (Torralba, Fergus and Freeman 2008, "80 million tiny
images"; one of the features of Hays and Efros 2008, IM2GPS). It knows what a scene looks like from far away and no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agent.photo import PhotoError
from evals.interchange.predictions import Prediction, to_trajectory
from evals.record import Record
from evals.run_folder import RunFolder
from tools.observation import View

if TYPE_CHECKING:
    from agent.photo import PhotoFile

SIDE_PX = 16


class TinyImageGallery:
    """Photos whose place is known, as tiny pictures."""

    def __init__(self, tiny: NDArray[np.float32], points: NDArray[np.float64], ids: Sequence[str], sha256: Sequence[str]) -> None:
        """`tiny` [n, 768] of unit length, `points` [n, 2] in degrees."""
        self.tiny, self.points, self.ids, self.sha256 = tiny, points, list(ids), np.array(sha256)

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, records: Sequence[Record], told: Callable[[int, int], None] = lambda done, of: None) -> TinyImageGallery:
        """The gallery of records that have coordinates; photos that cannot be opened are left out. Raises ValueError when none can."""
        tiny, points, ids, marks = [], [], [], []
        for number, record in enumerate(records, 1):
            told(number, len(records))
            if record.truth.lat is None or record.truth.lon is None:
                continue
            try:
                photo = record.open()
                tiny.append(tiny_image(photo))
            except (PhotoError, OSError):
                continue
            points.append((record.truth.lat, record.truth.lon))
            ids.append(record.id)
            marks.append(photo.sha256)
        if not ids:
            raise ValueError("the gallery has no photo that can be opened and has coordinates")
        return cls(np.stack(tiny), np.array(points), ids, marks)

    def nearest(self, photo: PhotoFile) -> tuple[float, float, str, float]:
        """lat, lon, id and cosine similarity of the most similar photo; the same file in the gallery does not count.

        Raises ValueError when the gallery holds nothing else.
        """
        similarity = self.tiny @ tiny_image(photo)
        similarity[self.sha256 == photo.sha256] = -np.inf
        best = int(np.argmax(similarity))
        if not np.isfinite(similarity[best]):
            raise ValueError("the gallery holds no other photo")
        return float(self.points[best, 0]), float(self.points[best, 1]), self.ids[best], float(similarity[best])


def tiny_image(photo: PhotoFile) -> NDArray[np.float32]:
    """The photo as 768 numbers: 16 × 16 pixels of three colours, mean 0, length 1 (0 for a photo of one colour)."""
    from PIL import Image

    small = photo.render(View("photo"), 256 * 256).resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float32).ravel() / 255.0
    pixels -= pixels.mean()
    length = float(np.linalg.norm(pixels))
    return np.asarray(pixels / length if length > 1e-6 else pixels * 0.0, dtype=np.float32)


def run_nearest(records: Sequence[Record], gallery: Sequence[Record], folder: RunFolder) -> int:
    """The baseline that answers with the place of the most similar photo of a gallery; how many records have an answer.

    Raises ValueError where the gallery has no photo.
    """
    finished = {key for key, trajectory in folder.trajectories().items() if trajectory["answer"]}
    left = [record for record in records if record.id not in finished]
    if not left:
        return len(finished)
    known = TinyImageGallery.of(gallery)
    for record in left:
        folder.append(_nearest(record, known))
    return sum(trajectory["answer"] is not None for trajectory in folder.trajectories().values())


def _nearest(record: Record, known: TinyImageGallery) -> dict[str, Any]:
    """The trajectory of one look into the gallery."""
    began = time.monotonic()
    try:
        lat, lon, match, similarity = known.nearest(record.open())
        prediction = Prediction(record.id, lat=lat, lon=lon, message=f"most similar: {match} ({similarity:.3f})")
    except (PhotoError, OSError, ValueError) as error:
        prediction = Prediction(record.id, error=str(error))
    return {**to_trajectory(prediction, record.to_json(), "nearest"), "seconds": round(time.monotonic() - began, 3)}
