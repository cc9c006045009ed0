"""A line of six voxels worked by hand: its foreground, and how far each voxel is from the other side."""

import torch

P = torch.tensor([0.1, 0.8, 0.9, 0.6, 0.7, 0.2], dtype=torch.float64)
LOGITS = torch.stack([(1 - P).log(), P.log()]).view(1, 2, 1, 6)
LABELS = torch.tensor([0, 1, 1, 1, 0, 0]).view(1, 1, 1, 6)
REACH = [1, 1, 2, 1, 1, 2]
REACH_OF_PREDICTION = [1, 1, 2, 2, 1, 1]  # of {p > 1/2}, voxels 1 to 4
