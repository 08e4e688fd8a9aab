"""`geosleuth chat`: talk in the terminal about where photos were taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.desk_options import desk_options, make_desk

if TYPE_CHECKING:
    from agent.conversation.case_file import CaseFile
    from agent.conversation.desk import Desk

_LOCAL = {
    "/photo PATH": "add a photo of the same place and investigate it",
    "/area AREA": "search only there: FR,DE or south,west,north,east; empty for everywhere",
    "/map": "the belief as a map of characters",
    "/save FILE": "FILE.html, .geojson, .kml or .jsonl",
    "/cases": "your cases; /open ID, /delete ID",
    "/quit": "leave; the case is kept",
}
_KIND_OF = {".html": "report", ".htm": "report", ".geojson": "geojson", ".json": "geojson", ".kml": "kml", ".jsonl": "trajectory"}


@click.command()
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path), metavar="[PHOTO]...")
@click.option("--case", "case_id", metavar="ID", help="Go on with a case (geosleuth chat --list).")
@click.option("--list", "listing", is_flag=True, help="List your cases and leave.")
@click.option("--delete", metavar="ID", help="Delete a case and its pictures, and leave.")
@click.option("--area", help="Where to look: country codes (FR,DE), a box (south,west,north,east), or both joined by ';'.")
@click.option("--context", default="", help="What you know about the photos, in words.")
@click.option("--json", "as_json", is_flag=True, help="Events and replies as JSON lines on stdout.")
@desk_options
def chat(photos: tuple[Path, ...], **options: Any) -> None:
    """Talk about where photos were taken. Questions come from the terminal, or one a line from a pipe; /help says what can be asked."""
    desk = make_desk(options)
    with asyncio.Runner() as runner:
        try:
            if options["listing"]:
                _list(desk)
            else:
                runner.run(desk.__aenter__())
                if options["delete"]:
                    runner.run(_gone(desk, options["delete"]))
                    click.echo("deleted", err=True)
                    return
                Talk(desk, runner, options["as_json"]).run(photos, options)
        except (LookupError, ValueError, sqlite3.Error) as error:
            raise click.UsageError(str(error)) from error
        finally:
            if hasattr(desk, "graph"):
                runner.run(desk.__aexit__(None, None, None))


async def _gone(desk: Desk, case_id: str) -> None:
    desk.delete(case_id)


def _list(desk: Desk) -> None:
    for case in desk.store.cases():
        click.echo(f"{case['id']}  {case['updated'][:16].replace('T', ' ')}  {case['title'] or '(no photo)'}")


class Talk:
    """One conversation in a terminal."""

    def __init__(self, desk: Desk, runner: asyncio.Runner, as_json: bool) -> None:
        from geosleuth.screen import Screen

        self.desk, self.runner, self.as_json = desk, runner, as_json
        self.screen = Screen(as_json=as_json)
        self.file: CaseFile

    def run(self, photos: tuple[Path, ...], options: Mapping[str, Any]) -> None:
        self.file = (
            self.desk.store.load(options["case_id"])
            if options["case_id"]
            else self.desk.open(area=options["area"], context=options["context"])
        )
        if not self.as_json:
            self.screen.note(f"case {self.file.id}; /help says what can be asked, /quit leaves")
        self._watched(lambda: self._add(photos))
        for line in _lines(interactive=not self.as_json):
            if line in {"/quit", "/exit"}:
                break
            try:
                self._one(line)
            except (LookupError, ValueError, OSError, RuntimeError, sqlite3.Error) as error:
                self.screen.note(f"error: {error}")

    def _one(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        local: dict[str, Callable[[str], None]] = {
            "/photo": lambda path: self._watched(lambda: self._add((Path(path).expanduser(),))), "/area": self._area, "/map": self._map,
            "/save": self._save, "/cases": lambda _: _list(self.desk), "/open": self._open, "/delete": self._delete,
        }  # fmt: skip
        if name in local:
            local[name](rest.strip())
            return
        self._watched(lambda: self._ask(line))
        if name == "/help" and not self.as_json:
            for command, what in _LOCAL.items():
                self.screen.console.print(f"- {command}: {what}", markup=False)

    async def _ask(self, line: str) -> None:
        await self.desk.say(self.file.id, line)

    async def _add(self, photos: tuple[Path, ...]) -> None:
        from agent.photo import PhotoError, read_file

        added = 0
        for path in photos:
            try:
                data = await asyncio.to_thread(read_file, path)
                await self.desk.add_photo(self.file.id, data, path.name)
                added += 1
            except (PhotoError, OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                self.screen.note(f"error: {path}: {reason}")
        if added or any(photo.state != "done" for photo in self.file.photos):
            await self.desk.investigate(self.file.id)

    def _watched(self, work: Callable[[], Any]) -> None:
        """Do something with the case, showing what happens meanwhile."""

        async def both() -> None:
            watching = asyncio.create_task(self._show())
            await asyncio.sleep(0)
            try:
                await work()
                await asyncio.sleep(0.05)
            finally:
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching

        self.runner.run(both())
        with contextlib.suppress(LookupError):
            self.file = self.desk.store.load(self.file.id)

    async def _show(self) -> None:
        async for event in self.desk.hub.watch(self.file.id):
            self._event(event)

    def _event(self, event: Mapping[str, Any]) -> None:
        if self.as_json:
            sys.stdout.write(json.dumps({key: value for key, value in event.items() if key != "map"}, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        elif event["event"] in {"start", "step", "belief", "silent", "resumed"}:
            self.screen.event(f"photo {event.get('photo', '')}", event)
        elif event["event"] == "reply":
            self.screen.console.print(str(event["text"]), markup=False)
        elif event["event"] == "error":
            self.screen.note(f"error: {event['text']}")
        elif event["event"] == "result" and (guess := event["result"]["best_guess"]):
            from agent.answer import label_of

            words = label_of(guess) if event["result"]["answer"] else f"cannot tell; a forced guess would be {label_of(guess)}"
            self.screen.console.print(
                f"{words}: 90 % within {guess['radius90_km']:.0f} km of {guess['lat']:.4f}, {guess['lon']:.4f}",
                style="bold green",
                markup=False,
            )

    def _area(self, text: str) -> None:
        from geo.area import parse_area

        self.file.area = parse_area(text).to_text() if text else None
        self.desk.store.save(self.file)
        self.screen.note(f"searching in {self.file.area}" if self.file.area else "searching everywhere")

    def _map(self, _: str) -> None:
        from agent.conversation.text_map import text_map
        from agent.conversation.whole import Whole

        if self.file.coarse()[0]:
            raise PermissionError(f"not shown: {self.file.coarse()[1]}")
        whole = Whole(self.file, self.desk.beliefs)
        for line in text_map(whole.belief(), whole.result()["best_guess"], width=min(self.screen.console.width, 100)):
            self.screen.console.print(line, markup=False)

    def _save(self, name: str) -> None:
        path = Path(name).expanduser()
        kind = _KIND_OF.get(path.suffix.lower())
        if not name or kind is None:
            raise ValueError("/save FILE, with a name that ends in .html, .geojson, .kml or .jsonl")
        path.write_bytes(self.desk.export(self.file.id, kind))
        self.screen.note(f"wrote {path}")

    def _open(self, case_id: str) -> None:
        self.file = self.desk.store.load(case_id)
        self.screen.note(
            f"case {self.file.id}: {self.file.title}, {len(self.file.photos)} photos, {len(self.file.turns)} messages"
        )
        for turn in self.file.turns[-6:]:
            self.screen.console.print(f"{'>' if turn.role == 'user' else ' '} {turn.text}", markup=False, style="dim")

    def _delete(self, case_id: str) -> None:
        self.runner.run(_gone(self.desk, case_id or self.file.id))
        self.screen.note("deleted")
        if case_id in {"", self.file.id}:
            self.file = self.desk.open()
            self.screen.note(f"case {self.file.id}")


def _lines(interactive: bool) -> Iterator[str]:
    """What is typed, with a history, or the lines of a pipe."""
    if not sys.stdin.isatty():
        yield from (line.strip() for line in sys.stdin if line.strip())
        return
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401
    while True:
        try:
            line = input("> " if interactive else "").strip()
        except EOFError:
            return
        if line:
            yield line
