"""One figure, or one family of figures, a file: a view in, a figure out, or None if its table is missing."""
