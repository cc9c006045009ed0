"""A trainer's name: what it says, and how nnU-Net finds it."""
