"""The parts of `gen_sync.py`: reading modules, translating annotations, writing classes."""
