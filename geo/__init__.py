"""The Earth, numpy alone: sphere maths, belief, gazetteer and clue tables."""
