"""A user's own data, as they lie: a table of paths, or a BIDS folder with label maps among its derivatives."""
