"""The trainer, and what it needs while it trains.

- From a name to a class: `lookup`, `trainer` (which loss, which weights), `reproducible` (seeds, resuming, records).
- From a batch to a loss: `transforms` and `weight_maps` (what is added to a batch), `target` (what its channels mean),
  `adapter` (the call of the loss), `class_frequencies`.
- Around the training: `experiment` (whose folder it is), `checkpoint` (safe reading), `outcome` and `job` (how it ended
  and what it cost), `pools` (one core), `errors`.
"""
