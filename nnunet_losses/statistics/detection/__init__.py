"""Lesions found and invented: FROC, thresholds, sizes, cases without lesions."""
