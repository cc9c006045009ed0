"""From the tables of trainings to a comparison that can be reported: the rooms put together."""
