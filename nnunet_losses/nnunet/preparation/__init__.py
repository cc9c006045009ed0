"""Before a training: nnU-Net's folders, plans and splits, and the cores it may use."""
