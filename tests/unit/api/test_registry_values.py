"""The list of types that only grows, and how members are named."""

from __future__ import annotations

import base64

import pytest

from asyncwb.api import AddOnlyArtifactTypesList, MemberRole, Team, TeamMember, User, UserMember
from asyncwb.api.registries.changes import check_name, check_visibility
from asyncwb.api.registries.members import ids_of, role_name
from asyncwb.errors import InvalidValueError
from asyncwb.graphql.account_operations import TeamNode
from asyncwb.graphql.api_answers import UserNode
from asyncwb.graphql.service import Service
from asyncwb.settings import resolve


def identity(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_types_are_added_and_only_new_ones_removed() -> None:
    types = AddOnlyArtifactTypesList(["model", "dataset"])
    assert types == ["model", "dataset"]
    types.append("weights")
    types.append("weights")
    types.append("model")
    types.extend(["dataset", "code"])
    assert list(types) == ["model", "dataset", "weights", "code"]
    assert types.draft == ("weights", "code")
    assert (len(types), types[0], types[-1]) == (4, "model", "code")
    assert types[1:3] == ["dataset", "weights"]
    assert "code" in types
    assert "table" not in types
    types.insert(2, "first")
    types[3] = "heavy"
    assert list(types) == ["model", "dataset", "first", "heavy", "code"]
    types[3] = "model"
    assert types[3] == "heavy"
    types.remove("first")
    del types[-1]
    assert types.draft == ("heavy",)
    assert repr(types) == "AddOnlyArtifactTypesList(saved=['model', 'dataset'], draft=['heavy'])"


def test_saved_types_stay() -> None:
    types = AddOnlyArtifactTypesList(["model"])
    types.append("new")
    with pytest.raises(InvalidValueError, match="'model' is saved in the registry"):
        types.remove("model")
    with pytest.raises(InvalidValueError, match="not in the list"):
        types.remove("other")
    with pytest.raises(InvalidValueError, match="cannot be replaced or removed"):
        del types[0]
    with pytest.raises(InvalidValueError, match="cannot be replaced or removed"):
        types[0] = "other"
    with pytest.raises(InvalidValueError, match="the first 1 types are saved"):
        types.insert(0, "other")
    with pytest.raises(InvalidValueError, match="one by one"):
        del types[0:2]
    with pytest.raises(InvalidValueError, match="one by one"):
        types[0:2] = ["x"]
    with pytest.raises(IndexError):
        types[5] = "x"
    assert list(types) == ["model", "new"]


@pytest.mark.parametrize("wrong", ["", "a/b", "a:b", "x" * 129, 3])
def test_what_is_no_type_is_refused(wrong: str) -> None:
    types = AddOnlyArtifactTypesList()
    with pytest.raises(InvalidValueError, match="an artifact type"):
        types.append(wrong)
    assert len(types) == 0


def test_members_are_named_by_object_or_id() -> None:
    service = Service(resolve({}), 1.0)
    user = User(service, UserNode(id=identity("User:3"), username="ann"))
    team = Team(service, TeamNode(id=identity("Entity:5"), name="crew"))
    found = ids_of(
        [
            team,
            user,
            UserMember(user=user, role="viewer"),
            TeamMember(team=team, role="member"),
            identity("User:4"),
            identity("Entity:6"),
        ]
    )
    assert found.users == [identity("User:3"), identity("User:4")]
    assert found.teams == [identity("Entity:5"), identity("Entity:6")]


@pytest.mark.parametrize(
    "wrong",
    ["ann", "", identity("Project:3"), identity("User:"), UserNode(username="ann"), None, 3],
)
def test_what_names_no_member_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidValueError, match="a member of a registry is"):
        ids_of([wrong])  # type: ignore[list-item]


def test_roles() -> None:
    assert [role_name(role) for role in MemberRole] == [
        "admin",
        "member",
        "viewer",
        "restricted_viewer",
    ]
    assert role_name("viewer") == MemberRole.VIEWER
    assert role_name("restricted_viewer") == MemberRole.RESTRICTED_VIEWER
    for wrong in ("boss", "", None):
        with pytest.raises(InvalidValueError, match="a role is one of 'admin'"):
            role_name(wrong)  # type: ignore[arg-type]


def test_names_and_visibilities() -> None:
    assert check_name("models") == check_name("wandb-registry-models") == "models"
    assert check_name("x" * 113) == "x" * 113
    for wrong in ("", "wandb-registry-", "x" * 114, "a/b", "a:b", "a?b", "a\nb"):
        with pytest.raises(InvalidValueError, match="1 to 113 characters"):
            check_name(wrong)
    assert check_visibility("restricted") == "restricted"
    with pytest.raises(InvalidValueError, match="'organization' or 'restricted'"):
        check_visibility("public")
