"""Developer sessions. `nox` alone runs everything that CI checks; `nox -s demo` runs the demo."""

import os
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_external_run = True
nox.options.sessions = [
    "lint", "layers", "gen", "types", "tests", "interop", "postgres", "browser", "examples",
]  # fmt: skip

# With what the package needs for media.
WANDB = ("wandb==0.31.0", "pillow", "soundfile")
# Older versions, each with what it needs under today's Python.
OLDER = {
    "0.12.21": ("setuptools<81", "protobuf<5", "numpy<2"),
    "0.16.6": ("setuptools<81", "protobuf<5", "numpy<2"),
    "0.19.11": ("numpy",),
    "0.25.1": ("numpy",),
}
# With what media are made of.
FIGURES = ("matplotlib", "plotly", "bokeh", "rdkit", "moviepy")
# With the libraries whose output a run follows.
TORCH = ("torch==2.13.0", "tensorboard", "tensorboardX", "gymnasium", "moviepy")


def run_pytest(session: nox.Session, *args: str) -> None:
    """Run the tests; those that failed run once more, alone, and have to pass then.

    On a busy machine a test beside another one can miss its time. The first failure stays in the
    output, a test that is wrong fails twice.
    """
    cache = Path(session.virtualenv.location) / "pytest-cache"
    options = ("-o", f"cache_dir={cache}")
    session.run("pytest", *options, "--cache-clear", *args, success_codes=[0, 1])
    if (cache / "v" / "cache" / "lastfailed").exists():
        session.run("pytest", *options, "--last-failed", *args, "-n", "0")


@nox.session
def demo(session: nox.Session) -> None:
    """Train, log, read back and plot on an embedded server. Output in ./demo-output."""
    session.install("-e", ".[demo]")
    session.run("python", "examples/demo.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests that need nothing but the package and its extras."""
    session.install("-e", ".[test]", "ipython")
    args = session.posargs or ["-n", "2", "-m", "not slow and not interop"]
    run_pytest(session, *args)


@nox.session
def interop(session: nox.Session) -> None:
    """The tests against the real wandb package, in both directions."""
    session.install("-e", ".[test]", *WANDB, *FIGURES, "tqdm")
    run_pytest(session, "-m", "interop and not slow", "-n", "2", *session.posargs)


@nox.session
def older(session: nox.Session) -> None:
    """Older versions of the wandb package on the server; `-- 0.16.6` for one. Not in CI."""
    chosen = [version for version in OLDER if version in session.posargs] or list(OLDER)
    session.install("-e", ".[test]")
    folder = Path(session.create_tmp()).absolute()  # each test has a folder of its own
    pythons = []
    for version in chosen:
        place = folder / version
        python = place / "bin" / "python"
        if not python.exists():
            session.run("python", "-m", "venv", str(place))
        needs = (f"wandb=={version}", *OLDER[version], "pillow")
        session.run(str(python), "-m", "pip", "install", "-q", *needs, external=True)
        pythons.append(str(python))
    session.run(
        "pytest", "tests/interop/test_older_sdks.py", "-m", "interop", "-n", "1",
        env={"ASYNCWB_OLDER_SDKS": os.pathsep.join(pythons)},
    )  # fmt: skip


@nox.session
def torch(session: nox.Session) -> None:
    """Real torch: DataLoader workers, tensors in rows, watched models, TensorBoard and gym."""
    session.install("-e", ".[test]", *TORCH, *WANDB)
    run_pytest(session, "-m", "torch and not slow", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """The page of the server in Debian's Chromium (`apt-get install chromium`)."""
    session.install("-e", ".[test,demo]", "playwright", "plotly", "bokeh")
    # native: the driver's greenlets and the assertion rewriting of pytest's own style do not mix
    run_pytest(session, "tests/browser", "--tb=native", *session.posargs)


@nox.session
def postgres(session: nox.Session) -> None:
    """The server on PostgreSQL and on an object store (`apt-get install postgresql`).

    `-- ARGS` of pytest for more than what CI runs.
    """
    session.install("-e", ".[test]", *WANDB)
    # a private cluster is started; as root it runs as the user `postgres`
    args = session.posargs or [
        "tests/contract/server",
        "tests/contract/test_api_contract.py",
        "tests/contract/test_run_live.py",
        "tests/contract/test_run_artifacts.py",
        "tests/contract/test_sweep_agents.py",
        "tests/interop/test_server_sdk.py",
        "tests/interop/test_artifacts_sdk.py",
        "tests/interop/test_sweeps_interop.py",
    ]
    places = ("--database", "postgresql", "--blobs", "s3")
    run_pytest(session, *places, "-n", "2", "-m", "not slow", *args)


@nox.session
def soak(session: nox.Session) -> None:
    """The long fault and soak runs."""
    session.install("-e", ".[test]", *WANDB)
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting."""
    session.install("-e", ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def layers(session: nox.Session) -> None:
    """Who may import whom."""
    session.install("-e", ".[server,lint]")
    session.run("lint-imports")


@nox.session
def gen(session: nox.Session) -> None:
    """Write the blocking facade anew; with `-- --check` (and in CI) only compare."""
    session.install("-e", ".[lint]")
    args = session.posargs or ["--check"]
    session.run("python", "tools/gen_sync.py", *[a for a in args if a != "--write"])


@nox.session
def types(session: nox.Session) -> None:
    """Types of the library and of its users' view, under mypy and pyright."""
    session.install("-e", ".[types]")
    session.run("mypy")
    session.run("pyright")


@nox.session
def examples(session: nox.Session) -> None:
    """Run the demo and the gallery in a short form, and the sweep."""
    session.install("-e", ".[demo,media]", *FIGURES)
    session.run("python", "examples/demo.py", "--quick", "--output", session.create_tmp())
    session.run("python", "examples/gallery.py", "--quick", "--output", session.create_tmp())
    session.run("python", "examples/sweep.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against the wandb package and the raw limit in one run."""
    # Not the test extra: httpx imports trio where it is installed, which users seldom have.
    session.install("-e", ".[server,pandas,media]", *WANDB, TORCH[0], "playwright")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Check that the documentation is complete and true: links, names, snippets."""
    session.install("-e", ".[test]", "matplotlib")
    session.run("pytest", "tests/docs", "-n", "0", *session.posargs)
