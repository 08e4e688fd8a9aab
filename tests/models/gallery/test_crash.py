"""A writer is killed in the middle: what it said was flushed is there, and doing it all again doubles nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.models.gallery.sample import STORES, drawn, opened

ROOT = Path(__file__).resolve().parents[3]
BATCH = 20
WRITER = f"""
import sys
from pathlib import Path
from tests.models.gallery.sample import drawn, opened
rows, vectors = drawn(4000)
gallery = opened(sys.argv[1], Path(sys.argv[2]), dim=16, create=True)
for start in range(0, 4000, {BATCH}):
    gallery.add(rows[start : start + {BATCH}], vectors[start : start + {BATCH}])
    gallery.flush()
    print(start + {BATCH}, flush=True)
"""


def killed(store: str, folder: Path, after: int, delay_s: float) -> int:
    """Start a writer, kill it a little after it has flushed `after` rows, and give the rows it said were flushed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, store, str(folder)], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as writer:
        assert writer.stdout is not None
        said = 0
        while said < after:
            line = writer.stdout.readline()
            assert line, "the writer ended by itself"
            said = int(line)
        time.sleep(delay_s)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split("\n")
        # The last line may have been cut.
        return max([said, *(int(line) for line in rest[:-1])])


@pytest.mark.parametrize("store", STORES)
def test_flushed_rows_survive_a_kill(store: str, tmp_path: Path) -> None:
    opened(store, tmp_path, dim=16, create=True).close()
    rows, vectors = drawn(4000)
    for round_, delay_s in enumerate((0.0, 0.013, 0.031) if store == "flat" else (0.017,)):
        said = killed(store, tmp_path, after=(round_ + 3) * BATCH, delay_s=delay_s)
        gallery = opened(store, tmp_path, dim=16, create=True)
        assert gallery.known([row.id for row in rows[:said]]) == {row.id for row in rows[:said]}
        assert said <= gallery.count() < 4000
        found = gallery.search(vectors[said - 1 : said], 1)[0][0]
        assert found.row == rows[said - 1]
        gallery.add(rows[: said + 2 * BATCH], vectors[: said + 2 * BATCH])
        gallery.flush()
        assert gallery.count() == len({row.id for batch, _ in gallery.scan() for row in batch})
        assert said + 2 * BATCH <= gallery.count() < 4000
        place = {row.id: number for number, row in enumerate(rows)}
        for batch, kept in gallery.scan():
            assert all(row == rows[place[row.id]] for row in batch)
            np.testing.assert_allclose(kept, vectors[[place[row.id] for row in batch]], atol=1e-3)
        gallery.close()
