"""The machines that a study runs on: their GPUs and disks, and the scheduler that lends them."""
