"""Alerts, as the page reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server_client import Client

ALERT = """mutation($i: NotifyScriptableRunAlertInput!) {
  notifyScriptableRunAlert(input: $i) { success } }"""
FIELDS = "title text severity runName runDisplayName createdAt"


async def alert(client: Client, run: str, title: str, **more: Any) -> None:
    given = {"entityName": "local", "projectName": "demo", "runName": run, "title": title}
    await client.data(ALERT, i={**given, "text": f"{title}!", **more})


async def titles(client: Client, arguments: str = "") -> list[str]:
    document = f'{{ project(name: "demo") {{ alerts{arguments} {{ title }} }} }}'
    return [each["title"] for each in (await client.data(document))["project"]["alerts"]]


async def test_alerts_of_a_project_are_those_of_its_runs_newest_first(client: Client) -> None:
    for run in ("a", "b"):
        await client.upsert(run, displayName=f"run {run}")
    await alert(client, "a", "first")
    await alert(client, "b", "second", severity="WARN")
    await alert(client, "a", "third", severity="ERROR")
    assert await titles(client) == ["third", "second", "first"]
    assert await titles(client, "(first: 2)") == ["third", "second"]
    (only,) = (await client.run("b", f"alerts {{ {FIELDS} }}"))["alerts"]
    assert only.pop("createdAt").startswith("20")
    assert only == {
        "title": "second",
        "text": "second!",
        "severity": "WARN",
        "runName": "b",
        "runDisplayName": "run b",
    }


async def test_a_listing_goes_on_behind_an_alert(client: Client) -> None:
    for run in ("a", "b"):
        await client.upsert(run)
    for title, run in (("first", "a"), ("second", "b"), ("third", "a"), ("fourth", "a")):
        await alert(client, run, title)
    fields = "alerts(first: 2) { id title }"
    page = (await client.data(f'{{ project(name: "demo") {{ {fields} }} }}'))["project"]["alerts"]
    assert [each["title"] for each in page] == ["fourth", "third"]
    await alert(client, "a", "fifth")  # moves nothing
    after = page[-1]["id"]
    assert await titles(client, f'(first: 2, after: "{after}")') == ["second", "first"]
    (only,) = (await client.run("a", f'alerts(after: "{after}") {{ title }}'))["alerts"]
    assert only["title"] == "first"


async def test_no_alert_goes_on_behind_what_is_none(client: Client) -> None:
    await client.upsert("a")
    query = '{ project(name: "demo") { alerts(after: "x") { title } } }'
    assert "no alert with id" in (await client.post(query)).text


async def test_alerts_go_with_their_run_and_stay_in_their_project(client: Client) -> None:
    made = await client.upsert("a")
    await client.upsert("x", modelName="other")
    await alert(client, "a", "here")
    await alert(client, "x", "there", projectName="other")
    assert await titles(client) == ["here"]
    await client.data(
        "mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }",
        id=made["bucket"]["id"],
    )
    assert await titles(client) == []
