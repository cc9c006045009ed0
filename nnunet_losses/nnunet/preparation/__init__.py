"""Before a training: folders, plans, splits."""
