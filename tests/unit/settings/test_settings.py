"""Where settings come from, what they may be, and that no message shows a key."""

from __future__ import annotations

import ast
import fcntl
import inspect
import os
import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from asyncwb.errors import InvalidValueError
from asyncwb.settings import ALIASES, ENVIRONMENT, BackgroundServer, Settings, fields, resolve

KEY = "f" * 40
DOCS = Path(__file__).parents[3] / "docs" / "settings.md"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An empty environment whose home and working directory are fresh folders."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return {"HOME": str(tmp_path)}


def write_settings(path: Path, **values: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[default]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()))


def test_every_source_wins_over_the_ones_below_it(home: dict[str, str], tmp_path: Path) -> None:
    assert resolve(environ=home).project is None
    write_settings(tmp_path / ".config/wandb/settings", project="global", entity="global")
    assert resolve(environ=home).project == "global"
    write_settings(tmp_path / "work/wandb/settings", project="local")
    assert resolve(environ=home).project == "local"
    home["WANDB_PROJECT"] = "environment"
    assert resolve(environ=home).project == "environment"
    settings = resolve({"project": "keyword", "entity": None}, environ=home)
    assert (settings.project, settings.entity) == ("keyword", "global")


def test_config_dir_moves_the_global_file(home: dict[str, str], tmp_path: Path) -> None:
    write_settings(tmp_path / "elsewhere/settings", entity="there", mode="offline")
    settings = resolve(environ=home | {"WANDB_CONFIG_DIR": str(tmp_path / "elsewhere")})
    assert (settings.entity, settings.mode) == ("there", "offline")


# The table of run.md 2.2 and the issue: each variable and the field it sets.
@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("WANDB_API_KEY", KEY, "api_key", KEY),
        ("WANDB_BASE_URL", "https://host:8443/px/", "base_url", "https://host:8443/px"),
        ("WANDB_APP_URL", "https://app.host/", "app_url", "https://app.host"),
        ("WANDB_ENTITY", "team", "entity", "team"),
        ("WANDB_PROJECT", "p q", "project", "p q"),
        ("WANDB_MODE", "dryrun", "mode", "offline"),
        ("WANDB_MODE", "shared", "mode", "shared"),
        ("WANDB_DIR", "/x", "root_dir", "/x"),
        ("WANDB_RUN_ID", "a%b c", "run_id", "a%b c"),
        ("WANDB_RESUME", "must", "resume", "must"),
        ("WANDB_NAME", "n", "run_name", "n"),
        ("WANDB_NOTES", "n", "run_notes", "n"),
        ("WANDB_TAGS", "a, b,", "run_tags", ("a", "b")),
        ("WANDB_IGNORE_GLOBS", "*.log, data/*", "ignore_globs", ("*.log", "data/*")),
        ("WANDB_SYMLINK", "false", "symlink", False),
        ("WANDB_RUN_GROUP", "g", "run_group", "g"),
        ("WANDB_JOB_TYPE", "j", "run_job_type", "j"),
        ("WANDB_SWEEP_ID", "s", "sweep_id", "s"),
        ("WANDB_SILENT", "true", "silent", True),
        ("WANDB_QUIET", "on", "quiet", True),
        ("WANDB_SILENT", "0", "silent", False),
        ("WANDB_HOST", "h", "host", "h"),
        ("WANDB_PROGRAM", "t.py", "program", "t.py"),
        ("WANDB_GIT_REMOTE_URL", "git@x", "git_remote_url", "git@x"),
        ("WANDB_GIT_COMMIT", "abc", "git_commit", "abc"),
        ("WANDB_USERNAME", "u", "username", "u"),
        ("WANDB_USER_EMAIL", "u@x", "email", "u@x"),
        ("WANDB_HTTP_TIMEOUT", "7", "http_timeout", 7.0),
        ("WANDB_FILE_PUSHER_TIMEOUT", "8.5", "file_timeout", 8.5),
        ("WANDB_INIT_TIMEOUT", "9", "init_timeout", 9.0),
        ("WANDB__EXTRA_HTTP_HEADERS", '{"A": "b"}', "extra_http_headers", (("A", "b"),)),
        ("ASYNCWB_STEP_ORDER", "raise", "step_order", "raise"),
        ("ASYNCWB_TRANSMIT_INTERVAL", "0.5", "transmit_interval", 0.5),
    ],
)
def test_environment(
    home: dict[str, str], variable: str, text: str, field: str, value: object
) -> None:
    assert getattr(resolve(environ=home | {variable: text}), field) == value
    assert getattr(resolve(environ=home | {variable: ""}), field) == getattr(Settings(), field)


