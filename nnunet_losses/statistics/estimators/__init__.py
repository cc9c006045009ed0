"""Arrays in, numbers out: intervals, tests and effect sizes."""
