"""Where cases are kept: one SQLite file and a folder of pictures. Deleting a case deletes its pictures, too."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.conversation.case_file import CaseFile

DATABASE, PICTURES = "cases.sqlite", "pictures"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS cases (id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS cases_of_owner ON cases (owner, updated);
CREATE TABLE IF NOT EXISTS audit (at TEXT NOT NULL, owner TEXT NOT NULL, case_id TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL);
"""
LONGEST_DETAIL = 300


def cases_folder() -> Path:
    """Where cases are kept when no folder was named: `$GEOSLEUTH_DATA/cases`, or the user's data folder."""
    import platformdirs

    root = os.environ.get("GEOSLEUTH_DATA")
    return (Path(root) if root else Path(platformdirs.user_data_dir("geosleuth"))) / "cases"


class NoCaseError(LookupError):
    """There is no such case, or it is somebody else's: the two look the same."""


class CaseStore:
    """Cases of all owners. Its methods may be called from several threads."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError or sqlite3.Error where the folder cannot be used."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._lock = threading.RLock()
        self._db = sqlite3.connect(folder / DATABASE, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def new(self, owner: str = "") -> CaseFile:
        """An empty case under an id that cannot be guessed."""
        file = CaseFile(secrets.token_urlsafe(16), owner, now())
        with self._lock:
            self._db.execute(
                "INSERT INTO cases VALUES (?, ?, ?, ?, ?, ?)", (file.id, owner, "", file.created, file.created, _text(file))
            )
        self.note(owner, file.id, "case opened")
        return file

    def save(self, file: CaseFile) -> None:
        """Keep the case as it is now. One that was deleted meanwhile stays deleted."""
        with self._lock:
            self._db.execute(
                "UPDATE cases SET title = ?, updated = ?, data = ? WHERE id = ?", (file.title, now(), _text(file), file.id)
            )

    def load(self, case_id: str, owner: str = "") -> CaseFile:
        """Raises NoCaseError where the owner has no such case."""
        with self._lock:
            row = self._db.execute("SELECT data FROM cases WHERE id = ? AND owner = ?", (case_id, owner)).fetchone()
        if row is None:
            raise NoCaseError("there is no such case")
        try:
            return CaseFile.from_json(json.loads(row[0]))
        except (KeyError, TypeError, ValueError) as error:
            raise NoCaseError("the case is damaged, or was made by another version") from error

    def cases(self, owner: str = "") -> list[dict[str, Any]]:
        """Id, title and dates of the owner's cases, the latest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, title, created, updated FROM cases WHERE owner = ? ORDER BY updated DESC, rowid DESC", (owner,)
            ).fetchall()
        return [dict(zip(("id", "title", "created", "updated"), row, strict=True)) for row in rows]

    def delete(self, case_id: str, owner: str = "") -> None:
        """Remove the case and its pictures for good. Raises NoCaseError."""
        with self._lock:
            self.load(case_id, owner)
            shutil.rmtree(self.pictures(case_id), ignore_errors=True)
            self._db.execute("DELETE FROM cases WHERE id = ?", (case_id,))
            self._db.execute("UPDATE audit SET detail = '' WHERE case_id = ?", (case_id,))
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.note(owner, case_id, "case deleted")

    def pictures(self, case_id: str) -> Path:
        """The folder of a case's pictures."""
        return self.folder / PICTURES / case_id

    def note(self, owner: str, case_id: str, what: str, detail: str = "") -> None:
        """One line of the audit log."""
        with self._lock:
            self._db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?)", (now(), owner, case_id, what, detail[:LONGEST_DETAIL]))

    def audit(self, case_id: str | None = None) -> list[dict[str, str]]:
        """The audit log, oldest first; of one case, or of all."""
        where, values = ("WHERE case_id = ?", (case_id,)) if case_id else ("", ())
        with self._lock, closing(self._db.cursor()) as cursor:
            rows = cursor.execute(f"SELECT at, owner, case_id, what, detail FROM audit {where} ORDER BY rowid", values).fetchall()  # noqa: S608
        return [dict(zip(("at", "owner", "case", "what", "detail"), row, strict=True)) for row in rows]


def _text(file: CaseFile) -> str:
    return json.dumps(file.to_json(), ensure_ascii=False, allow_nan=False)


def now() -> str:
    """This moment in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
