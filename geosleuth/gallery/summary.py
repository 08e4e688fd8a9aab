"""What a gallery holds, counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from geosleuth.gallery.left_out import LeftOut
from geosleuth.gallery.opening import read_sources
from models.gallery.catalogue import NamedGallery
from models.gallery.gallery import GalleryError
from models.gallery.thumbnails import FILE, Thumbnails
from models.knn_evidence import calibration_of


def gallery_summary(gallery: NamedGallery) -> dict[str, Any]:
    """Counts and facts of a gallery as plain JSON values. Raises GalleryError where it cannot be read."""
    countries: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    years: Counter[str] = Counter()
    licences: Counter[str] = Counter()
    for rows, _ in gallery.store.scan():
        countries.update(row.country for row in rows)
        sources.update(row.source for row in rows)
        years.update(row.time[:4] for row in rows)
        licences.update(row.licence for row in rows)
    card = gallery.card
    measured = calibration_of(card).queries > 0
    return {
        "name": gallery.name, "folder": str(gallery.folder), "rows": countries.total(), "created": card.created,
        "encoder": card.encoder, "encoder_digest": card.encoder_digest, "dim": card.dim, "store": card.store,
        "disk_bytes": disk_bytes(gallery.folder), "thumbnails": _thumbnails(gallery.folder),
        "countries": dict(countries.most_common()), "sources": dict(sources.most_common()),
        "years": dict(sorted(years.items())), "licences": dict(licences.most_common()),
        "built_of": [{"name": item.name, "spec": item.spec, "licence": item.licence} for item in read_sources(gallery.folder)],
        "left_out": LeftOut(gallery.folder).counts(), "calibration": dict(card.calibration) if measured else {},
        "calibration_problem": f"not calibrated by this version: geosleuth gallery calibrate {gallery.name}"
                               if card.calibration and not measured else "",
    }  # fmt: skip


def _thumbnails(folder: Path) -> int | None:
    """How many small pictures there are; None where their file is damaged."""
    try:
        thumbnails = Thumbnails(folder / FILE, read_only=True)
        try:
            return len(thumbnails)
        finally:
            thumbnails.close()
    except GalleryError:
        return None


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below a folder, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
