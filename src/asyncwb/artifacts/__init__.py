"""Artifacts: versioned files, their manifests, and the way of their bytes."""
