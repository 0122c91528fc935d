"""Pytest fixtures of asyncwb."""
