"""What a run shows: steps as they happen, then the answer; or JSON lines alone on stdout."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agent.answer import label_of
from agent.trajectory import summary


class PipeConsole(Console):
    """Remembers that its reader went away (`| head`), and from then on is silent instead of ending the program in the middle of its work."""

    gone = False

    def on_broken_pipe(self) -> None:
        self.gone = True
        self.file = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the program ends)


class Screen:
    """Rich on a terminal, plain in a pipe. With `as_json` nothing but JSON lines goes to stdout."""

    def __init__(self, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json, self.quiet = as_json, quiet
        self.console = PipeConsole(stderr=as_json, highlight=False, soft_wrap=True)
        self.err = PipeConsole(stderr=True, highlight=False, soft_wrap=True)
        self.many = False
        self._bar: Progress | None = None
        self._task: Any = None

    @property
    def gone(self) -> bool:
        """Whether the reader of the answers went away."""
        return self.console.gone

    def note(self, text: str) -> None:
        """One line beside the answers."""
        self.err.print(escape(text))

    @contextlib.contextmanager
    def progress(self, count: int) -> Iterator[None]:
        """A bar on stderr while several photos are worked on."""
        self.many = count > 1
        if not self.many or not sys.stderr.isatty():
            yield
            return
        columns = (TextColumn("photos"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.err, transient=True) as bar:
            self._bar, self._task = bar, bar.add_task("photos", total=count)
            yield
        self._bar = None

    def event(self, photo: str, event: Mapping[str, Any]) -> None:
        """One line a step."""
        if self.quiet:
            return
        name = f"[dim]{escape(Path(photo).name)}[/]  " if self.many else ""
        line = _line(photo, event)
        if line:
            self.console.print(name + line)

    def answer(self, trajectory: Mapping[str, Any]) -> None:
        """The answer of one photo, with alternatives and evidence."""
        if self._bar is not None:
            self._bar.advance(self._task)
        if self.as_json and not self.gone:
            try:
                sys.stdout.write(
                    json.dumps({**summary(trajectory), "trajectory": trajectory["trajectory"]}, ensure_ascii=False) + "\n"
                )
                sys.stdout.flush()
            except BrokenPipeError:
                self.console.gone = True
        if trajectory.get("error"):
            self.err.print(f"[red]error:[/] {escape(_about(trajectory))}")
        if trajectory.get("save_error"):
            self.err.print(f"[red]error:[/] {escape(trajectory['save_error'])}")
        if not self.as_json and trajectory["best_guess"]:
            print_answer(self.console, trajectory, evidence=not (self.quiet and self.many))

    def close(self, trajectories: Sequence[Mapping[str, Any]]) -> None:
        """The last line of a batch."""
        if len(trajectories) > 1:
            answered = sum(t["answer"] is not None for t in trajectories)
            failed = sum(t["best_guess"] is None or bool(t.get("error")) for t in trajectories)
            self.note(
                f"{len(trajectories)} photos: {answered} answered, {len(trajectories) - answered - failed} cannot tell, {failed} failed"
            )


def _about(trajectory: Mapping[str, Any]) -> str:
    error, photo = str(trajectory["error"]), str(trajectory["photo"])
    return error if photo in error else f"{photo}: {error}"


def _line(photo: str, event: Mapping[str, Any]) -> str:
    kind = event["event"]
    if kind == "start":
        width, height = event["size"]
        return f"[bold]{escape(photo)}[/] {width} × {height}"
    if kind == "resumed":
        return f"[dim]going on after turn {event['turn']}[/]"
    if kind == "step":
        return step_line(event)
    if kind == "belief":
        return f"      [magenta]{escape(event['line'])}[/]"
    return f"[yellow]?[/] {event['turn']:>2}  no call and no answer: {escape(_short(event['text']))}"


def step_line(step: Mapping[str, Any]) -> str:
    """One call in one line of rich markup."""
    mark = "[green]✓[/]" if step["ok"] else "[yellow]✗[/]"
    args = escape(", ".join(f"{key}={_short(value)}" for key, value in step["args"].items()))
    took = f"[dim]{step['seconds']:.1f} s[/]"
    return f"{mark} {step['turn']:>2}  [cyan]{escape(step['tool'])}[/]({args}) {took}  {escape(_first(step['text']))}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def _first(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 110 else line[:109] + "…"


def print_answer(console: Console, trajectory: Mapping[str, Any], evidence: bool = True) -> None:
    """Place, coordinates, radii, alternatives and evidence."""
    answer, guess = trajectory["answer"], trajectory["best_guess"]
    console.print()
    if answer is None:
        console.print(f"[bold yellow]cannot tell[/] where {escape(trajectory['photo'])} was taken" + _why(trajectory))
        console.print(f"  if a guess were forced: {escape(label_of(guess))} ({guess['lat']:.2f}, {guess['lon']:.2f})")
    else:
        console.print(f"[bold green]{escape(label_of(answer))}[/]  {answer['lat']:.5f}, {answer['lon']:.5f}" + _why(trajectory))
        console.print(f"  50 % within {_km(answer['radius50_km'])}, 90 % within {_km(answer['radius90_km'])}")
    if trajectory["alternatives"]:
        console.print("  still possible:" if answer is None else "  ranked:")
        for place in trajectory["alternatives"]:
            console.print(
                f"   {100 * place['probability']:5.1f} %  {escape(_named(place))}  [dim]({place['lat']:.2f}, {place['lon']:.2f})[/]"
            )
    if evidence and trajectory["ledger"]:
        console.print(_evidence_table(trajectory["ledger"]))
    if trajectory.get("trajectory"):
        console.print(f"  [dim]trajectory: {escape(str(trajectory['trajectory']))}[/]")


def _why(trajectory: Mapping[str, Any]) -> str:
    stop = trajectory["stop"]
    return "" if stop in {"answered", "cannot_tell"} else f"  [yellow](ended by {stop}; from the evidence so far)[/]"


def _named(place: Mapping[str, Any]) -> str:
    if place["kind"] == "country":
        return str(place["country_name"])
    return label_of(place) + (" area" if place["kind"] == "city" else "")


def _km(distance: float) -> str:
    return f"{distance:.1f} km" if distance < 10 else f"{distance:,.0f} km".replace(",", " ")


def _evidence_table(ledger: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 1), title="  evidence", title_justify="left", title_style="")
    table.add_column("bits", justify="right")
    table.add_column("for it", justify="right")
    table.add_column("claim", overflow="fold")
    table.add_column("source", style="dim", overflow="fold")
    for entry in sorted(ledger, key=lambda e: -e["bits"]):
        sources = ", ".join(entry["citations"]) or entry["source"]
        table.add_row(
            f"{entry['bits']:.1f}",
            f"{entry['for_answer_bits']:+.1f}",
            escape(entry["claim"]),
            escape(f"{entry['tool']}: {sources}"),
        )
    return table
