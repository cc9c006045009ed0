"""After a training: what became of it, its curves, its published files."""
