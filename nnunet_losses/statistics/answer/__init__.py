"""What the decision card is made of: every question of a user, a word on every pair of losses."""
