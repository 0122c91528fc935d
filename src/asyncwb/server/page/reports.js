// Reports: views that people and programs stored. Their text is shown; their charts are in the workspace.
import { html, useLoaded } from "./lib.js";
import { everything, graphql, pathTo } from "./api.js";
import { parse } from "./format.js";
import { Guard, Moment, Status } from "./parts.js";

const LIST = `query Reports($entity: String, $project: String, $after: String) { project(name: $project, entityName: $entity) {
  allViews(first: 200, after: $after) { edges { node { id name displayName description type createdAt updatedAt user { username } } } pageInfo { endCursor hasNextPage } } } }`;
const ONE = "query Report($id: ID!) { view(id: $id) { id displayName description type spec createdAt updatedAt entityName projectName user { username } } }";
const KINDS = { runs: "Report", "runs/draft": "Draft of a report", "project-view": "Workspace" };
const DEEPEST = 40;

export function Reports({ place, query }) {
  const id = query.get("report");
  if (id) return html`<${Report} key=${id} place=${place} id=${id} />`;
  return html`<${List} place=${place} />`;
}

function List({ place }) {
  const load = async () => (await everything(LIST, place, ({ project }) => project?.allViews)).reverse();
  const { value: views, loading, error } = useLoaded(load, [place.entity, place.project]);
  if (!views?.length) return html`<${Status} loading=${loading} error=${error} empty>No reports. What clients store as a view of this project appears here.<//>`;
  return html`<section class="card"><div class="scroll-x"><table class="grid"><thead><tr><th>Title</th><th>Kind</th><th>Author</th><th>Changed</th><th>Description</th></tr></thead><tbody>
    ${views.map((view) => html`<tr key=${view.id}><td><a href="${pathTo(place.entity, place.project, "reports")}?report=${encodeURIComponent(view.id)}">${view.displayName || view.name}</a></td>
      <td>${KINDS[view.type] ?? view.type}</td><td>${view.user?.username}</td><td><${Moment} at=${view.updatedAt ?? view.createdAt} /></td><td>${view.description}</td></tr>`)}
  </tbody></table></div></section>`;
}

// Addresses that a report may lead to; nothing that runs.
const safe = (url) => (/^(https?:|mailto:)/i.test(String(url ?? "")) ? url : null);

function inline(node, key) {
  if (typeof node?.text === "string") {
    let shown = node.text;
    if (node.inlineCode || node.code) shown = html`<code>${shown}</code>`;
    if (node.bold) shown = html`<b>${shown}</b>`;
    if (node.italic) shown = html`<em>${shown}</em>`;
    if (node.strikethrough) shown = html`<s>${shown}</s>`;
    return html`<span key=${key}>${shown}</span>`;
  }
  if (node?.type === "link" && safe(node.url)) return html`<a key=${key} href=${node.url} target="_blank" rel="noreferrer">${(node.children ?? []).map(inline)}</a>`;
  return (node?.children ?? []).map(inline);
}

function Block({ node, place, depth = 0 }) {
  if (!node || depth > DEEPEST) return null;
  const children = Array.isArray(node.children) ? node.children : [];
  const text = () => children.map(inline);
  const blocks = () => children.map((each, i) => html`<${Block} key=${i} node=${each} place=${place} depth=${depth + 1} />`);
  switch (node.type) {
    case "heading": {
      const level = `h${Math.min(4, Math.max(1, Number(node.level) || 2))}`;
      return html`<${level}>${text()}<//>`;
    }
    case "paragraph": return html`<p>${text()}</p>`;
    case "block-quote": case "callout-block": return html`<blockquote>${text()}</blockquote>`;
    case "code-block": case "latex": return html`<pre>${children.length ? children.map((line) => `${(line.children ?? [line]).map((part) => part.text ?? "").join("")}\n`) : node.content}</pre>`;
    case "list": return node.ordered ? html`<ol>${blocks()}</ol>` : html`<ul class="marked">${blocks()}</ul>`;
    case "list-item": return html`<li>${children.map((each, i) => (each?.children?.some((inner) => inner?.type) || each?.type === "list" ? html`<${Block} key=${i} node=${each} place=${place} depth=${depth + 1} />` : inline(each, i)))}</li>`;
    case "markdown-block": return html`<pre>${node.content}</pre>`;
    case "horizontal-rule": return html`<hr />`;
    case "image": return html`<p class="quiet">[image] ${text()}</p>`;
    case "panel-grid": return html`<p class="notice">Charts of the report: see the <a href=${pathTo(place.entity, place.project)}>workspace</a>.</p>`;
    default: return children.some((each) => typeof each?.text === "string") ? html`<p>${text()}</p>` : blocks();
  }
}

function Report({ place, id }) {
  const { value: view, loading, error } = useLoaded(async () => (await graphql(ONE, { id })).view, [id]);
  if (!view) return html`<${Status} loading=${loading} error=${error} empty>There is no such report, or you may not see it.<//>`;
  const blocks = parse(view.spec).blocks;
  return html`<article class="card report"><h1>${view.displayName}</h1><p class="quiet">${view.description} ${view.user?.username} · <${Moment} at=${view.updatedAt ?? view.createdAt} /></p>
    ${Array.isArray(blocks) ? blocks.map((node, i) => html`<${Guard} key=${i}><${Block} node=${node} place=${place} /><//>`) : html`<pre>${JSON.stringify(parse(view.spec), null, 1)}</pre>`}
  </article>`;
}
