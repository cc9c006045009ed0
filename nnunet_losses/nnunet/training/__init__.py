"""The trainer and what it needs while it trains."""
