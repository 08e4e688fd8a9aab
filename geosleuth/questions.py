"""`geosleuth questions`: questions about places with exact keys: made, answered, scored."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from evals.place_questions.answerer import Answerer
    from evals.place_questions.spot import Spots
    from tools.osm.store import OsmStore

_JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
_OSM_HELP = "Extract of OpenStreetMap: a name, or a path with a slash in it."
_FILE = click.Path(dir_okay=False, path_type=Path)
_OUT = click.option("--out", type=_FILE, required=True, help="File of JSON lines.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def questions() -> None:
    """Questions about places whose answers can be looked up, and exact scores of the answers."""


@questions.command("make")
@click.option("--osm", "extract", metavar="NAME", help=f"{_OSM_HELP} Without one, the gazetteer alone is asked about.")
@click.option("--photos", type=_FILE, metavar="TABLE", help="Table with lat, lon and path (CSV, TSV, JSON lines, parquet).")
@click.option("--bench", metavar="NAME", help="Photos of a benchmark, as in `geosleuth eval run`.")
@click.option("--points", type=click.IntRange(1, 100_000), metavar="N", help="N random points of the extract, without photos.")
@click.option("--n", "count", type=click.IntRange(4, 100_000), default=500, show_default=True, help="Most questions.")
@click.option("--radius", type=click.FloatRange(20, 1000), default=300.0, show_default=True, help="Metres around each place.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="The same seed makes the same questions."
)
@_OUT
@_JSON
@plain_errors
def make_command(extract: str | None, photos: Path | None, bench: str | None, points: int | None, count: int, radius: float, seed: int,
                 out: Path, as_json: bool) -> None:  # fmt: skip
    """Make questions about photos, or points, whose place is known."""
    from evals.place_questions.make import make_questions
    from evals.place_questions.question import write_questions

    store = _store(extract)
    spots = _spots(photos, bench, points, store, radius, seed)
    with _progress("places") as told:
        made = make_questions(spots.spots, count, store, radius_m=radius, seed=seed, told=told)
    if not made.questions:
        raise click.UsageError("no question can be asked about these places: do they lie in the extract?")
    write_questions(out, made.questions)
    facts = _facts(made.questions)
    if as_json:
        click.echo(json.dumps({**facts, "places": made.spots, "uncovered": made.uncovered, "left_out": spots.left_out}))
        return
    kinds = ", ".join(f"{number:,} {kind.replace('_', '/')}" for kind, number in facts["kinds"].items())
    click.echo(f"{facts['questions']:,} questions about {made.spots:,} places: {kinds}")
    click.echo(
        f"true {facts['true']:,}, false {facts['false']:,}; right letters {', '.join(f'{k} {v}' for k, v in facts['letters'].items())}"
    )
    if made.uncovered:
        click.echo(
            f"{made.uncovered:,} places are not within the extract, or too near to its edge: only the gazetteer was asked about them"
        )
    if spots.left_out:
        click.echo(f"{spots.left_out:,} rows without coordinates were left out")


@questions.command("answer")
@click.argument("file", type=_FILE)
@click.option(
    "--by",
    required=True,
    metavar="ANSWERER",
    help="template, constant:true, constant:A, openai:MODEL or any policy with a language model; conversation:POLICY to investigate and ask in a case.",
)
@click.option("--osm", "extract", metavar="NAME", help=f"{_OSM_HELP} Policies are given what is near from it.")
@click.option(
    "--error-m",
    type=click.FloatRange(0, 1_000_000),
    default=0.0,
    show_default=True,
    help="Show coordinates that are so many metres off.",
)
@click.option("--hide-coordinates", is_flag=True, help="Show none.")
@click.option("--base-url", help="Server for openai:MODEL; else OPENAI_BASE_URL.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Questions at once.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the directions of errors.")
@_OUT
@plain_errors
def answer_command(file: Path, by: str, extract: str | None, error_m: float, hide_coordinates: bool, base_url: str | None, workers: int,
                   seed: int, out: Path) -> None:  # fmt: skip
    """Answer the questions of FILE; goes on where it was stopped, and asks again what failed."""
    from evals.place_questions.answering import answer_all
    from evals.place_questions.question import read_questions

    asked = read_questions(file)
    with ExitStack() as stack, _progress("answers") as told:
        answerer = _answerer(by, _store(extract), base_url, stack)
        answers = answer_all(
            asked, answerer, out, error_m=error_m, hidden=hide_coordinates, seed=seed, workers=workers, told=told
        )
    failed = sum(bool(answers.by_id[one.id].error) for one in asked)
    click.echo(
        f"{len(asked):,} questions answered by {answerer.name}"
        + (f"; {failed:,} failed: the same command asks them again" if failed else "")
    )


@questions.command("score")
@click.argument("file", type=_FILE)
@click.argument("answers", type=_FILE)
@click.option("--osm", "extract", metavar="NAME", help=f"{_OSM_HELP} Cited elements are checked in it.")
@click.option(
    "--judge", metavar="openai:MODEL", help="Have a language model judge the long answers, too, beside the exact score."
)
@click.option("--base-url", help="The judge's server; else OPENAI_BASE_URL.")
@_JSON
@plain_errors
def score_command(file: Path, answers: Path, extract: str | None, judge: str | None, base_url: str | None, as_json: bool) -> None:
    """Score the ANSWERS to the questions of FILE, exactly and without a judge."""
    from evals.place_questions.answering import read_answers
    from evals.place_questions.citations import Citations
    from evals.place_questions.question import read_questions
    from evals.place_questions.score import mark, score
    from evals.place_questions.table import score_lines

    asked, given, store = read_questions(file), read_answers(answers), _store(extract)
    missing = sum(one.id not in given.by_id for one in asked)
    if missing == len(asked):
        raise click.UsageError(f"{answers} holds no answer to a question of {file}")
    marked = mark(asked, given.by_id, Citations(store) if store else None)
    figures = score(marked, missing=missing)
    if judge:
        from agent.policies import make_policy
        from evals.place_questions.claim_judge import ClaimJudge, judged

        figures["judge"] = judged(marked, ClaimJudge(make_policy(judge, base_url=base_url).model, judge))
    conditions = given.conditions.to_json() if given.conditions else {}
    if as_json:
        click.echo(json.dumps({**conditions, **figures}))
        return
    off = f", coordinates {conditions['error_m']:,.0f} m off" if conditions.get("error_m") else ""
    for line in score_lines(figures, f"{conditions.get('by', '')[:80]}{off}"):
        click.echo(line.rstrip())
    if told := figures.get("judge"):
        means = (
            f"{100 * told['judge']:.1f} % by the judge, {100 * told['exact']:.1f} % exactly" if told["judged"] else "no verdict"
        )
        click.echo(f"long answers, {told['model']}: {means}; {told['judged']} of {told['answers']} judged")


@questions.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@_OUT
@_JSON
@plain_errors
def import_command(file: Path, out: Path, as_json: bool) -> None:
    """Make questions of records of GAEA-Bench: FILE is parquet (or a folder of it), JSON or JSON lines."""
    from evals.place_questions.gaea import read_gaea
    from evals.place_questions.question import write_questions

    read = read_gaea(file)
    write_questions(out, read.questions)
    facts = {**_facts(read.questions), "left_out": dict(read.left_out)}
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    kinds = ", ".join(f"{number:,} {kind.replace('_', '/')}" for kind, number in facts["kinds"].items())
    click.echo(f"{facts['questions']:,} questions: {kinds}; true {facts['true']:,}, false {facts['false']:,}")
    if facts["without_key"]:
        click.echo(f"{facts['without_key']:,} open questions have no name in their answer, and so no exact key")
    for reason, number in read.left_out.most_common(10):
        click.echo(f"{number:,} rows left out: {reason}")


def _store(name: str | None) -> OsmStore | None:
    from tools.osm.store import OsmStore

    return OsmStore.named(name) if name else None


def _spots(
    photos: Path | None, bench: str | None, points: int | None, store: OsmStore | None, radius_m: float, seed: int
) -> Spots:
    from evals.place_questions.spot import random_spots, spots_of_benchmark, spots_of_table
    from evals.place_questions.surroundings import NEAR

    if sum(given is not None for given in (photos, bench, points)) != 1:
        raise click.UsageError("give one of --photos, --bench and --points")
    if photos is not None:
        return spots_of_table(photos)
    if bench is not None:
        return spots_of_benchmark(bench)
    if store is None:
        raise click.UsageError("--points needs --osm")
    return random_spots(store, points or 1, radius_m * (1.0 + NEAR), seed)


def _answerer(by: str, store: OsmStore | None, base_url: str | None, stack: ExitStack) -> Answerer:
    kind, _, rest = by.partition(":")
    if kind == "constant":
        from evals.place_questions.answerer import Constant

        return Constant(rest)
    if by == "template":
        from evals.place_questions.template import Template

        return Template(store)
    from agent.policies import make_policy
    from evals.place_questions.chat import Chat

    if kind == "conversation":
        from agent.conversation.desk import DeskSettings
        from evals.place_questions.conversation import Conversation
        from tools.toolbox import ToolSettings

        settings = DeskSettings(tools=ToolSettings(offline=True, osm=str(store.path) if store is not None else ""))
        return stack.enter_context(Conversation(make_policy(rest or "checklist", base_url=base_url), store, settings))
    if by == "checklist":
        raise click.UsageError(
            "the checklist answers no questions: use template, conversation:checklist, constant:…, openai:MODEL or hf:REPO_OR_DIR"
        )
    return Chat(make_policy(by, base_url=base_url), store)


def _facts(made: Any) -> dict[str, Any]:
    """How many questions of each kind there are, and how their keys are split."""
    from collections import Counter

    kinds, keys = Counter(one.kind for one in made), Counter(one.key for one in made)
    letters = {letter: keys[letter] for letter in sorted(keys) if len(letter) == 1}
    without = sum(one.kind == "short" and not one.names for one in made)
    return {
        "questions": len(made),
        "kinds": dict(kinds),
        "true": keys["true"],
        "false": keys["false"],
        "letters": letters,
        "without_key": without,
    }


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """What a long command shows on stderr: a bar on a terminal, a plain line every tenth elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    err = Console(stderr=True, highlight=False, soft_wrap=True)
    if not sys.stderr.isatty():

        def note(done: int, of: int) -> None:
            if done % max(1, of // 10) == 0:
                err.print(f"{done:,} of {of:,} {what}")

        yield note
        return
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, of: bar.update(task, completed=done, total=of)
