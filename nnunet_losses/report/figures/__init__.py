"""One figure, or one family of figures, a file; each takes a view and gives a figure or None if its table is missing."""
