"""Automations on the server: kept, changed, and acting on what happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from artifact_client import ArtifactClient

from asyncwb.server.ids import make_id

if TYPE_CHECKING:
    from server_client import Client

FIELDS = """id name description enabled createdAt updatedAt lastExecutedAt executionCount
  scope { __typename ... on Project { id name } ... on Entity { id name entityType }
    ... on ArtifactSequence { id name } ... on ArtifactPortfolio { id name } }
  event: triggeringCondition { ... on FilterEventTriggeringCondition { eventType filter } }
  action: triggeredAction { __typename
    ... on NotificationTriggeredAction { title message severity
      integration { ... on SlackIntegration { id teamName channelName } } }
    ... on NoOpTriggeredAction { noOp } }"""
CREATE = f"mutation($i: CreateFilterTriggerInput!) {{ result: createFilterTrigger(input: $i) {{ trigger {{ {FIELDS} }} }} }}"  # noqa: E501 - a document
UPDATE = CREATE.replace("Create", "Update").replace("createF", "updateF")
DELETE = "mutation($id: ID!) { deleteTrigger(input: {triggerID: $id}) { success } }"
NOTHING = {
    "triggeredActionType": "NO_OP", "triggeredActionConfig": {"noOpActionInput": {"noOp": True}},
}  # fmt: skip


def metric(**condition: Any) -> str:
    """The text that clients send of a threshold, of every run."""
    condition = {"name": "loss", "cmp_op": "$gt", "threshold": 1, **condition}
    choice = {"threshold_filter": condition}
    return json.dumps({"run_filter": '{"$and":[]}', "run_metric_filter": choice})


async def project_id(client: Client) -> str:
    found = await client.data('mutation { upsertModel(input: {name: "demo"}) { project { id } } }')
    return str(found["upsertModel"]["project"]["id"])


async def notification(client: Client, **config: Any) -> dict[str, Any]:
    found = await client.data(
        '{ entity(name: "local") { integrations { edges { node { ... on SlackIntegration { id } } }'
        " } } }"
    )
    (edge,) = found["entity"]["integrations"]["edges"]
    config = {"integrationID": edge["node"]["id"], **config}
    return {
        "triggeredActionType": "NOTIFICATION",
        "triggeredActionConfig": {"notificationActionInput": config},
    }


async def make(client: Client, event: str, text: str, **more: Any) -> Any:
    given = {
        "name": event, "enabled": True, "scopeType": "PROJECT", "triggeringEventType": event,
        "eventFilter": text, **NOTHING, **more,
    }  # fmt: skip
    if "scopeID" not in given:
        given["scopeID"] = await project_id(client)
    return (await client.data(CREATE, i=given))["result"]["trigger"]


async def alerts(client: Client) -> list[Any]:
    document = '{ project(name: "demo") { alerts { title text severity runName } } }'
    return [list(each.values()) for each in (await client.data(document))["project"]["alerts"]]


async def by_pages(client: Client, size: int) -> list[Any]:
    """All alerts, each page behind the last one of the page before."""
    document = """query($first: Int, $after: ID) { project(name: "demo") {
        alerts(first: $first, after: $after) { id title text severity runName } } }"""
    found: list[Any] = []
    after = None
    while page := (await client.data(document, first=size, after=after))["project"]["alerts"]:
        found += [list(each.values())[1:] for each in page]
        after = page[-1]["id"]
    return found


async def every(client: Client, arguments: str = "") -> Any:
    document = f"""{{ entity(name: "local") {{ triggers{arguments} {{
        edges {{ node {{ {FIELDS} }} }} pageInfo {{ endCursor hasNextPage }} }} }} }}"""
    return (await client.data(document))["entity"]["triggers"]


async def counts(client: Client) -> dict[str, int]:
    return {e["node"]["name"]: e["node"]["executionCount"] for e in (await every(client))["edges"]}


# -- kept -----------------------------------------------------------------------------------------


async def test_an_automation_is_answered_as_it_was_made(client: Client) -> None:
    action = await notification(client, title="T", message="M", severity="WARN")
    made = await make(client, "RUN_METRIC", metric(), name="a", description="d", **action)
    (edge,) = (await every(client))["edges"]
    assert edge["node"] == made
    assert made["createdAt"].startswith("20")
    assert [made[key] for key in ("updatedAt", "lastExecutedAt", "executionCount")] == [
        None, None, 0,
    ]  # fmt: skip
    assert made["scope"] == {
        "__typename": "Project", "id": await project_id(client), "name": "demo",
    }  # fmt: skip
    assert made["event"] == {"eventType": "RUN_METRIC", "filter": metric()}
    assert made["action"] == {
        "__typename": "NotificationTriggeredAction", "title": "T", "message": "M",
        "severity": "WARN", "integration": {
            "id": action["triggeredActionConfig"]["notificationActionInput"]["integrationID"],
            "teamName": "local", "channelName": "alerts"},
    }  # fmt: skip
    # events of artifacts have a level more in the answer than they were given
    linked = await make(client, "LINK_MODEL", '{"$or":[{"$and":[]}]}')
    assert linked["event"]["filter"] == '{"filter":"{\\"$or\\":[{\\"$and\\":[]}]}"}'


async def test_they_are_listed_by_page_and_name(client: Client) -> None:
    for name in "abc":
        await make(client, "CREATE_ARTIFACT", "{}", name=name)

    def names(page: Any) -> list[str]:
        return [edge["node"]["name"] for edge in page["edges"]]

    page = await every(client, "(first: 2)")
    assert (names(page), page["pageInfo"]["hasNextPage"]) == (["a", "b"], True)
    rest = await every(client, f'(first: 2, after: "{page["pageInfo"]["endCursor"]}")')
    assert (names(rest), rest["pageInfo"]["hasNextPage"]) == (["c"], False)
    assert names(await every(client, '(filters: "{\\"name\\": \\"b\\"}")')) == ["b"]
    listed = await client.data('{ project(name: "demo") { triggers { name } } }')
    assert [each["name"] for each in listed["project"]["triggers"]] == ["a", "b", "c"]


async def test_changes_and_the_end(client: Client) -> None:
    made = await make(client, "RUN_STATE", '{"run_state_filter": {"states": ["FINISHED"]}}')
    given = {"id": made["id"], "enabled": False, "description": "off"}
    changed = (await client.data(UPDATE, i=given))["result"]["trigger"]
    assert changed["updatedAt"] is not None
    assert {**changed, "updatedAt": None} == {**made, "enabled": False, "description": "off"}
    given = {"id": made["id"], "triggeringEventType": "RUN_METRIC", "eventFilter": metric()}
    changed = (await client.data(UPDATE, i=given))["result"]["trigger"]
    assert changed["event"]["eventType"] == "RUN_METRIC"
    assert await client.data(DELETE, id=made["id"]) == {"deleteTrigger": {"success": True}}
    for document, gone in ((UPDATE, {"i": given}), (DELETE, {"id": made["id"]})):
        assert (await client.post(document, **gone)).status_code == 404
    assert (await every(client))["edges"] == []


async def test_a_name_is_taken_once(client: Client) -> None:
    await make(client, "CREATE_ARTIFACT", "{}", name="a")
    other = await make(client, "CREATE_ARTIFACT", "{}", name="b")
    given = {
        "name": "a", "enabled": True, "scopeType": "PROJECT", "scopeID": await project_id(client),
        "triggeringEventType": "RUN_METRIC", "eventFilter": metric(), **NOTHING,
    }  # fmt: skip
    assert (await client.post(CREATE, i=given)).status_code == 409
    assert (await client.post(UPDATE, i={"id": other["id"], "name": "a"})).status_code == 409


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ("RUN_METRIC", "{}"), ("RUN_METRIC", "loss"), ("RUN_METRIC", metric(cmp_op="$eq")),
        ("RUN_METRIC", metric(window_size=0)), ("RUN_METRIC", metric(agg_op="SUM")),
        ("RUN_METRIC", metric(threshold="high")), ("RUN_METRIC_CHANGE", metric()),
        ("RUN_STATE", '{"run_state_filter": {"states": ["ASLEEP"]}}'),
        ("RUN_STATE", '{"run_state_filter": {"states": []}}'),
        ("RUN_METRIC", json.dumps({**json.loads(metric()), "run_filter": '{"$no": 1}'})),
        ("RUN_METRIC", json.dumps({**json.loads(metric()), "run_filter": '{"unknown": 1}'})),
        ("LINK_MODEL", '{"color": "red"}'), ("LINK_MODEL", '{"alias": {"$regex": "("}}'),
        ("WEAVE_METRIC_THRESHOLD", "{}"), ("UPDATE_ARTIFACT_ALIAS", "{}"),
    ],
)  # fmt: skip
async def test_what_is_no_event_is_refused(client: Client, event: str, text: str) -> None:
    given = {
        "name": "x", "enabled": True, "scopeType": "PROJECT", "scopeID": await project_id(client),
        "triggeringEventType": event, "eventFilter": text, **NOTHING,
    }  # fmt: skip
    answer = await client.post(CREATE, i=given)
    assert answer.status_code == 400, answer.text


async def test_what_it_cannot_do_is_refused(client: Client) -> None:
    given = {
        "name": "x", "enabled": True, "scopeType": "PROJECT", "scopeID": await project_id(client),
        "triggeringEventType": "RUN_METRIC", "eventFilter": metric(), **NOTHING,
    }  # fmt: skip
    prompt = {"ariaActionInput": {"prompt": "p"}}
    other = {"notificationActionInput": {"integrationID": make_id("SlackIntegration", 99)}}
    for status, wrong in (
        (400, {"triggeredActionType": "ARIA", "triggeredActionConfig": prompt}),
        (400, {"triggeredActionConfig": {}}),
        (404, {"triggeredActionType": "NOTIFICATION", "triggeredActionConfig": other}),
        (404, {"scopeID": make_id("Project", 99)}),
        (404, {"scopeType": "ENTITY"}),
        (400, {"name": " "}),
    ):
        answer = await client.post(CREATE, i={**given, **wrong})
        assert answer.status_code == status, (wrong, answer.text)


# -- acting ---------------------------------------------------------------------------------------


async def test_a_metric_is_told_of_once_for_each_run(client: Client) -> None:
    action = await notification(client, title="Loss", message="Look.", severity="ERROR")
    await make(client, "RUN_METRIC", metric(agg_op="AVERAGE", window_size=3), **action)
    for run in ("a", "b"):
        await client.upsert(run)
        # the window goes over several requests; a repeated one adds nothing
        await client.history(run, 0, [{"_step": 0, "loss": 5}, {"_step": 1, "loss": -5}])
        await client.history(run, 1, [{"_step": 1, "loss": -5}, {"_step": 2, "other": 9}])
        assert len(await alerts(client)) == (0 if run == "a" else 1)
        await client.history(run, 3, [{"_step": 3, "loss": 4}, {"_step": 4, "loss": 5}])
        await client.history(run, 5, [{"_step": 5, "loss": 50}])
    text = "Look.\naverage(loss) > 1: 1.33333 at step 3"
    assert await alerts(client) == [["Loss", text, "ERROR", run] for run in ("b", "a")]
    (edge,) = (await every(client))["edges"]
    assert edge["node"]["executionCount"] == 2
    assert edge["node"]["lastExecutedAt"].startswith("20")


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("condition", "values", "fires"),
    [
        # the change of one value to the next, either way
        (("RUN_METRIC_CHANGE", {"change_type": "ABSOLUTE", "change_dir": "ANY",
                                "change_amount": 2}), [1, 2, 3, 2.5], False),
        (("RUN_METRIC_CHANGE", {"change_type": "ABSOLUTE", "change_dir": "ANY",
                                "change_amount": 2}), [1, 2, 0], True),
        (("RUN_METRIC_CHANGE", {"change_type": "ABSOLUTE", "change_dir": "INCREASE",
                                "change_amount": 2}), [3, 0, 1], False),
        (("RUN_METRIC_CHANGE", {"change_type": "RELATIVE", "change_dir": "DECREASE",
                                "change_amount": 0.5}), [4, 3, 1.5], True),
        (("RUN_METRIC_CHANGE", {"change_type": "RELATIVE", "change_dir": "ANY",
                                "change_amount": 0.5}), [0, 3], False),
        # the mean of two values against that of the three before them
        (("RUN_METRIC_CHANGE", {"change_type": "ABSOLUTE", "change_dir": "INCREASE",
                                "change_amount": 2, "agg_op": "AVERAGE", "current_window_size": 2,
                                "prior_window_size": 3}), [0, 0, 3, 2, 4], True),
        (("RUN_METRIC_CHANGE", {"change_type": "ABSOLUTE", "change_dir": "INCREASE",
                                "change_amount": 2, "agg_op": "AVERAGE", "current_window_size": 2,
                                "prior_window_size": 3}), [0, 3, 2, 4], False),
        # 1, 2, 3 have the mean 2 and the deviation 0.8165
        (("RUN_METRIC_ZSCORE", {"window_size": 3, "threshold": 2, "change_dir": "INCREASE"}),
         [1, 2, 3, 3.6], False),
        (("RUN_METRIC_ZSCORE", {"window_size": 3, "threshold": 2, "change_dir": "INCREASE"}),
         [1, 2, 3, 3.7], True),
        (("RUN_METRIC_ZSCORE", {"window_size": 3, "threshold": 2, "change_dir": "DECREASE"}),
         [1, 2, 3, 0], True),
        (("RUN_METRIC_ZSCORE", {"window_size": 3, "threshold": 2, "change_dir": "ANY"}),
         [1, 1, 1, 100], False),
        (("RUN_METRIC_ZSCORE", {"window_size": 3, "threshold": 2, "change_dir": "ANY"}),
         [0.1, 0.1, 0.1, 0.2], False),
        # what is no number, is not looked at
        (("RUN_METRIC", {"cmp_op": "$lt", "threshold": 0}), ["x", None, True, "-1"], False),
        (("RUN_METRIC", {"cmp_op": "$lte", "threshold": 0}), ["x", 0], True),
    ],
)  # fmt: skip
async def test_conditions_on_metrics(
    client: Client,
    condition: tuple[str, dict[str, Any]],
    values: list[Any],
    fires: bool,
    at_once: bool,
) -> None:
    event, given = condition
    kind = {"RUN_METRIC": "threshold_filter", "RUN_METRIC_CHANGE": "change_filter"}
    choice = {kind.get(event, "zscore_filter"): {"name": "a.b", **given}}
    await make(client, event, json.dumps({"run_filter": "{}", "run_metric_filter": choice}))
    await client.upsert("r")
    rows = [{"_step": step, "a": {"b": value}} for step, value in enumerate(values)]
    for some in [rows] if at_once else [[row] for row in rows]:
        await client.history("r", some[0]["_step"], some)
    assert (await counts(client))[event] == int(fires)


async def test_states_of_runs(client: Client) -> None:
    for name, states in (
        ("ended", ["FINISHED", "FAILED"]), ("failed", ["CRASHED"]), ("began", ["RUNNING"]),
    ):  # fmt: skip
        condition = json.dumps({"run_state_filter": {"states": states}, "run_filter": "{}"})
        await make(client, "RUN_STATE", condition, name=name)
    await client.upsert("a")
    await client.stream("a", {})
    assert await counts(client) == {"ended": 0, "failed": 0, "began": 1}
    await client.stream("a", {"complete": True, "exitcode": 0})
    await client.stream("a", {"complete": True, "exitcode": 0})
    assert await counts(client) == {"ended": 1, "failed": 0, "began": 1}
    await client.stream("a", {})
    await client.stream("a", {"complete": True, "exitcode": 3})
    assert await counts(client) == {"ended": 2, "failed": 1, "began": 2}
    made = await client.upsert("b")
    await client.data(
        'mutation($id: ID!) { updateRunState(input: {id: $id, state: "killed"}) { success } }',
        id=made["bucket"]["id"],
    )
    assert await counts(client) == {"ended": 3, "failed": 2, "began": 3}


async def test_only_runs_that_the_filter_lets_through(client: Client) -> None:
    for name, runs in (
        ("named", {"display_name": {"$eq": "good"}}), ("config", {"config.lr": {"$gt": 0.5}}),
        ("neither", {"$and": [{"tags": "x"}]}),
    ):  # fmt: skip
        text = json.dumps({**json.loads(metric()), "run_filter": json.dumps(runs)})
        await make(client, "RUN_METRIC", text, name=name)
    await client.upsert("a", displayName="good", config='{"lr": {"value": 1}}')
    await client.history("a", 0, [{"loss": 2}])
    assert await counts(client) == {"named": 1, "config": 1, "neither": 0}


async def test_only_where_it_belongs_and_is_enabled(client: Client) -> None:
    await make(client, "RUN_METRIC", metric(), name="project")
    entity = (await client.data('{ entity(name: "local") { id } }'))["entity"]["id"]
    await make(client, "RUN_METRIC", metric(), name="all", scopeType="ENTITY", scopeID=entity)
    await make(client, "RUN_METRIC", metric(), name="off", enabled=False)
    await client.upsert("r", modelName="other")
    lines = {"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"loss": 2}']}}}
    path = "/files/local/other/r/file_stream"
    assert (await client.http.post(path, json=lines)).status_code == 200
    assert await counts(client) == {"project": 0, "all": 1, "off": 0}
    await client.upsert("r")
    await client.history("r", 0, [{"loss": 2}])
    assert await counts(client) == {"project": 1, "all": 2, "off": 0}


async def test_those_of_one_entity_are_no_matter_of_another(client: Client) -> None:
    await client.upsert("first")  # the first run of all is of the other entity
    await client.data(
        'mutation { createTeam(input: {teamName: "crew"}) { entity { id } }'
        ' upsertModel(input: {entityName: "crew", name: "demo"}) { project { id } } }'
    )
    await client.upsert("r", entityName="crew")
    team = (await client.data('{ entity(name: "crew") { id } }'))["entity"]["id"]
    await make(client, "RUN_METRIC", metric(), name="there", scopeType="ENTITY", scopeID=team)
    lines = {"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"loss": 2}']}}}
    path = "/files/crew/demo/r/file_stream"
    assert (await client.http.post(path, json=lines)).status_code == 200
    found = await client.data(
        '{ entity(name: "crew") { triggers { edges { node { name executionCount } } } } }'
    )
    (edge,) = found["entity"]["triggers"]["edges"]
    assert edge["node"] == {"name": "there", "executionCount": 1}


async def test_a_changed_condition_begins_anew(client: Client) -> None:
    made = await make(client, "RUN_METRIC", metric())
    await client.upsert("r")
    await client.history("r", 0, [{"loss": 2}])
    await client.data(UPDATE, i={"id": made["id"], "description": "the same condition"})
    await client.history("r", 1, [{"loss": 2}])
    assert (await counts(client))["RUN_METRIC"] == 1
    await client.data(UPDATE, i={"id": made["id"], "eventFilter": metric(threshold=1.5)})
    await client.history("r", 2, [{"loss": 2}])
    assert (await counts(client))["RUN_METRIC"] == 2


async def test_events_of_artifacts(client: Client) -> None:
    prod = '{"$or":[{"$and":[{"alias":{"$eq":"prod"}}]}]}'
    tagged = '{"$or":[{"$and":[{"tag":{"$regex":"^g"}}]}]}'
    action = await notification(client)
    await make(client, "REMOVE_ARTIFACT_TAG", "{}", name="any tag")
    for event, text in (
        ("CREATE_ARTIFACT", "{}"), ("ADD_ARTIFACT_ALIAS", prod), ("LINK_MODEL", "{}"),
        ("UNLINK_ARTIFACT", "{}"), ("ADD_ARTIFACT_TAG", tagged), ("REMOVE_ARTIFACT_TAG", tagged),
        ("ADD_COLLECTION_TAG", tagged), ("REMOVE_COLLECTION_TAG", tagged),
    ):  # fmt: skip
        await make(client, event, text, **action)
    artifacts = ArtifactClient(client)
    await client.upsert("r")
    made = await artifacts.log({"a": b"a"})
    where = {"entityName": "local", "projectName": "demo", "artifactCollectionName": "data"}

    async def do(mutation: str, **given: Any) -> None:
        kind = mutation[0].upper() + mutation[1:]
        document = f"mutation($i: {kind}Input!) {{ {mutation}(input: $i) {{ __typename }} }}"
        await client.data(document, i=given)

    for alias in ("dev", "prod", "prod"):
        await do("addAliases", artifactID=made["id"], aliases=[{**where, "alias": alias}])
    for tags in ("tagsToAdd", "tagsToDelete"):
        await do("updateArtifact", artifactID=made["id"],
                 **{tags: [{"tagName": "good"}, {"tagName": "bad"}]})  # fmt: skip
    for mutation in ("create", "delete"):
        await do(f"{mutation}ArtifactCollectionTagAssignments", **where,
                 tags=[{"tagName": "great"}])  # fmt: skip
    await do("linkArtifact", artifactID=made["id"], artifactPortfolioName="net",
             entityName="local", projectName="demo")  # fmt: skip
    await do("linkArtifact", artifactID=made["id"], artifactPortfolioName="net",
             entityName="local", projectName="demo")  # fmt: skip
    found = await client.data(
        '{ project(name: "demo") { artifactCollection(name: "net") { id } } }'
    )
    await do("unlinkArtifact", artifactID=made["id"],
             artifactPortfolioID=found["project"]["artifactCollection"]["id"])  # fmt: skip
    assert (await counts(client))["any tag"] == 1
    told = [[title, text] for title, text, _, run in reversed(await alerts(client)) if run is None]
    assert told == [
        ["CREATE_ARTIFACT", "the artifact data:v0 is there"],
        ["ADD_ARTIFACT_ALIAS", "the artifact data:v0 has the alias prod"],
        ["ADD_ARTIFACT_TAG", "the artifact data:v0 has the tag good"],
        ["REMOVE_ARTIFACT_TAG", "the artifact data:v0 has lost the tag good"],
        ["ADD_COLLECTION_TAG", "the artifact data has the tag great"],
        ["REMOVE_COLLECTION_TAG", "the artifact data has lost the tag great"],
        ["LINK_MODEL", "the artifact net:v0 is linked"],
        ["UNLINK_ARTIFACT", "the artifact net:v0 is no longer linked"],
    ]
    await client.data(  # one of a run, among those that are of none
        'mutation { notifyScriptableRunAlert(input: {entityName: "local", projectName: "demo", '
        'runName: "r", title: "own", text: "t"}) { success } }'
    )
    await artifacts.log({"b": b"b"})
    assert len(await alerts(client)) > 9
    assert await by_pages(client, 3) == await alerts(client)


async def test_those_of_one_collection(client: Client) -> None:
    artifacts = ArtifactClient(client)
    await client.upsert("r")
    await artifacts.log({"a": b"a"})
    found = await client.data(
        '{ project(name: "demo") { artifactCollection(name: "data") { id } } }'
    )
    scope = found["project"]["artifactCollection"]["id"]
    made = await make(
        client, "CREATE_ARTIFACT", "{}", scopeType="ARTIFACT_COLLECTION", scopeID=scope
    )
    assert made["scope"] == {"__typename": "ArtifactSequence", "id": scope, "name": "data"}
    for name, content in (("data", b"b"), ("other", b"c"), ("data", b"d")):
        await artifacts.log({"a": content}, name)
    assert await counts(client) == {"CREATE_ARTIFACT": 2}
