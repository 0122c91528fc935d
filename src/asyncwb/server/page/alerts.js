// Alerts that runs and automations sent, newest first.
import { html, useLoaded, usePolling } from "./lib.js";
import { graphql, pathTo } from "./api.js";
import { Moment, Status } from "./parts.js";

const FIELDS = "alerts(first: 500) { id title text severity createdAt runName runDisplayName }";
const OF_PROJECT = `query Alerts($entity: String, $project: String) { project(name: $project, entityName: $entity) { ${FIELDS} } }`;
const OF_RUN = `query RunAlerts($entity: String, $project: String, $run: String!) { project(name: $project, entityName: $entity) { run(name: $run) { ${FIELDS} } } }`;
const LIVE_SECONDS = 10;

const List = ({ alerts, place }) => html`<ul class="alerts">${alerts.map((alert) => html`<li key=${alert.id} class=${alert.severity.toLowerCase()}>
  <b>${alert.title}</b><small>${alert.severity}</small><p>${alert.text}</p>
  <small>${place && alert.runName && html`<a href=${pathTo(place.entity, place.project, "runs", alert.runName)}>${alert.runDisplayName || alert.runName}</a> · `}<${Moment} at=${alert.createdAt} /></small></li>`)}</ul>`;

export function Alerts({ place }) {
  const { value: alerts, loading, error, reload } = useLoaded(async () => (await graphql(OF_PROJECT, place)).project?.alerts ?? [], [place.entity, place.project]);
  usePolling(async () => reload(), LIVE_SECONDS);
  if (!alerts?.length) return html`<${Status} loading=${loading && !alerts} error=${error} empty>No alerts. <code>run.alert(title, text)</code> sends one.<//>`;
  return html`<section class="card"><h2>Alerts</h2><${List} alerts=${alerts} place=${place} /></section>`;
}

export function RunAlerts({ place, version }) {
  const { value: alerts } = useLoaded(async () => (await graphql(OF_RUN, place)).project?.run?.alerts ?? [], [place.run, version]);
  return alerts?.length > 0 && html`<section class="card"><h2>Alerts</h2><${List} alerts=${alerts} /></section>`;
}
