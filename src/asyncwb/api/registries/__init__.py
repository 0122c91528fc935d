"""Registries: collections of links that an organization shares."""
