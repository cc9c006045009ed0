"""The tables that a comparison returns."""
