"""The columns that say what a row of a table is about."""

RUN = ("dataset", "configuration", "trainer", "fold", "seed")
"""One training. Seeds repeat an experiment, so the trainer's name is without its seed."""
CASE = (*RUN, "case")
"""One case as predicted by one training."""
STUDY = ("dataset", "configuration")
"""What losses are compared within: the same cases, the same network."""
PANEL = (*STUDY, "label", "metric")
"""One ranking of losses."""
