"""Operations of users, API keys and teams."""

from __future__ import annotations

import msgspec

from asyncwb.graphql.api_answers import ApiKeyNode, UserNode  # noqa: TC001 - msgspec reads them
from asyncwb.graphql.api_operations import USER_FIELDS
from asyncwb.graphql.operation import Operation

__all__ = [
    "CREATE_KEY",
    "CREATE_KEY_FOR",
    "CREATE_SERVICE_ACCOUNT",
    "CREATE_TEAM",
    "CREATE_USER",
    "DELETE_KEY",
    "INVITE",
    "REMOVE_MEMBER",
    "TEAM",
    "USERS",
    "MemberNode",
    "TeamNode",
]


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the answers: camel case on the wire."""


class _UserEdge(_Answer, frozen=True):
    node: UserNode | None = None


class _Users(_Answer, frozen=True):
    edges: list[_UserEdge] = []


class UsersAnswer(_Answer, frozen=True):
    """Answer of `USERS`."""

    users: _Users | None = None


class _Made(_Answer, frozen=True):
    user: UserNode | None = None


class UserAnswer(_Answer, frozen=True):
    """Answer of `CREATE_USER` and `CREATE_SERVICE_ACCOUNT`."""

    result: _Made | None = None


class _Key(_Answer, frozen=True):
    api_key: ApiKeyNode | None = None


class KeyAnswer(_Answer, frozen=True):
    """Answer of `CREATE_KEY`."""

    result: _Key | None = None


class _Success(_Answer, frozen=True):
    success: bool | None = None


class SuccessAnswer(_Answer, frozen=True):
    """Answer of the mutations of which only the success counts."""

    result: _Success | None = None


class MemberNode(_Answer, frozen=True):
    """A member of a team, or somebody who is invited."""

    name: str
    id: str | None = None
    username: str | None = None
    email: str | None = None
    admin: bool | None = None
    pending: bool | None = None
    role: str | None = None
    photo_url: str | None = None
    account_type: str | None = None
    api_key: str | None = None


class TeamNode(_Answer, frozen=True):
    """An entity; its members where it is a team."""

    id: str
    name: str
    available: bool | None = None
    photo_url: str | None = None
    read_only: bool | None = None
    read_only_admin: bool | None = None
    is_team: bool | None = None
    entity_type: str | None = None
    private_only: bool | None = None
    storage_bytes: int | str | None = None
    code_saving_enabled: bool | None = None
    default_access: str | None = None
    is_paid: bool | None = None
    members: list[MemberNode] = []


class TeamAnswer(_Answer, frozen=True):
    """Answer of `TEAM`."""

    entity: TeamNode | None = None


class _Named(_Answer, frozen=True):
    id: str


class _Entity(_Answer, frozen=True):
    entity: _Named | None = None


class CreatedTeamAnswer(_Answer, frozen=True):
    """Answer of `CREATE_TEAM`."""

    result: _Entity | None = None


class _Invite(_Answer, frozen=True):
    invite: _Named | None = None


class InviteAnswer(_Answer, frozen=True):
    """Answer of `INVITE`."""

    result: _Invite | None = None


USERS = Operation(
    "Users",
    f"""query Users($query: String) {{
  users(query: $query) {{ edges {{ node {{ {USER_FIELDS} }} }} }}
}}""",
    UsersAnswer,
)
CREATE_USER = Operation(
    "CreateUser",
    """mutation CreateUser($email: String!, $admin: Boolean) {
  result: createUser(input: {email: $email, admin: $admin}) {
    user { id name username email admin }
  }
}""",
    UserAnswer,
)


def create_key(whose: str = "") -> Operation[KeyAnswer]:
    """The mutation that makes a key."""
    declared = ", $username: String" if whose else ""
    return Operation(
        "CreateKey",
        f"""mutation CreateKey($description: String{declared}) {{
  result: generateApiKey(input: {{description: $description{whose}}}) {{
    apiKey {{ id name description }}
  }}
}}""",
        KeyAnswer,
    )


CREATE_KEY = create_key()
CREATE_KEY_FOR = create_key(", username: $username")
"""For another user. Of an asyncwb server alone: other servers refuse the field."""

DELETE_KEY = Operation(
    "DeleteKey",
    """mutation DeleteKey($id: String!) {
  result: deleteApiKey(input: {id: $id}) { success }
}""",
    SuccessAnswer,
)
TEAM = Operation(
    "Team",
    """query Team($name: String!) {
  entity(name: $name) {
    id name available photoUrl readOnly readOnlyAdmin isTeam entityType privateOnly storageBytes
    codeSavingEnabled defaultAccess isPaid
    members {
      id name username email admin pending role photoUrl accountType apiKey
    }
  }
}""",
    TeamAnswer,
)
CREATE_TEAM = Operation(
    "CreateTeam",
    """mutation CreateTeam($team: String!, $admin: String) {
  result: createTeam(input: {teamName: $team, teamAdminUserName: $admin}) { entity { id } }
}""",
    CreatedTeamAnswer,
)


def invite(role: str = "") -> Operation[InviteAnswer]:
    """The mutation that invites somebody to a team."""
    declared = ", $role: String" if role else ""
    return Operation(
        "Invite",
        f"""mutation Invite(
  $team: String!, $email: String, $username: String, $admin: Boolean{declared}
) {{
  result: createInvite(input: {{
    entityName: $team, email: $email, username: $username, admin: $admin{role}
  }}) {{ invite {{ id }} }}
}}""",
        InviteAnswer,
    )


INVITE = invite()
INVITE_AS = invite(", role: $role")
"""With any role. Of an asyncwb server alone: other servers refuse the field."""

REMOVE_MEMBER = Operation(
    "RemoveMember",
    """mutation RemoveMember($team: String!, $id: String!) {
  result: deleteInvite(input: {entityName: $team, id: $id}) { success }
}""",
    SuccessAnswer,
)
CREATE_SERVICE_ACCOUNT = Operation(
    "CreateServiceAccount",
    """mutation CreateServiceAccount($team: String!, $description: String!) {
  result: createServiceAccount(input: {entityName: $team, description: $description}) {
    user { id }
  }
}""",
    UserAnswer,
)
