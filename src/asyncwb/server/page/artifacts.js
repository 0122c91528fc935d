// Artifacts: collections, versions, their files and what made and used them.
import { html, useRef, useState, useLoaded, useOnceSeen, useSettled } from "./lib.js";
import { everything, graphql, pathTo, reachable } from "./api.js";
import { bytes, flatten, number, parse, value, when } from "./format.js";
import { Editable, KeyValues, Moment, Status } from "./parts.js";
import { More, usePages } from "./pages.js";
import { Lineage, runPath, versionName, versionPath } from "./lineage.js";
import { FILES, FileBrowser } from "./files.js";
import { setQuery } from "./router.js";

const TYPES = `query Types($entity: String, $project: String, $filters: JSONString, $after: String) { project(name: $project, entityName: $entity) {
  artifactTypes(first: 200, after: $after) { edges { node { name artifactCollections(first: 0, filters: $filters) { totalCount } } } pageInfo { endCursor hasNextPage } } } }`;
const COLLECTIONS = `query Collections($entity: String, $project: String, $type: String!, $filters: JSONString, $first: Int, $after: String) {
  project(name: $project, entityName: $entity) { artifactType(name: $type) {
    artifactCollections(filters: $filters, order: "-created_at", first: $first, after: $after) { totalCount pageInfo { endCursor hasNextPage } edges { node {
      name description updatedAt createdAt artifacts(first: 1, order: "-version_index") { totalCount edges { version node { id size createdAt } } } } } } } } }`;
const VERSION = `fragment V on Artifact { id versionIndex digest size fileCount createdAt state description metadata
  tags { name } aliases(artifactCollectionName: $collection) { alias artifactCollection { name } }
  createdBy { __typename ... on Run { name displayName project { name entityName } } ... on User { username } } }`;
const VERSIONS = `query Versions($entity: String, $project: String, $type: String!, $collection: String!, $first: Int, $after: String) {
  project(name: $project, entityName: $entity) { readOnly artifactType(name: $type) { artifactCollection(name: $collection) { description
    artifacts(first: $first, after: $after, order: "-version_index") { totalCount edges { version node { ...V } } pageInfo { endCursor hasNextPage } } } } } } ${VERSION}`;
const ONE = `query Version($entity: String, $project: String, $type: String!, $collection: String!, $version: String!) {
  project(name: $project, entityName: $entity) { artifactType(name: $type) { artifactCollection(name: $collection) {
    artifactMembership(aliasName: $version) { versionIndex artifact { ...V } } } } } } ${VERSION}`;
const OF_RUN = (field) => `query OfRun($entity: String, $project: String, $run: String!, $first: Int, $after: String) { project(name: $project, entityName: $entity) { run(name: $run) {
  ${field}(first: $first, after: $after) { totalCount edges { node { id versionIndex size createdAt artifactType { name } artifactSequence { name project { name entityName } } aliases { alias } } }
    pageInfo { endCursor hasNextPage } } } } }`;

// Every version has its number as an alias besides, which stays.
const namesOf = (aliases) => [...new Set(aliases.map((each) => each.alias))].filter((alias) => !/^v\d+$/.test(alias));

const Aliases = ({ of }) => namesOf(of).map((alias) => html`<span class="tag alias" key=${alias}>${alias}</span>`);

function Collections({ place, type, filters, expected }) {
  const holder = useRef(null);
  const seen = useOnceSeen(holder);
  const ask = async (first, after) => (seen ? (await graphql(COLLECTIONS, { ...place, type, filters, first, after })).project?.artifactType?.artifactCollections : null);
  const list = usePages(ask, [place, type, filters, seen]);
  return html`<section class="card" ref=${holder}><h2>${type} <small>${number(expected)}</small></h2>
    ${list.edges.length ? html`<div class="scroll-x"><table class="grid"><thead><tr><th>Collection</th><th class="number">Versions</th><th>Newest</th><th class="number">Size</th><th>Changed</th><th>Description</th></tr></thead><tbody>
      ${list.edges.map(({ node }) => {
        const newest = node.artifacts?.edges[0];
        return html`<tr key=${node.name}><td><a href=${pathTo(place.entity, place.project, "artifacts", type, node.name)}>${node.name}</a></td>
          <td class="number">${node.artifacts?.totalCount}</td><td>${newest?.version}</td><td class="number">${bytes(newest?.node.size)}</td>
          <td><${Moment} at=${newest?.node.createdAt ?? node.updatedAt ?? node.createdAt} /></td><td>${node.description}</td></tr>`;
      })}</tbody></table></div><${More} of=${list} />` : html`<${Status} loading=${list.loading || !seen} error=${list.error} />`}</section>`;
}

export function Artifacts({ place, query }) {
  const search = query.get("q") ?? "";
  const filters = useSettled(search ? JSON.stringify({ name: { $regex: search } }) : null);
  const { value: types, loading, error } = useLoaded(() => everything(TYPES, { ...place, filters }, ({ project }) => project?.artifactTypes), [place.entity, place.project, filters]);
  const full = (types ?? []).filter((type) => type.artifactCollections.totalCount);
  const total = full.reduce((sum, type) => sum + type.artifactCollections.totalCount, 0);
  return html`<div class="toolbar"><input type="search" data-hotkey="/" placeholder="Search artifacts" aria-label="Search artifacts (regular expression)" value=${search} onInput=${(event) => setQuery({ q: event.target.value })} />
      <span class="count" aria-live="polite">${types ? `${number(total)} collection${total === 1 ? "" : "s"}` : ""}</span></div>
    <${Status} loading=${loading && !types} error=${error} empty=${!error && !full.length}>${search ? "No artifact fits." : html`No artifacts. <code>run.log_artifact()</code> makes the first.`}<//>
    <div class="columns one">${full.map((type) => html`<${Collections} key=${type.name} place=${place} type=${type.name} filters=${filters} expected=${type.artifactCollections.totalCount} />`)}</div>`;
}

