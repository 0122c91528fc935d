"""Write `asyncwb.sync`, the blocking face, from the async classes.

    python tools/gen_sync.py            write the files
    python tools/gen_sync.py --check    compare, write nothing, exit 1 when they differ

It reads source with `ast` and never imports it. A method of the blocking face is one line that
hands the call to the portal; signatures, overloads and docstrings are copied. Rules:

    async def m(..) -> T                 def m(..) -> T: PORTAL.call(self._async.m, ..)
    AsyncIterator[T], AsyncGenerator     Iterator[T], read through PORTAL.iterate
    __aenter__, __aexit__, __aiter__     __enter__, __exit__, __iter__
    a class of the tables below          its blocking twin, wrapped in results
    Awaitable[T] as a result             T
    a classmethod                        a classmethod
    length(), get(i), slice(..), next()  also len(x), x[i], x[a:b], next(x)
    class C(Base["X"]), Base in T        the members of Base with X in the place of T
    def m(..) with `# sync: fast`        an async method that calls `_<name>_nowait` without a hop
    async def m(..) with `# sync: here`  PORTAL.here(self._async.m, ..): in the caller's thread
    async def m(self) with `# sync: property`  a property
    items() with `# sync: batches`       the items of `batches()`, whose lists cross threads whole
    anything with `# sync: loaded`       calls `self.load()` first
    anything with `# sync: lazy`         the same, where `self.lazy` says that it has to
    anything with `# sync: manual`       left out; written by hand in `sync/_manual.py`

The methods of `Run` that CURRENT names become module-level functions of both faces, which call
that method of the current run.

Public instance attributes are seen where they are annotated: `self.name: str = ...`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))

from syncgen.current import Current, render_current  # noqa: E402
from syncgen.modules import Plan, Source  # noqa: E402
from syncgen.render import render  # noqa: E402

PLAN = Plan(
    src=ROOT / "src",
    target="asyncwb.sync",
    sources=(
        Source("asyncwb.run.run", "_run", ("Run",), late=frozenset({"Artifact"})),
        Source("asyncwb.run.init", "_init", ("init",)),
        Source("asyncwb.login", "_login", ("login",)),
        Source("asyncwb.run.restoring", "_restore", ("restore",)),
        Source("asyncwb.current", "_current", ("finish",)),
        Source("asyncwb.api.api", "_api", ("Api",)),
        Source("asyncwb.api.runs", "_api_runs", ("Runs",)),
        Source("asyncwb.api.run", "_api_run", ("Run",)),
        Source("asyncwb.api.history", "_api_history", ("HistoryScan",)),
        Source("asyncwb.api.following", "_api_following", ("HistoryFollow",)),
        Source("asyncwb.api.watching", "_api_watching", ("RunChange", "RunWatch")),
        Source("asyncwb.api.client", "_api_client", ("Client",)),
        Source("asyncwb.api.console_logs", "_api_console_logs", ("ConsoleLogs",)),
        Source("asyncwb.api.projects", "_api_projects", ("Project", "Projects")),
        Source("asyncwb.api.reports", "_api_reports", ("BetaReport", "Reports")),
        Source("asyncwb.api.sweeps", "_api_sweeps", ("Sweep",)),
        Source("asyncwb.api.sweep_agents", "_api_sweep_agents", ("Agent", "AgentRuns")),
        Source("asyncwb.api.sweep_listing", "_api_sweep_listing", ("Sweeps",)),
        Source("asyncwb.api.team", "_api_team", ("Member", "Team")),
        Source("asyncwb.api.user", "_api_user", ("User",)),
        Source("asyncwb.api.files", "_api_files", ("File", "Files")),
        Source("asyncwb.api.media", "_api_media", ("MediaValue",)),
        Source("asyncwb.api.summary", "_api_summary", ("Summary",)),
        Source("asyncwb.sweeps.create", "_sweep", ("sweep",)),
        Source("asyncwb.sweeps.agent", "_agent", ("agent",)),
        Source("asyncwb.api.artifacts", "_api_artifacts", ("ArtifactVersions", "RunArtifacts")),
        Source("asyncwb.api.artifact_files", "_api_artifact_files", ("ArtifactFiles",)),
        Source("asyncwb.api.artifact_types", "_api_artifact_types", ("ArtifactType",)),
        Source("asyncwb.api.collections", "_api_collections", ("ArtifactCollection",)),
        Source(
            "asyncwb.api.listings",
            "_api_listings",
            ("ProjectArtifactCollections", "ProjectArtifactTypes"),
        ),
        Source(
            "asyncwb.api.automation_listings",
            "_api_automations",
            ("Automations", "Integrations", "SlackIntegrations", "WebhookIntegrations"),
        ),
        Source("asyncwb.api.registries.listings", "_registries", ("Registries",)),
        Source("asyncwb.api.registries.search", "_registry_search", ("Collections", "Versions")),
        Source("asyncwb.api.registries.registry", "_registry", ("Registry",)),
        Source("asyncwb.api.registries.members", "_registry_members", ("TeamMember", "UserMember")),
        Source("asyncwb.artifacts.entry", "_artifact_entry", ("ArtifactEntry",)),
        Source("asyncwb.artifacts.artifact", "_artifact", ("Artifact",)),
    ),
    constructed=frozenset({("asyncwb.api.api", "Api"), ("asyncwb.artifacts.fields", "Artifact")}),
    starters={"RunInit": ("asyncwb.run.run", "Run")},
    by_hand=frozenset({"__init__.py", "_base.py", "_export.py", "_manual.py", "api.py"}),
)

CURRENT = Current(
    source=Source("asyncwb.run.run", "_functions", ("Run",)),
    methods=(
        *("alert", "define_metric", "finish_artifact", "flush", "link_artifact", "link_model"),
        *("log", "log_artifact", "log_code", "log_model", "mark_preempting", "save"),
        *("unwatch", "upsert_artifact", "use_artifact", "use_model", "watch"),
    ),
    find=("asyncwb.current", "require_run"),
    target="asyncwb.functions",
)


@dataclass(frozen=True)
class Outcome:
    """Generated text per file, and the files that nobody declared."""

    files: dict[Path, str]
    strangers: list[Path]


def generate(plan: Plan, current: Current | None = None) -> Outcome:
    """Generate every file of a plan, formatted, and the functions of the current object."""
    folder = plan.src.joinpath(*plan.target.split("."))
    files = {
        folder / f"{source.file}.py": formatted(render(plan, source)) for source in plan.sources
    }
    if current is not None:
        face = plan.src.joinpath(*current.target.split(".")).with_suffix(".py")
        files[face] = formatted(render_current(plan, current, blocking=False))
        twin = folder / f"{current.source.file}.py"
        files[twin] = formatted(render_current(plan, current, blocking=True))
    declared = {path.name for path in files} | plan.by_hand
    strangers = sorted(path for path in folder.glob("*.py") if path.name not in declared)
    return Outcome(files, strangers)


def formatted(text: str) -> str:
    """The text as ruff formats it, imports sorted."""
    for command in (
        ["check", "--select", "I,F401", "--fix", "--quiet"],
        ["format", "--quiet"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", "generated.py", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        if done.returncode:
            raise SystemExit(f"ruff refused generated code:\n{done.stderr or done.stdout}")
        text = done.stdout
    return text


def main(arguments: list[str] | None = None) -> int:
    """Run as a command; the exit code."""
    parser = argparse.ArgumentParser(description="Write asyncwb.sync from the async classes.")
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args(arguments).check
    outcome = generate(PLAN, CURRENT)
    wrong = [f"{path.name}: not declared in PLAN" for path in outcome.strangers]
    for path, text in outcome.files.items():
        if path.exists() and path.read_text() == text:
            continue
        if check:
            wrong.append(f"{path.name}: differs from what its source gives")
        else:
            path.write_text(text)
            print("wrote", path.relative_to(ROOT))
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong and check:
        print("run: python tools/gen_sync.py", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
