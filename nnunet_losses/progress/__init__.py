"""How far a study is: read from what Snakemake and nnU-Net write, and shown while it runs."""
