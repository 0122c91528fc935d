// What made an artifact and what was made of it, as a graph: runs and versions in columns, left to right.
import { html, useState, useLoaded } from "./lib.js";
import { graphql, pathTo } from "./api.js";
import { Status } from "./parts.js";

const STEPS = 4; // versions to either side that are looked at first
const MOST = 120; // nodes
const AT_ONCE = 40; // versions of one distance
const [WIDTH, HEIGHT, ACROSS, DOWN] = [180, 32, 64, 12];

const VERSION = "id versionIndex artifactType { name } artifactSequence { name project { name entityName } }";
const RUN = "name displayName project { name entityName }";
const AROUND = `query Lineage($id: ID!) { artifact(id: $id) { ${VERSION}
  createdBy { __typename ... on User { username } ... on Run { ${RUN} inputArtifacts(first: 50) { pageInfo { hasNextPage } edges { node { ${VERSION} } } } } }
  usedBy(first: 50) { pageInfo { hasNextPage } edges { node { ${RUN} outputArtifacts(first: 50) { pageInfo { hasNextPage } edges { node { ${VERSION} } } } } } } } }`;

export const runPath = (run) => pathTo(run.project.entityName, run.project.name, "runs", run.name);
export function versionPath(artifact) {
  const { name, project } = artifact.artifactSequence;
  return pathTo(project.entityName, project.name, "artifacts", artifact.artifactType.name, name, `v${artifact.versionIndex}`);
}
export const versionName = (artifact) => `${artifact.artifactSequence.name}:v${artifact.versionIndex}`;

// Versions are looked at one after another, from the middle outward; each knows its runs.
async function load(id, steps) {
  const nodes = new Map();
  const edges = new Map();
  let more = false;
  let cut = false;
  const nodesOf = (connection) => {
    cut ||= Boolean(connection?.pageInfo.hasNextPage);
    return connection?.edges.map((edge) => edge.node) ?? [];
  };
  const add = (key, column, values) => {
    if (!nodes.has(key) && nodes.size < MOST) nodes.set(key, { key, column, ...values });
    return nodes.get(key);
  };
  const version = (found, column) => add(found.id, column, { kind: "artifact", label: versionName(found), path: versionPath(found), type: found.artifactType.name });
  const run = (found, column) => add(`run ${runPath(found)}`, column, { kind: "run", label: found.displayName || found.name, path: runPath(found), type: "run" });
  const join = (from, to) => from && to && edges.set(`${from.key} ${to.key}`, [from, to]);
  const asked = new Set([id]);
  let waiting = [[id, 0]];
  for (let round = 0; waiting.length && round <= steps; round += 1) {
    const next = [];
    const answers = await Promise.all(waiting.map(([each]) => graphql(AROUND, { id: each })));
    answers.forEach(({ artifact }, i) => {
      const [, column] = waiting[i];
      if (!artifact) return;
      const here = version(artifact, column);
      const go = (found, to) => { if (!asked.has(found.id)) { asked.add(found.id); next.push([found.id, to]); } };
      const maker = artifact.createdBy;
      if (maker?.__typename === "Run") {
        const made = run(maker, column - 1);
        join(made, here);
        for (const input of nodesOf(maker.inputArtifacts)) {
          join(version(input, column - 2), made);
          if (column <= 0) go(input, column - 2);
        }
      } else if (maker) join(add(`user ${maker.username}`, column - 1, { kind: "user", label: maker.username, type: "user" }), here);
      for (const user of nodesOf(artifact.usedBy)) {
        const used = run(user, column + 1);
        join(here, used);
        if (column < 0) continue; // what else was made of an input is another story
        for (const output of nodesOf(user.outputArtifacts)) {
          join(used, version(output, column + 2));
          go(output, column + 2);
        }
      }
    });
    more = next.length > 0;
    waiting = nodes.size < MOST ? next.slice(0, AT_ONCE) : [];
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()], more, cut, full: nodes.size >= MOST };
}

// Places in pixels: a column for each distance, nodes below each other around the middle.
function place(nodes) {
  const columns = new Map();
  for (const node of nodes) {
    if (!columns.has(node.column)) columns.set(node.column, []);
    columns.get(node.column).push(node);
  }
  const order = [...columns.keys()].sort((a, b) => a - b);
  const rows = Math.max(...[...columns.values()].map((column) => column.length));
  const height = rows * (HEIGHT + DOWN);
  const places = new Map();
  order.forEach((column, i) => {
    const members = columns.get(column);
    const top = (height - members.length * (HEIGHT + DOWN)) / 2;
    members.forEach((node, j) => places.set(node.key, { x: i * (WIDTH + ACROSS), y: top + j * (HEIGHT + DOWN) + DOWN / 2 }));
  });
  return { places, width: order.length * (WIDTH + ACROSS) - ACROSS, height };
}

export function Lineage({ id }) {
  const [steps, setSteps] = useState(STEPS);
  const { value: found, loading, error } = useLoaded(() => load(id, steps), [id, steps]);
  if (!found) return html`<${Status} loading=${loading} error=${error} />`;
  const { places, width, height } = place(found.nodes);
  const counted = (kind, name) => {
    const count = found.nodes.filter((node) => node.kind === kind).length;
    return `${count} ${name}${count === 1 ? "" : "s"}`;
  };
  const curve = (from, to) => {
    const [a, b] = [places.get(from.key), places.get(to.key)];
    const [x, y, right, down] = [a.x + WIDTH, a.y + HEIGHT / 2, b.x, b.y + HEIGHT / 2];
    const bend = Math.max(24, Math.abs(right - x) / 2);
    return `M${x} ${y} C${x + bend} ${y} ${right - bend} ${down} ${right} ${down}`;
  };
  return html`<div class="lineage scroll-x"><div class="lineage-graph" style=${{ width: `${width}px`, height: `${height}px` }}>
    <svg width=${width} height=${height} aria-hidden="true">${found.edges.map(([from, to]) => html`<path key=${`${from.key} ${to.key}`} d=${curve(from, to)} />`)}</svg>
    ${found.nodes.map((node) => {
      const at = places.get(node.key);
      const given = { key: node.key, class: `node ${node.kind} ${node.key === id ? "here" : ""}`, style: { left: `${at.x}px`, top: `${at.y}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` }, title: `${node.type}: ${node.label}` };
      return node.path && node.key !== id ? html`<a ...${given} href=${node.path}>${node.label}</a>` : html`<span ...${given}>${node.label}</span>`;
    })}</div></div>
    <p class="quiet">${counted("artifact", "version")}, ${counted("run", "run")}.
      ${found.full ? ` The first ${MOST} are shown.` : found.more && html` <button type="button" onClick=${() => setSteps(steps + STEPS)}>Further</button>`}
      ${found.cut && !found.full && " Of a version or run with more than 50 neighbours, 50 are shown."}</p>`;
}
