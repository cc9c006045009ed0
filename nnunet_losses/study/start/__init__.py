"""From a folder to a study: what the data are, which losses they call for and why, and what it will cost."""
