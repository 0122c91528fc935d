"""Console output as a person would see it: raw text -> lines, and the file of them.

`screen` is a small terminal, `lines` numbers what it shows, `file` writes it down. Pure but for the
file; the run uses it for its local `output.log`, the sender for the server.
"""
