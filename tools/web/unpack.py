"""A packed data file, unpacked once into the user's cache folder; a second process that comes along at the same time is safe."""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import tempfile
from pathlib import Path

PACKED = Path(__file__).parent.parent / "data" / "search_index.sqlite.xz"


def unpacked(packed: Path, folder: Path | None = None) -> Path:
    """The path of the unpacked file, made when it is not there yet.

    The name carries a digest of the packed file, so that a newer one is unpacked anew; the file appears whole or not at all.
    Where the cache folder cannot be written, the system's temporary folder is used. Raises OSError when neither can be
    written, and for a damaged file.
    """
    name = f"{hashlib.sha256(packed.read_bytes()).hexdigest()[:16]}-{packed.stem}"
    folders = [
        folder or _cache_folder(),
        Path(tempfile.gettempdir()) / f"geosleuth-{os.getuid() if hasattr(os, 'getuid') else 'user'}",
    ]
    failure: OSError | None = None
    for place in folders:
        try:
            return _unpack_into(packed, place, name)
        except OSError as error:
            failure = failure or error
    raise failure or OSError("no folder to unpack into")


def _cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("geosleuth", appauthor=False))


def _unpack_into(packed: Path, folder: Path, name: str) -> Path:
    target = folder / name
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="unpacking-", delete=False) as file:
        try:
            with lzma.open(packed) as source:
                shutil.copyfileobj(source, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.replace(file.name, target)
        except (EOFError, lzma.LZMAError) as error:
            Path(file.name).unlink(missing_ok=True)
            raise OSError(f"{packed} is damaged: {error}") from error
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return target