function VersionFiles({ id }) {
  const { value: files, loading, error } = useLoaded(() => everything(FILES, { id }, ({ artifact }) => artifact?.files), [id]);
  if (!files?.length) return html`<${Status} loading=${loading} error=${error} empty>No files.<//>`;
  const shown = files.map((file) => ({ ...file, name: file.displayName ?? file.name }));
  return html`<${FileBrowser} files=${shown} url=${(file) => (file.directUrl ? reachable(file.directUrl) : "")} />`;
}

// The versions of a collection, newest first, and the one that the address names, wherever it is.
function useVersions(variables, version) {
  const ask = async (first, after) => {
    const { project } = await graphql(VERSIONS, { ...variables, first, after });
    const about = project?.artifactType?.artifactCollection;
    return about && { ...about.artifacts, description: about.description, readOnly: project.readOnly };
  };
  const list = usePages(ask, [variables]);
  const versions = list.edges.map((edge) => ({ ...edge.node, version: edge.version }));
  const named = version ? versions.find((each) => each.version === version || each.aliases.some((alias) => alias.alias === version)) : versions[0];
  const load = async () => {
    if (named || !version || list.loading || !list.about) return null;
    const found = (await graphql(ONE, { ...variables, version })).project?.artifactType?.artifactCollection?.artifactMembership;
    return found && { ...found.artifact, version: `v${found.versionIndex}` };
  };
  const { value: other, loading, error, reload } = useLoaded(load, [JSON.stringify(variables), version, Boolean(named), list.key]);
  const again = async () => {
    await list.reload();
    reload();
  };
  return { list, versions, current: named ?? other, searching: !named && loading, error: list.error ?? error, reload: again };
}

export function Collection({ place, type, collection, version, query }) {
  const { list, versions, current, searching, error, reload } = useVersions({ ...place, type, collection }, version);
  const [chosen, setChosen] = useState(() => query.get("tab") ?? "overview");
  if (!list.about) return html`<${Status} loading=${list.loading} error=${error} empty>There is no artifact ${collection}, or you may not see it.<//>`;
  const { description, readOnly } = list.about;
  const path = (each) => pathTo(place.entity, place.project, "artifacts", type, collection, each);
  const tab = query.get("tab") ?? chosen;
  const save = (values) => graphql("mutation U($input: UpdateArtifactInput!) { updateArtifact(input: $input) { artifact { id } } }", { input: { artifactID: current.id, ...values } }).then(reload);
  const aliases = namesOf(current?.aliases ?? []);
  // who may not change the artifact sees what is there
  const edited = (title, text, onSave, more) => [title, (!readOnly || text) && html`<${Editable} text=${text} label=${title.toLowerCase()} onSave=${readOnly ? null : onSave} ...${more} />`];
  const saveAliases = async (text) => {
    const wanted = [...new Set(text.split(",").map((each) => each.trim()).filter(Boolean))];
    const given = (names) => ({ artifactID: current.id, aliases: names.map((alias) => ({ alias, entityName: place.entity, projectName: place.project, artifactCollectionName: collection })) });
    const [added, removed] = [wanted.filter((alias) => !aliases.includes(alias)), aliases.filter((alias) => !wanted.includes(alias))];
    await graphql("mutation A($added: AddAliasesInput!, $removed: DeleteAliasesInput!) { addAliases(input: $added) { success } deleteAliases(input: $removed) { success } }", { added: given(added), removed: given(removed) });
    await reload();
  };
  return html`<article class="artifact-page">
    <header class="run-head"><h1>${collection}</h1><span class="tag">${type}</span><span class="quiet">${description}</span></header>
    <div class="artifact-body">
      <nav class="versions card" aria-label="Versions"><h2>Versions <small>${number(list.total)}</small></h2>${versions.map((each) => html`<a key=${each.id} href=${path(each.version)} aria-current=${each === current ? "page" : undefined}>
        <b>${each.version}</b> <${Aliases} of=${each.aliases} /><small><${Moment} at=${each.createdAt} /> · ${bytes(each.size)}</small></a>`)}<${More} of=${list} /></nav>
      ${!current ? html`<${Status} loading=${searching} error=${error} empty>${version ? `There is no version ${version}.` : "No versions yet."}<//>` : html`<div>
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

function OfRun({ place, title, field }) {
  const list = usePages(async (first, after) => (await graphql(OF_RUN(field), { ...place, first, after })).project?.run?.[field], [place, field]);
  const table = html`<div class="scroll-x"><table class="grid"><thead><tr><th>Name</th><th>Type</th><th class="number">Size</th><th>Created</th><th>Aliases</th></tr></thead><tbody>
    ${list.edges.map(({ node }) => html`<tr key=${node.id}><td><a href=${versionPath(node)}>${versionName(node)}</a></td><td>${node.artifactType.name}</td><td class="number">${bytes(node.size)}</td><td><${Moment} at=${node.createdAt} /></td><td><${Aliases} of=${node.aliases} /></td></tr>`)}
  </tbody></table></div><${More} of=${list} />`;
  return html`<section class="card"><h2>${title}</h2>${list.edges.length ? table : html`<${Status} loading=${list.loading} error=${list.error} empty>None.<//>`}</section>`;
}

export const RunArtifacts = ({ place }) => html`<div class="columns one">
  <${OfRun} place=${place} title="Outputs" field="outputArtifacts" /><${OfRun} place=${place} title="Inputs" field="inputArtifacts" /></div>`;
