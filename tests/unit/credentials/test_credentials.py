"""Keys: their form, netrc as the wandb package keeps it, and silence about their value."""

from __future__ import annotations

import netrc
from pathlib import Path

import pytest

from asyncwb.credentials import (
    Credential,
    check_key,
    find_key,
    netrc_machine,
    netrc_path,
    read_netrc,
    require_key,
    write_netrc,
)
from asyncwb.errors import AuthenticationError, UsageError
from asyncwb.settings import Settings

KEY = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
HOST = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "local-" + KEY,
        "a_B-" + "_" * 39 + "-",
        "w" * 87,
        "eyJh.eyJz.c2ln",
        f"  {KEY}\n",
    ],
)
def test_keys_that_pass(key: str) -> None:
    assert check_key(key, source="here") == key.strip()


# Measured with the wandb package: length counts after the first "-"; the alphabet is [A-Za-z0-9_-].
@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "0 characters"),
        (KEY[:-1], "39 characters"),
        ("local-" + KEY[:-1], "39 characters"),
        (KEY + "!", "other characters"),
        (KEY + " x", "other characters"),
        (KEY + "é", "other characters"),
    ],
)
def test_keys_that_cannot_be(key: str, message: str) -> None:
    with pytest.raises(AuthenticationError, match=f"from here has .*{message}") as caught:
        check_key(key, source="here")
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "machine"),
    [
        ("https://api.wandb.ai", "api.wandb.ai"),
        ("https://api.wandb.ai:443/px", "api.wandb.ai"),
        ("http://host:80", "host"),
        ("https://host:80", "host:80"),
        (HOST, "127.0.0.1:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://Host", "host"),
    ],
)
def test_machine(url: str, machine: str) -> None:
    assert netrc_machine(url) == machine


def test_written_as_the_wandb_package_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "netrc"
    write_netrc(HOST, KEY, path)
    assert path.read_text() == f"machine 127.0.0.1:8080\n  login user\n  password {KEY}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_netrc(HOST, path) == KEY
    assert read_netrc("http://127.0.0.1:8081", path) is None
    assert read_netrc("http://127.0.0.1", path) is None
    assert [p.name for p in path.parent.iterdir()] == ["netrc"]


def test_other_entries_stay(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text(
        "# mine\nmachine a login b password c\n"
        f"machine 127.0.0.1:8080\n\tlogin user\n\tpassword {OTHER}\n"
        "macdef init\n machine 127.0.0.1:8080 is not an entry here\n\n"
        "default login x password y"
    )
    path.chmod(0o644)
    write_netrc(HOST, KEY, path)
    assert path.read_text() == (
        "# mine\nmachine a login b password c\n"
        "macdef init\n machine 127.0.0.1:8080 is not an entry here\n\n"
        "default login x password y\n"
        f"machine 127.0.0.1:8080\n  login user\n  password {KEY}\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_netrc(HOST, path) == KEY
    assert netrc.netrc(str(path)).hosts["a"] == ("b", "", "c")


def test_a_linked_file_stays_a_link(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "netrc"
    link = tmp_path / "netrc"
    target.parent.mkdir()
    link.symlink_to(target)
    write_netrc(HOST, KEY, link)
    assert link.is_symlink()
    assert read_netrc(HOST, target) == KEY


def test_an_unwritable_place_is_an_error_without_the_key(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be stored") as caught:
        write_netrc(HOST, KEY, tmp_path / "file" / "netrc")
    assert KEY not in str(caught.value)


def test_a_broken_file_is_an_error_without_the_key(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text(f"machine 127.0.0.1:8080 {KEY}\n")
    with pytest.raises(AuthenticationError, match="not a valid netrc file") as caught:
        read_netrc(HOST, path)
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__


def test_where_the_file_is(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert netrc_path(environ) == tmp_path / ".netrc"
    (tmp_path / "_netrc").touch()
    assert netrc_path(environ) == tmp_path / "_netrc"
    (tmp_path / ".netrc").touch()
    assert netrc_path(environ) == tmp_path / ".netrc"
    assert netrc_path(environ | {"NETRC": "/n"}) == Path("/n")


def test_the_settings_win_over_netrc(tmp_path: Path) -> None:
    environ = {"NETRC": str(tmp_path / "netrc")}
    settings = Settings(base_url=HOST)
    assert find_key(settings, environ=environ) is None
    with pytest.raises(AuthenticationError, match=r"WANDB_API_KEY.*netrc.*asyncwb login"):
        require_key(settings, environ=environ)
    write_netrc(HOST, OTHER, tmp_path / "netrc")
    assert require_key(settings, environ=environ) == Credential(OTHER, str(tmp_path / "netrc"))
    named = find_key(Settings(base_url=HOST, api_key=KEY), environ=environ)
    assert named == Credential(KEY, "the settings")
    assert KEY not in repr(named)


def test_a_bad_key_names_its_source(tmp_path: Path) -> None:
    environ = {"NETRC": str(tmp_path / "netrc")}
    write_netrc(HOST, "short", tmp_path / "netrc")
    with pytest.raises(AuthenticationError, match=str(tmp_path)):
        find_key(Settings(base_url=HOST), environ=environ)
