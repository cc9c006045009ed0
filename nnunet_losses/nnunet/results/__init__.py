"""What trainings leave: their history, their model, their predictions."""
