"""How the server is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agent.conversation.guard import Guard, Questions
from agent.limits import Limits
from tools.toolbox import ToolSettings


class Refused(Exception):
    """A call that is not carried out; the message is one plain sentence for the client."""


@dataclass(frozen=True)
class ServerSettings:
    folders: tuple[Path, ...]
    """Folders, with all below them, from which photos may be opened."""
    tools: ToolSettings = field(default_factory=ToolSettings)
    metadata_allowed: bool = False
    """Whether `read_metadata` is served, and a policy may use it."""
    limits: Limits = field(default_factory=Limits)
    """What one `locate` may spend."""
    most_photos: int = 16
    """Photos that are open at once; the one that was not used for the longest is closed for a new one."""
    most_bytes: int = 600_000_000
    """Bytes of all open photos' files together."""
    most_calls: int = 300
    """Tool calls for one open photo."""
    most_locates: int = 2
    """Investigations that run at once; others wait."""
    guard: Guard = field(default_factory=Questions)
    """Asked about every photo; one that it refuses, or lets be shown coarsely alone, is not opened."""
    save_to: Path | None = None
    """Folder for trajectories of `locate`; None is the user's state folder."""
