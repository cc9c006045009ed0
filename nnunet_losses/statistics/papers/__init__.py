"""Published evidence beside our own: numbers, claims, response curves."""
