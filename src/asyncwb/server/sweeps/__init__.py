"""Sweeps: configs from clients, which run comes next, which run is ended early."""
