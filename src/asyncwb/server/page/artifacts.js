// Artifacts: collections, versions, their files and what made and used them.
import { html, useState, useLoaded } from "./lib.js";
import { everything, graphql, pathTo, reachable } from "./api.js";
import { bytes, flatten, naturally, parse, value, when } from "./format.js";
import { Editable, KeyValues, Moment, Status } from "./parts.js";
import { Lineage, runPath, versionName, versionPath } from "./lineage.js";
import { FILES, FileBrowser } from "./files.js";
import { setQuery } from "./router.js";

const COLLECTIONS = `query Collections($entity: String, $project: String) { project(name: $project, entityName: $entity) {
  artifactTypes(first: 100) { edges { node { name artifactCollections(first: 500) { edges { node {
    name description updatedAt createdAt artifacts(first: 1) { totalCount edges { version node { id size createdAt } } } } } } } } } } }`;
const VERSIONS = `query Versions($entity: String, $project: String, $type: String!, $collection: String!, $after: String) {
  project(name: $project, entityName: $entity) { readOnly artifactType(name: $type) { artifactCollection(name: $collection) {
    name description createdAt artifacts(first: 200, after: $after) { edges { version node { id versionIndex digest size fileCount createdAt state description metadata
      tags { name } aliases(artifactCollectionName: $collection) { alias artifactCollection { name } }
      createdBy { __typename ... on Run { name displayName project { name entityName } } ... on User { username } } } }
      pageInfo { endCursor hasNextPage } } } } } }`;
const OF_RUN = `query OfRun($entity: String, $project: String, $run: String!) { project(name: $project, entityName: $entity) { run(name: $run) {
  outputArtifacts(first: 500) { edges { node { ...A } } } inputArtifacts(first: 500) { edges { node { ...A } } } } } }
  fragment A on Artifact { id versionIndex size createdAt artifactType { name } artifactSequence { name project { name entityName } } aliases { alias } }`;

const Aliases = ({ of }) => [...new Set(of.map((each) => each.alias))].map((alias) => html`<span class="tag alias" key=${alias}>${alias}</span>`);

export function Artifacts({ place }) {
  const load = async () => (await graphql(COLLECTIONS, place)).project?.artifactTypes.edges.map((edge) => edge.node) ?? [];
  const { value: types, loading, error } = useLoaded(load, [place.entity, place.project]);
  const full = types?.filter((type) => type.artifactCollections.edges.length);
  if (!full?.length) return html`<${Status} loading=${loading} error=${error} empty>No artifacts. <code>run.log_artifact()</code> makes the first.<//>`;
  return html`<div class="columns one">${full.map((type) => html`<section class="card" key=${type.name}><h2>${type.name}</h2>
    <div class="scroll-x"><table class="grid"><thead><tr><th>Collection</th><th class="number">Versions</th><th>Newest</th><th class="number">Size</th><th>Changed</th><th>Description</th></tr></thead><tbody>
      ${type.artifactCollections.edges.map(({ node }) => {
        const newest = node.artifacts?.edges[0];
        return html`<tr key=${node.name}><td><a href=${pathTo(place.entity, place.project, "artifacts", type.name, node.name)}>${node.name}</a></td>
          <td class="number">${node.artifacts?.totalCount}</td><td>${newest?.version}</td><td class="number">${bytes(newest?.node.size)}</td>
          <td><${Moment} at=${newest?.node.createdAt ?? node.updatedAt ?? node.createdAt} /></td><td>${node.description}</td></tr>`;
      })}</tbody></table></div></section>`)}</div>`;
}

function VersionFiles({ id }) {
  const { value: files, loading, error } = useLoaded(() => everything(FILES, { id }, ({ artifact }) => artifact?.files), [id]);
  if (!files?.length) return html`<${Status} loading=${loading} error=${error} empty>No files.<//>`;
  const shown = files.map((file) => ({ ...file, name: file.displayName ?? file.name }));
  return html`<${FileBrowser} files=${shown} url=${(file) => (file.directUrl ? reachable(file.directUrl) : "")} />`;
}

