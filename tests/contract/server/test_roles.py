"""Roles of the server, of teams and of organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_access import add_user, post_as

if TYPE_CHECKING:
    from server_client import Client

INVITE = "mutation($i: CreateInviteInput!) { createInvite(input: $i) { invite { id } } }"
TEAM = 'mutation { createTeam(input: {teamName: "crew"}) { entity { id } } }'
MEMBERS = '{ entity(name: "crew") { members { name role admin pending } } }'


async def test_a_member_is_invited_with_a_role(client: Client) -> None:
    await client.data(TEAM)
    for name, role, admin in (("vic", "viewer", None), ("max", None, None), ("ann", None, True)):
        await add_user(client, name)
        given = {"entityName": "crew", "username": name, "role": role, "admin": admin}
        await client.data(INVITE, i=given)
    await client.data(INVITE, i={"entityName": "crew", "email": "later@x", "role": "viewer"})
    wrong = {"entityName": "crew", "email": "x@x", "role": "owner"}
    assert (await client.post(INVITE, i=wrong)).status_code == 400
    found = (await client.data(MEMBERS))["entity"]["members"]
    assert [(m["name"], m["role"], m["admin"], m["pending"]) for m in found] == [
        ("local", "admin", True, False), ("vic", "viewer", False, False),
        ("max", "member", False, False), ("ann", "admin", True, False),
        ("later@x", "viewer", False, True),
    ]  # fmt: skip
    later = await add_user(client, "later")
    upsert = (
        'mutation { upsertBucket(input: {entityName: "crew", modelName: "p", name: "r"})'
        " { inserted } }"
    )
    assert (await post_as(client, later, upsert)).status_code == 403
    await client.upsert("r", entityName="crew", modelName="p")
    assert (await post_as(client, later, upsert)).status_code == 403
    read = '{ project(name: "p", entityName: "crew") { run(name: "r") { name } } }'
    shown = (await post_as(client, later, read)).json()["data"]
    assert shown["project"]["run"] == {"name": "r"}
