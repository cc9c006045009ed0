"""Data: phantoms, downloads, conversion to nnU-Net's raw layout, inspection."""
