"""Questions about places: made from OpenStreetMap and the gazetteer for photos whose place is known, answered, and scored exactly.

`make.make_questions` makes them, `answering.answer_all` has an `answerer.Answerer` answer, `score.score` marks the answers without a
judge, `gaea.read_gaea` reads the records of GAEA-Bench.
"""