export function Collection({ place, type, collection, version, query }) {
  const variables = { ...place, type, collection };
  const load = async () => {
    let [about, readOnly] = [null, false];
    const versions = [];
    let after = null;
    do {
      const { project } = await graphql(VERSIONS, { ...variables, after });
      about = project?.artifactType?.artifactCollection;
      readOnly = project?.readOnly;
      if (!about) return null;
      versions.push(...about.artifacts.edges.map(({ version: name, node }) => ({ ...node, version: name })));
      after = about.artifacts.pageInfo.hasNextPage ? about.artifacts.pageInfo.endCursor : null;
    } while (after);
    versions.sort((a, b) => naturally(b.version, a.version));
    return { about, versions, readOnly };
  };
  const { value: found, loading, error, reload } = useLoaded(load, [place.entity, place.project, type, collection]);
  const [chosen, setChosen] = useState(() => query.get("tab") ?? "overview");
  if (!found) return html`<${Status} loading=${loading} error=${error} empty>There is no artifact ${collection}, or you may not see it.<//>`;
  const named = (each) => each.version === version || each.aliases.some((alias) => alias.alias === version);
  const current = found.versions.find(named) ?? (version ? null : found.versions[0]);
  const path = (each) => pathTo(place.entity, place.project, "artifacts", type, collection, each);
  const tab = query.get("tab") ?? chosen;
  const save = (values) => graphql("mutation U($input: UpdateArtifactInput!) { updateArtifact(input: $input) { artifact { id } } }", { input: { artifactID: current.id, ...values } }).then(reload);
  const aliases = current ? [...new Set(current.aliases.map((each) => each.alias))] : [];
  // who may not change the artifact sees what is there
  const edited = (title, text, onSave, more) => [title, (!found.readOnly || text) && html`<${Editable} text=${text} label=${title.toLowerCase()} onSave=${found.readOnly ? null : onSave} ...${more} />`];
  const saveAliases = (text) => save({ aliases: [...new Set(text.split(",").map((each) => each.trim()).filter(Boolean))].map((alias) => ({ alias, artifactCollectionName: collection })) });
  return html`<article class="artifact-page">
    <header class="run-head"><h1>${collection}</h1><span class="tag">${type}</span><span class="quiet">${found.about.description}</span></header>
    <div class="artifact-body">
      <nav class="versions card" aria-label="Versions"><h2>Versions</h2>${found.versions.map((each) => html`<a key=${each.id} href=${path(each.version)} aria-current=${each === current ? "page" : undefined}>
        <b>${each.version}</b> <${Aliases} of=${each.aliases} /><small><${Moment} at=${each.createdAt} /> · ${bytes(each.size)}</small></a>`)}</nav>
      ${!current ? html`<p class="notice">There is no version ${version}.</p>` : html`<div>
        <nav class="tabs" aria-label="Parts">${[["overview", "Overview"], ["files", "Files"], ["lineage", "Lineage"]].map(([name, title]) => html`<button type="button" key=${name} aria-current=${tab === name ? "page" : undefined} onClick=${() => { setChosen(name); setQuery({ tab: name === "overview" ? null : name }); }}>${title}</button>`)}</nav>
        ${tab === "overview" && html`<section class="card"><h2>${collection}:${current.version}</h2><${KeyValues} rows=${[
          edited("Aliases", aliases.join(", "), saveAliases, { placeholder: "Add aliases", shown: aliases.length ? html`<${Aliases} of=${current.aliases} />` : null }),
          edited("Description", current.description, (text) => save({ description: text }), { placeholder: "Add a description", many: true }),
          ["Full name", html`<code>${place.entity}/${place.project}/${collection}:${current.version}</code>`],
          ["Created", when(current.createdAt)],
          ["By", current.createdBy?.__typename === "Run" ? html`<a href=${runPath(current.createdBy)}>${current.createdBy.displayName || current.createdBy.name}</a>` : current.createdBy?.username],
          ["Size", `${bytes(current.size)} in ${current.fileCount} file${Number(current.fileCount) === 1 ? "" : "s"}`],
          ["Digest", html`<code>${current.digest}</code>`],
          ["Tags", current.tags.map((tag) => tag.name).join(", ")],
          ...Object.entries(flatten(parse(current.metadata))).map(([key, any]) => [key, value(any)]),
        ].filter(([, shown]) => shown)} /></section>`}
        ${tab === "files" && html`<${VersionFiles} key=${current.id} id=${current.id} />`}
        ${tab === "lineage" && html`<section class="card"><${Lineage} key=${current.id} id=${current.id} /></section>`}
      </div>`}
    </div></article>`;
}

export function RunArtifacts({ place }) {
  const { value: run, loading, error } = useLoaded(async () => (await graphql(OF_RUN, place)).project.run, [place.run]);
  if (!run) return html`<${Status} loading=${loading} error=${error} />`;
  const table = (title, { edges }) => html`<section class="card"><h2>${title}</h2>${edges.length ? html`<div class="scroll-x"><table class="grid"><thead><tr><th>Name</th><th>Type</th><th class="number">Size</th><th>Created</th><th>Aliases</th></tr></thead><tbody>
    ${edges.map(({ node }) => html`<tr key=${node.id}><td><a href=${versionPath(node)}>${versionName(node)}</a></td><td>${node.artifactType.name}</td><td class="number">${bytes(node.size)}</td><td><${Moment} at=${node.createdAt} /></td><td><${Aliases} of=${node.aliases} /></td></tr>`)}
  </tbody></table></div>` : html`<p class="notice">None.</p>`}</section>`;
  return html`<div class="columns one">${table("Outputs", run.outputArtifacts)}${table("Inputs", run.inputArtifacts)}</div>`;
}
