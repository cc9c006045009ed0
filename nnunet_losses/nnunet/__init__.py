"""The only room that imports nnU-Net: trainers, their names, the door, and what a training leaves."""
