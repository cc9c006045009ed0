"""What every room may know: errors, files, metrics, words of state, tables."""
