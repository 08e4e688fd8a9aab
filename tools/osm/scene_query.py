"""A scene as a query: things, what each is, and how they lie to one another.

The form is that of SPOT's queries (dw-innovation/kid2-spot): entities with tags, relations of distance and containment, clusters, an area; with
comparisons that know units and with what must not be near added.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tools.osm.filters import LONGEST_TEXT, parse_filters
from tools.quote import clean

MOST_METRES = 5_000.0

Metres = Annotated[float, Field(gt=0.0, le=MOST_METRES)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
What = Annotated[list[Annotated[str, Field(max_length=LONGEST_TEXT)]], Field(min_length=1, max_length=8)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Described(_Part):
    """What says in words or tags which elements are meant."""

    what: What = Field(
        description="what it is, one of them is enough: church, river, amenity=bar, building:levels>=6, maxspeed>=40 mph"
    )

    @field_validator("what", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("what")
    @classmethod
    def _readable(cls, value: list[str]) -> list[str]:
        parse_filters(value)
        return value


class Cluster(_Part):
    """So many of a kind close together."""

    count: int = Field(ge=2, le=50)
    within_m: Metres


class Entity(_Described):
    """One thing of the scene. With `cluster`, one that has at least `count - 1` others of its kind within `within_m`."""

    id: Name = Field(description="a short name of your own")
    cluster: Cluster | None = None


class Within(_Part):
    """Two things are at most so far apart, edge to edge."""

    kind: Literal["within"]
    a: Name
    b: Name
    metres: Metres


class Contains(_Part):
    """The middle of `b` lies in the area `a`."""

    kind: Literal["contains"]
    a: Name
    b: Name


class NotNear(_Described):
    """Nothing of this kind, but `a` itself, is within so many metres of `a`."""

    kind: Literal["not_near"]
    a: Name
    metres: Metres


Relation = Annotated[Within | Contains | NotNear, Field(discriminator="kind")]


class SceneQuery(_Part):
    """Things that are found together somewhere."""

    entities: list[Entity] = Field(min_length=1, max_length=6)
    relations: list[Relation] = Field(default_factory=list, max_length=12)
    area: str | None = Field(default=None, description="country codes (FR,DE) or south,west,north,east", max_length=200)

    @model_validator(mode="after")
    def _hangs_together(self) -> SceneQuery:
        names = [entity.id for entity in self.entities]
        if len(set(names)) < len(names):
            raise ValueError("two entities have the same id")
        for relation in self.relations:
            for name in (relation.a, *(() if isinstance(relation, NotNear) else (relation.b,))):
                if name not in names:
                    raise ValueError(f"a relation names {name!r}, and no entity has that id")
            if not isinstance(relation, NotNear) and relation.a == relation.b:
                raise ValueError(f"a relation ties {relation.a!r} to itself")
        if loose := _loose(names, [(r.a, r.b) for r in self.relations if not isinstance(r, NotNear)]):
            raise ValueError(f"nothing ties {loose!r} to the other entities: add a relation (within, contains)")
        return self


def parse_scene(data: Any) -> SceneQuery:
    """A query from plain JSON. Raises ValueError with one line for anything else."""
    try:
        return SceneQuery.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = f"{where}: " if where else ""
        raise ValueError(f"the query cannot be read: {clean(said + first['msg'].removeprefix('Value error, '), 300)}") from None


def _loose(names: list[str], ties: Iterable[tuple[str, str]]) -> str | None:
    """The first name that cannot be reached from the first."""
    ties = list(ties)
    reached = {names[0]}
    while more := {b for a, b in ties if a in reached} | {a for a, b in ties if b in reached}:
        if more <= reached:
            break
        reached |= more
    return next((name for name in names if name not in reached), None)
