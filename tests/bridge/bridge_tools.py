"""A loopback server in three moods, and Python programs run under a hard time limit."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HARD_LIMIT_SECONDS = 20
MOODS = ("answers", "refuses", "silent")

PRELUDE = """
import asyncio, os, signal, sys, threading, time
from asyncwb.portal import PORTAL
from asyncwb.errors import *

MOOD, PORT = sys.argv[1], int(sys.argv[2])
STARTED = time.monotonic()

async def ask(wait=None):
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("localhost", PORT), 5)
    except OSError:
        return "refused"
    try:
        writer.write(b"hello\\n")
        return (await asyncio.wait_for(reader.readline(), wait)).decode().strip()
    except TimeoutError:
        return "silent"
    finally:
        writer.close()

async def echo(value): return value
async def hang(): await asyncio.Event().wait()
async def count(n):
    for i in range(n): yield i

EXPECTED = {"answers": "hello", "refuses": "refused", "silent": "silent"}[MOOD]
def live():
    '''What a process with a live client has: background work, an exit hook, an answered call.'''
    async def drain(budget):
        print("drained", await ask(0.3), flush=True)
    PORTAL.on_exit(drain, budget_seconds=2.0)
    background = PORTAL.spawn(ask, name="sender")
    assert PORTAL.call(ask, 0.2) == EXPECTED
    return background
def say(*words): print(*words, flush=True)
"""


@contextlib.contextmanager
def server(mood: str) -> Iterator[int]:
    """A port that echoes lines, refuses, or accepts and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    if mood == "refuses":
        listener.close()
        yield port
        return
    taken: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            if mood == "answers":
                with contextlib.suppress(OSError):
                    connection.sendall(connection.recv(100))
                    connection.close()

    thread = threading.Thread(target=serve, name="loopback server")
    thread.start()
    try:
        yield port
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in taken:
            connection.close()


def start(program: str, mood: str = "answers", port: int = 1) -> subprocess.Popen[str]:
    """Start a Python program after the prelude, in a process group of its own."""
    environment = {**os.environ, "PYTHONWARNINGS": "error,ignore::DeprecationWarning"}
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + program, mood, str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, output and errors; a hang is a failure."""
    try:
        out, err = process.communicate(timeout=HARD_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"the program hangs\n{out}\n{err}") from None
    return process.returncode, out, err


def run(program: str, mood: str = "answers", port: int = 1) -> tuple[int, str, str]:
    """Run a program to its end."""
    return end(start(program, mood, port))


def run_in(mood: str, program: str) -> tuple[int, str, str]:
    """Run a program against a server of that mood."""
    with server(mood) as port:
        return run(program, mood, port)
