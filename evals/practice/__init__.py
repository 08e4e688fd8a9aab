"""The practice world: drawn street scenes in which facts about the real Earth decide the answer.

A test bed and a training ground, never a benchmark of real photos. `Practice(level, seed, n)` is a benchmark of scenes;
`plan_scene(level, seed, index)` thinks one up, `paint(plan)` draws it, `explain(plan, texts)` says which clues were read.

Every scene has, as far as the tables know them: shops and a street name in the language of the place, traffic on its side of the
road with the country's line between directions, shadows of the true sun for its hour (half of the scenes show clock and compass), a
price, number plates. Clues know whether they need zooming (letters of 9 to 14.5 pixels at a long side of 1600) or a search.

easy    decisive: the city's name and a telephone number or address with its name; all of it large. No distractor.
medium  no city's name in letters that are large; decisive, large unless said otherwise: a national telephone number with the
        city's area code; a road sign with two other known towns and distances; the city's name, small (zoom); the name of the
        region; a number plate with the code of the city. One distractor that travels: a foreign restaurant or car.
hard    decisive, always small (zoom): an area code; distances to two small towns (search); two small towns on a bus stop
        (search, tells the region); a plate with the city's code; an address that tells the country and nothing finer (a fifth).
        Three distractors: a large poster of another city, a foreign restaurant, and a sign that gives orders to the reader or a
        foreign car.
"""

from evals.practice.benchmark import Practice, open_scene, record_of, write
from evals.practice.explain import explain
from evals.practice.layout import lay_out
from evals.practice.paint import paint
from evals.practice.plan import LEVELS, plan_scene
from evals.practice.scene import Clue, ScenePlan

__all__ = [
    "LEVELS",
    "Clue",
    "Practice",
    "ScenePlan",
    "explain",
    "lay_out",
    "open_scene",
    "paint",
    "plan_scene",
    "record_of",
    "write",
]
