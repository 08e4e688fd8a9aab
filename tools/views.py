"""Finding the views and regions of a case, and naming the next ones."""

from __future__ import annotations

from tools.observation import Region, ToolContext, View
from tools.quote import clean, quoted


def view_of_photo(name: str, context: ToolContext) -> View:
    """The view of that name. Raises ValueError with one plain sentence where there is none, or where it shows other pictures."""
    view = context.views.get(name)
    if view is None:
        known = ", ".join(known for known, other in context.views.items() if not other.sheet)
        raise ValueError(f"There is no view {quoted(name, 40)}; there are {known}.")
    if view.sheet:
        raise ValueError(
            f"{clean(name, 40)} shows photos of a gallery and not the photo that is asked about; use `photo` or a crop of it."
        )
    return view


def next_view_id(context: ToolContext) -> str:
    """The first of `v1`, `v2`, … after all that exist."""
    numbers = [int(name[1:]) for name in context.views if name[:1] == "v" and name[1:].isdecimal()]
    return f"v{max(numbers, default=0) + 1}"


def next_region_number(context: ToolContext) -> int:
    """The first region number after all that exist."""
    return max(context.regions, default=0) + 1


def find_region(number: int, context: ToolContext) -> Region:
    """The region of that number. Raises ValueError with one plain sentence that says which there are."""
    if number in context.regions:
        return context.regions[number]
    if not context.regions:
        raise ValueError(f"There is no region {number}: no observation has proposed regions yet; give a box.")
    listed = ", ".join(str(known) for known in sorted(context.regions)[:30])
    raise ValueError(f"There is no region {number}; there are {listed}.")
