"""Rows of results become panels, once: repeats merged, undefined values resolved, the same cases for every trainer."""