@pytest.mark.parametrize(
    ("keyword", "value", "field", "expected"),
    [
        ("tags", "one", "run_tags", ("one",)),
        ("ignore_globs", ["a,b", "c"], "ignore_globs", ("a,b", "c")),
        ("tags", ["a", "b"], "run_tags", ("a", "b")),
        ("resume", True, "resume", "auto"),
        ("resume", False, "resume", None),
        ("dir", Path("/x"), "root_dir", "/x"),
        ("x_extra_http_headers", {"A": "b"}, "extra_http_headers", (("A", "b"),)),
        ("init_timeout", 5, "init_timeout", 5.0),
    ],
)
def test_keywords(
    home: dict[str, str], keyword: str, value: object, field: str, expected: object
) -> None:
    assert getattr(resolve({keyword: value}, environ=home), field) == expected


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        *[("run_id", text) for text in ["", " a", "a ", "a\nb", *(f"a{c}b" for c in ":;,#?/'")]],
        *[("project", text) for text in ["p" * 129, *(f"a{c}b" for c in "/\\#?%:")]],
        ("entity", "a/b"),
        ("run_tags", [""]),
        ("run_tags", ["t" * 65]),
        ("run_tags", 5),
        ("mode", "sometimes"),
        ("resume", "perhaps"),
        ("base_url", "host"),
        ("base_url", "ftp://host"),
        ("base_url", "http://"),
        ("base_url", "http://host:99999"),
        ("base_url", "http://user:secret@host"),
        ("base_url", "http://host?x=1"),
        ("base_url", "https://wandb.ai"),
        ("base_url", "http://api.wandb.ai"),
        ("init_timeout", 0),
        ("init_timeout", "soon"),
        ("silent", "perhaps"),
        ("step_order", "drop"),
        ("extra_http_headers", "x"),
    ],
)
def test_bad_values_are_named_with_their_source(
    home: dict[str, str], keyword: str, value: object
) -> None:
    with pytest.raises(InvalidValueError, match=f"keyword {keyword}") as caught:
        resolve({keyword: value}, environ=home)
    assert "secret" not in str(caught.value)


def test_limits_are_allowed(home: dict[str, str]) -> None:
    resolve({"project": "p" * 128, "run_tags": ["t" * 64], "run_id": "é%\\ x"}, environ=home)


def test_unknown_keyword_suggests_the_right_one(home: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError, match="Did you mean 'project'"):
        resolve({"projct": "x"}, environ=home)


def test_a_bad_value_in_the_environment_names_the_variable(home: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError, match="environment variable WANDB_MODE"):
        resolve(environ=home | {"WANDB_MODE": "sometimes"})


@pytest.mark.parametrize(
    ("keyword", "words"), [("mode", "'online', 'offline', 'disabled'"), ("resume", "'must'")]
)
def test_an_unknown_word_is_answered_with_the_known_ones(
    home: dict[str, str], keyword: str, words: str
) -> None:
    with pytest.raises(InvalidValueError, match=f"{keyword}: one of .*{words}.*keyword {keyword}"):
        resolve({keyword: "nope"}, environ=home)


