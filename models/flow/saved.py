"""A flow as it is kept: arrays and a card, every part checked when it is read, since a model may come from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from models.flow.distribution import Distribution
from models.flow.euclidean import SpaceFlow
from models.flow.flow import Flow
from models.flow.head import Head
from models.flow.schedule import Clock, Sigmoid
from models.flow.settings import OBJECTIVES
from models.flow.sphere_flow import SphereFlow
from models.flow.vmf import VmfMixture
from models.geocells.saved import number, text
from models.geolocator import ModelError
from models.model_folder import read_arrays, read_card, write_model

KIND = "flow"
Arrays = Mapping[str, NDArray[Any]]


def distribution_of(card: Mapping[str, Any], arrays: Arrays) -> Distribution:
    """The distribution of a saved model. Raises ModelError or ValueError with what is wrong."""
    objective = card.get("objective")
    if objective not in OBJECTIVES:
        raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}")
    if objective in ("vmf", "mixture"):
        return VmfMixture.of(arrays)
    schedule = Sigmoid(number(card, "schedule_start", -50.0, 50.0), number(card, "schedule_end", -50.0, 50.0))
    guidance, head = number(card, "guidance", 0.0, 100.0), Head.of(arrays, Clock(schedule, number(card, "clock", 0.0, 1e3)))
    if objective == "riemannian":
        return SphereFlow(head, schedule, guidance)
    return SpaceFlow(head, objective == "diffusion", number(card, "width_km", 1.0, 2e4), schedule, guidance)


def save_flow(model: Flow, arrays: Arrays, folder: Path, **more: Any) -> None:
    """Keep a model with the weights it was made of; `more` is plain JSON that the card also says. Raises OSError."""
    card = {
        **more, "kind": KIND, "encoder": model.encoder, "encoder_digest": model.encoder_digest, "trained_on": model.trained_on,
        "objective": model.objective, "reliability": model.reliability, "calibrated": model.calibrated,
        "divide_prior": model.divide_prior,
    }  # fmt: skip
    if isinstance(model.distribution, SphereFlow | SpaceFlow):
        schedule = model.distribution.schedule
        card |= {
            "schedule_start": schedule.start, "schedule_end": schedule.end, "guidance": model.distribution.guidance, "clock": model.distribution.head.clock.rate,
        }  # fmt: skip
    if isinstance(model.distribution, SpaceFlow):
        card |= {"width_km": model.distribution.width_km}
    write_model(folder, card, arrays)


def load_flow(folder: Path) -> Flow:
    """Read a model back, named for its folder. Raises ModelError for anything that is not a whole one."""
    card, arrays = read_card(folder), read_arrays(folder)
    if card["kind"] != KIND:
        raise ModelError(f"{folder} holds a model of the kind {card['kind']!r}, not {KIND}")
    try:
        return Flow(
            folder.resolve().name, text(card, "encoder"), text(card, "encoder_digest"), text(card, "trained_on"),
            str(card.get("objective")), distribution_of(card, arrays),
            card.get("divide_prior") is True, number(card, "reliability", 1e-3, 0.999),
            card.get("calibrated") is True,
        )  # fmt: skip
    except ValueError as error:
        raise ModelError(f"{folder} holds a flow that cannot be used: {error}") from error
