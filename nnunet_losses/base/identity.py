"""The columns that say what a row of a table is about."""

STUDY = ("dataset", "configuration")
"""What losses are compared within: the same cases and the same network."""
EXPERIMENT = (*STUDY, "trainer")
"""One loss in a study. Seeds repeat an experiment, so the trainer's name is without its seed."""
RUN = (*EXPERIMENT, "fold", "seed")
"""One training."""
CASE = (*RUN, "case")
"""One case as predicted by one training."""
LABEL = (*STUDY, "label")
"""One label or region in a study."""
PANEL = (*LABEL, "metric")
"""One ranking of losses."""
