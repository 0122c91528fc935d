"""`config.yaml` as the protocol shows it; values are read back with PyYAML where it is there."""

import math

import pytest

from asyncwb.sender.yamltext import to_yaml


def test_the_captured_file() -> None:
    tree = {
        "opt": {"value": {"name": "sgd", "betas": [0.9, 0.99]}},
        "lr": {"value": 0.1},
        "_wandb": {
            "value": {
                "t": {"3": [2, 14], "12": "0.31.0", "4": "3.11.7", "13": "linux-x86_64"},
                "m": [],
                "e": {
                    "01a1fbc0-49b9-790d-9e6b-bd7b7ddf9328": {
                        "startedAt": "2026-11-21T01:37:25.430656Z",
                        "python": "CPython 3.11.7",
                        "disk": {"/": {"total": "270553174016"}},
                    }
                },
            }
        },
    }
    assert to_yaml(tree) == (
        "_wandb:\n"
        "    value:\n"
        "        e:\n"
        "            01a1fbc0-49b9-790d-9e6b-bd7b7ddf9328:\n"
        "                disk:\n"
        "                    /:\n"
        '                        total: "270553174016"\n'
        "                python: CPython 3.11.7\n"
        '                startedAt: "2026-11-21T01:37:25.430656Z"\n'
        "        m: []\n"
        "        t:\n"
        '            "3":\n'
        "                - 2\n"
        "                - 14\n"
        '            "4": 3.11.7\n'
        '            "12": 0.31.0\n'
        '            "13": linux-x86_64\n'
        "lr:\n"
        "    value: 0.1\n"
        "opt:\n"
        "    value:\n"
        "        betas:\n"
        "            - 0.9\n"
        "            - 0.99\n"
        "        name: sgd\n"
    )


def test_ambiguous_keys_are_quoted_and_infinity_is_a_yaml_one() -> None:
    assert to_yaml({"n": {"value": math.inf}, "3": {"value": None}}) == (
        '"3":\n    value: null\n"n":\n    value: .inf\n'
    )


VALUES = [
    "", " ", "yes", "No", "null", "~", "1", "1.5", "1e5", "0x1f", "0o17", "010",
    "12:30", "2026-01-02",
    ".5", ".inf", "-", "- a", "a: b", "a #b", "#", "é", "a\nb", "tab\t", '"q"', "'", "{", "[x]",
    "*a", "&a", "!t", "%d", "@x", "`", "plain text", "a/b.c", "=", "<<", "true", "on",
    "...", "---",
    1, -1, 2**63, 0.1, -2.5, 1e300, 1e-7, 1e22, True, False, None, [], {}, [[1, [2]], {"a": [{}]}],
    [{"a": 1, "b": [1, 2]}, "x"], {"deep": {"er": [None, {"z": ""}]}},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_every_value_reads_back_as_itself(value: object) -> None:
    yaml = pytest.importorskip("yaml")
    text = to_yaml({"k": {"value": value}, "y": {"value": [value]}})
    assert yaml.safe_load(text) == {"k": {"value": value}, "y": {"value": [value]}}


@pytest.mark.parametrize("key", [v for v in VALUES if isinstance(v, str)], ids=repr)
def test_every_key_reads_back_as_itself(key: str) -> None:
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(to_yaml({key: 1})) == {key: 1}
