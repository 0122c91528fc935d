// The projects that somebody can see, by entity.
import { html, useState, useLoaded } from "./lib.js";
import { graphql, everything, pathTo, session } from "./api.js";
import { naturally, number } from "./format.js";
import { Moment, Status } from "./parts.js";

const ENTITIES = "query Teams { viewer { entity teams(first: 500) { edges { node { name entityType } } } } }";
const PROJECTS = `query Projects($entity: String, $after: String) { models(entityName: $entity, first: 200, after: $after) {
  edges { node { name entityName description createdAt updatedAt runCount totalSweeps runs(first: 1, order: "-created_at") { edges { node { createdAt heartbeatAt } } } } } pageInfo { endCursor hasNextPage } } }`;

async function load(entity) {
  const { viewer } = await graphql(ENTITIES);
  const teams = viewer.teams?.edges.map((edge) => edge.node).filter((team) => team.entityType !== "organization").map((team) => team.name) ?? [];
  const entities = entity ? [entity] : [...new Set([viewer.entity, ...teams])];
  const lists = await Promise.all(entities.map((name) => everything(PROJECTS, { entity: name }, ({ models }) => models)));
  return entities.map((name, i) => [name, lists[i]]);
}

const newest = (project) => project.runs.edges[0]?.node.heartbeatAt ?? project.updatedAt ?? project.createdAt;

const Welcome = () => html`<section class="card welcome"><h2>Nothing is logged yet</h2><p>On this machine, clients find the server by themselves:</p>
<pre>import asyncwb.sync as wandb

with wandb.init(project="first") as run:
    for step in range(100):
        run.log({"loss": 1 / (step + 1)})</pre><p>The project appears here with its first run.</p></section>`;

export function Projects({ entity }) {
  const [search, setSearch] = useState("");
  const { value: found, loading, error } = useLoaded(() => load(entity), [entity, session.user?.username]);
  if (!found) return html`<${Status} loading=${loading} error=${error} />`;
  const every = found.flatMap(([, projects]) => projects);
  if (!every.length && !entity) return html`<${Welcome} />`;
  return html`<div class="projects">
    <div class="toolbar"><h1>${entity ?? "Projects"}</h1><input type="search" data-hotkey="/" placeholder="Search projects" aria-label="Search projects" value=${search} onInput=${(event) => setSearch(event.target.value)} /></div>
    ${found.map(([name, projects]) => {
      const shown = projects.filter((project) => project.name.toLowerCase().includes(search.toLowerCase()));
      return html`<section class="card" key=${name}>${found.length > 1 && html`<h2>${name}</h2>`}
        ${shown.length ? html`<div class="scroll-x"><table class="grid"><thead><tr><th>Project</th><th class="number">Runs</th><th class="number">Sweeps</th><th>Last run</th><th>Description</th></tr></thead><tbody>
          ${shown.sort((a, b) => naturally(newest(b), newest(a))).map((project) => html`<tr key=${project.name}><td><a href=${pathTo(project.entityName, project.name)}><b>${project.name}</b></a></td><td class="number">${number(project.runCount)}</td><td class="number">${project.totalSweeps || ""}</td><td><${Moment} at=${newest(project)} /></td><td>${project.description}</td></tr>`)}
        </tbody></table></div>` : html`<p class="notice">${projects.length ? "No project fits." : "No projects, or none that you may see."}</p>`}</section>`;
    })}</div>`;
}
