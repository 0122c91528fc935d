"""Figures against the `wandb` package on the same machine, in the same run."""
