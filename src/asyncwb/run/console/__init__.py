"""Console capture: what the program prints becomes lines of its current run.

`capture` listens at stdout and stderr, `buffer` gathers the output of one run and writes it to the
run's journal, `flusher` is the thread that does so in time, `coalesce` shortens what progress bars
write.
"""
