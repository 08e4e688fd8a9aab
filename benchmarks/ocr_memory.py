"""Memory and time of reading the text of one photo: `python benchmarks/ocr_memory.py [PHOTO ...]`.

Without arguments a drawn photo of 12 megapixels is read. Peak memory is that of this process, all libraries included; the
programs that read other scripts run outside it and take about 60 MB each, two at a time.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from agent.photo import open_photo
from evals.signs import draw_signs
from tools.observation import ToolContext, View
from tools.read_text import ReadText, ReadTextArguments


def main(paths: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if not paths:
            paths = [str(Path(folder, "drawn.jpg"))]
            next(photo for photo in draw_signs(40, 1) if photo.image.width * photo.image.height >= 12_000_000).image.save(
                paths[0]
            )
        for path in paths:
            photo = open_photo(path)
            wall, cpu = time.perf_counter(), time.process_time()
            observation = ReadText().run(ReadTextArguments(), ToolContext(photo=photo, views={"photo": View("photo")}))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            size, n_lines = f"{photo.size[0]}×{photo.size[1]}", len(observation.data["lines"])
            print(f"{path}: {size}, {n_lines} lines, {wall:.1f} s, {cpu:.1f} CPU-s, peak {peak_mb:.0f} MB")
            print(observation.text)


if __name__ == "__main__":
    main(sys.argv[1:])
