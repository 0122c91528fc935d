// Alerts that runs and automations sent, newest first.
import { html, useEffect, usePolling } from "./lib.js";
import { graphql, pathTo } from "./api.js";
import { Moment, Status } from "./parts.js";
import { More, usePages } from "./pages.js";

const FIELDS = "alerts(first: $first, after: $after) { id title text severity createdAt runName runDisplayName }";
const OF_PROJECT = `query Alerts($entity: String, $project: String, $first: Int, $after: ID) { project(name: $project, entityName: $entity) { ${FIELDS} } }`;
const OF_RUN = `query RunAlerts($entity: String, $project: String, $run: String!, $first: Int, $after: ID) { project(name: $project, entityName: $entity) { run(name: $run) { ${FIELDS} } } }`;
const LIVE_SECONDS = 10;

const List = ({ alerts, place }) => html`<ul class="alerts">${alerts.map((alert) => html`<li key=${alert.id} class=${alert.severity.toLowerCase()}>
  <b>${alert.title}</b><small>${alert.severity}</small><p>${alert.text}</p>
  <small>${place && alert.runName && html`<a href=${pathTo(place.entity, place.project, "runs", alert.runName)}>${alert.runDisplayName || alert.runName}</a> · `}<${Moment} at=${alert.createdAt} /></small></li>`)}</ul>`;

// The server has them as a plain list; the next page is what is older than its last one.
const pageOf = (alerts, first) => alerts && { edges: alerts.map((node) => ({ node })), pageInfo: { hasNextPage: alerts.length === first, endCursor: alerts.at(-1)?.id } };

export function Alerts({ place }) {
  const list = usePages(async (first, after) => pageOf((await graphql(OF_PROJECT, { ...place, first, after })).project?.alerts, first), [place]);
  usePolling(list.reload, LIVE_SECONDS);
  if (!list.edges.length) return html`<${Status} loading=${list.loading} error=${list.error} empty>No alerts. <code>run.alert(title, text)</code> sends one.<//>`;
  return html`<section class="card"><h2>Alerts</h2><${List} alerts=${list.edges.map((edge) => edge.node)} place=${place} /><${More} of=${list} /></section>`;
}

export function RunAlerts({ place, version }) {
  const list = usePages(async (first, after) => pageOf((await graphql(OF_RUN, { ...place, first, after })).project?.run?.alerts, first), [place]);
  useEffect(() => { if (!list.loading) list.reload(); }, [version]);
  return list.edges.length > 0 && html`<section class="card"><h2>Alerts</h2><${List} alerts=${list.edges.map((edge) => edge.node)} /><${More} of=${list} /></section>`;
}
