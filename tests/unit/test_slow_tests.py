"""Slow tests run only when they are asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("asked", "short", "long"),
    [
        ([], True, False),
        (["-m", "slow"], False, True),
        (["--run-slow"], True, True),
    ],
)
def test_slow_tests_are_left_out_unless_asked_for(
    asked: list[str], short: bool, long: bool
) -> None:
    command = [sys.executable, "-m", "pytest", "tests/faults/test_transport_soak.py"]
    command += ["--collect-only", "-q", "-p", "no:cacheprovider", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("::test_soak[" in done.stdout) == short
    assert ("::test_long_soak[" in done.stdout) == long
