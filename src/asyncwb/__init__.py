"""Async-native client for Weights & Biases."""