def test_an_error_with_its_source_is_one_sentence(home: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        resolve({"base_url": "nonsense"}, environ=home)
    assert str(caught.value).endswith("'nonsense' (from keyword base_url).")


def test_a_bad_value_in_a_file_names_the_file(home: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "work/wandb/settings"
    write_settings(path, run_id="a/b", something_of_wandb="1")
    with pytest.raises(InvalidValueError, match=re.escape("file wandb")):
        resolve(environ=home)


def test_a_broken_file_is_an_error_that_shows_no_key(home: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "work/wandb/settings"
    path.parent.mkdir()
    path.write_text(f"[default]\napi_key {KEY}\n[")
    with pytest.raises(InvalidValueError, match="not valid INI") as caught:
        resolve(environ=home)
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__


def test_repr_hides_secrets(home: dict[str, str]) -> None:
    settings = resolve(
        {"api_key": KEY, "extra_http_headers": {"X-Gate": "s3cret"}, "project": "p"}, environ=home
    )
    for text in (repr(settings), str(settings), str(settings.__rich_repr__())):
        assert KEY not in text
        assert "s3cret" not in text
        assert "X-Gate" in text
        assert "project='p'" in text


def test_frozen() -> None:
    with pytest.raises(AttributeError):
        Settings().project = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("base", "app"),
    [
        ("https://api.wandb.ai", "https://wandb.ai"),
        ("https://api.example.org", "https://app.example.org"),
        ("http://127.0.0.1:8080/px", "http://127.0.0.1:8080/px"),
    ],
)
def test_web_url(base: str, app: str) -> None:
    assert Settings(base_url=base).web_url == app
    assert Settings(base_url=base, app_url="https://x").web_url == "https://x"


class TestBackgroundServer:
    @pytest.fixture
    def state(self, home: dict[str, str], tmp_path: Path) -> Path:
        path = tmp_path / ".config/wandb/asyncwb-server.json"
        path.parent.mkdir(parents=True)
        server = BackgroundServer(
            pid=os.getpid(),
            url="http://127.0.0.1:1234",
            api_key=KEY,
            entity="local",
            data_dir="/d",
            started=1.0,
        )
        path.write_bytes(msgspec.json.encode(server))
        assert KEY not in repr(server)
        return path

    def test_found_only_while_its_lock_is_held(self, home: dict[str, str], state: Path) -> None:
        default = Settings().base_url
        assert resolve(environ=home).base_url == default
        with state.with_suffix(".lock").open("w") as lock:
            assert resolve(environ=home).base_url == default
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = resolve(environ=home)
            assert (found.base_url, found.api_key) == ("http://127.0.0.1:1234", KEY)
        assert resolve(environ=home).base_url == default

    def test_not_mixed_with_another_server_or_key(self, home: dict[str, str], state: Path) -> None:
        with state.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            named = resolve({"base_url": "https://host"}, environ=home)
            assert (named.base_url, named.api_key) == ("https://host", None)
            keyed = resolve(environ=home | {"WANDB_API_KEY": "a" * 40})
            assert (keyed.base_url, keyed.api_key) == (Settings().base_url, "a" * 40)

    def test_a_damaged_file_counts_as_none(self, home: dict[str, str], state: Path) -> None:
        state.write_text("{")
        assert resolve(environ=home).base_url == Settings().base_url


def test_every_field_is_documented_and_has_a_variable() -> None:
    names = {field.name: field for field in msgspec.structs.fields(Settings)}
    assert set(ENVIRONMENT) == set(names)
    assert set(ALIASES.values()) <= set(names)
    rows = {
        cells[1].strip(" `"): cells
        for line in DOCS.read_text().splitlines()
        if (cells := line.split("|"))[0] == "" and len(cells) == 6
    }
    (body,) = (
        node.body
        for node in ast.parse(inspect.getsource(fields)).body
        if isinstance(node, ast.ClassDef)
    )
    documented = {
        before.target.id: ast.literal_eval(after.value)
        for before, after in pairwise(body)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
    }
    for name, field in names.items():
        cells = rows[name]
        for variable in ENVIRONMENT[name]:
            assert f"`{variable}`" in cells[2], name
        default = "none" if field.default in (None, ()) else str(field.default)
        assert cells[3].strip(" `").lower() == default.lower(), name
        assert cells[4].strip() == " ".join(documented[name].split()), name
