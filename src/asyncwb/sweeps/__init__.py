"""Sweeps: making one, and agents that run what the server chooses.

The way of a run: a `worker.Worker` asks the server (`service.Service.heartbeat`) and gets its
parameters; `agent.SweepAgent` makes a job of it, which is a task of the caller's loop (`tasks`), a
thread (`threads`) or a process (`processes`).
"""
