"""Rows of results become panels: one table of cases by trainers, seeds merged, undefined values resolved."""
