"""`geosleuth eval judge`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from geosleuth.plain_errors import plain_errors


@click.command("judge")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--policy", required=True, help="The judge: openai:MODEL or hf:REPO_OR_DIR, asked at temperature 0.")
@click.option("--base-url", help="Server for openai:MODEL; else OPENAI_BASE_URL.")
@click.option("--workers", type=click.IntRange(1, 256), default=4, show_default=True, help="Answers at once.")
@plain_errors
def judge_command(run: Path, policy: str, base_url: str | None, workers: int) -> None:
    """Have a language model judge the final answers of RUN, and say how far it agrees with the exact metrics.

    Verdicts are kept in RUN/judge.jsonl and appear in scores beside the exact ones. What failed is asked again by the same command.
    """
    from agent.policies import make_policy
    from evals.judge import LevelJudge, agreement, judge_all
    from evals.results import read_verdicts
    from evals.rows import final_texts, rows_of
    from evals.run_folder import RunFolder

    folder = RunFolder(run)
    rows, texts = rows_of(folder), final_texts(folder)
    judge = LevelJudge(make_policy(policy, base_url=base_url, retries=6).model, policy)
    known = read_verdicts(run / "judge.jsonl", judge.settings())
    left = [row for row in rows if known.get(row.id) is None]
    with (run / "judge.jsonl").open("a", encoding="utf-8") as file:
        if file.tell() == 0:
            file.write(json.dumps({"judge": judge.settings()}) + "\n")

        def keep(index: int, verdicts: Any) -> None:
            known[left[index].id] = verdicts
            file.write(json.dumps({"id": left[index].id, "verdicts": verdicts}) + "\n")
            file.flush()

        judge_all(judge, [(row.truth, texts.get(row.id, "")) for row in left], workers=workers, told=keep)
    found = agreement([known.get(row.id) for row in rows], [row.levels for row in rows])
    click.echo(f"{found['count']} answers judged by {policy}, {found['failures']} failures of the judge")
    for level, numbers in found["levels"].items():
        if numbers["count"]:
            kappa = "none" if numbers["kappa"] is None else f"{numbers['kappa']:.3f}"
            click.echo(
                f"{level:<8} equal to the exact metric {100 * numbers['equal']:.1f} % of {numbers['count']}, Cohen's kappa {kappa}"
            )
