"""References: entries whose bytes lie elsewhere. One module per kind of place."""
