"""What a trainer's name says, and whether nnU-Net knows a trainer of that name."""
