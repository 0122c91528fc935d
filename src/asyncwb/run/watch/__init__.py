"""`Run.watch`: gradients, parameters and the graph of torch models. Imports no torch itself."""

from asyncwb.run.watch.watcher import Watcher

__all__ = ["Watcher"]
