"""Ranks and pairs: who is better, how surely, and what would change it."""
