// Files of a run or an artifact, with a look at those that are text or pictures.
import { html, useMemo, useState, useLoaded } from "./lib.js";
import { everything, fileUrl, frameUrl } from "./api.js";
import { bytes, naturally, number, parse } from "./format.js";
import { Guard, Moment, Status } from "./parts.js";
import { TableFile } from "./logged-table.js";
import { Viewer, viewerOf } from "./viewer.js";

const OF_RUN = `query Files($entity: String, $project: String, $run: String!, $after: String) {
  project(name: $project, entityName: $entity) { run(name: $run) { files(first: 500, after: $after) {
    edges { node { name sizeBytes mimetype updatedAt } } pageInfo { endCursor hasNextPage } } } } }`;
export const FILES = `query Files($id: ID!, $after: String) { artifact(id: $id) { files(first: 500, after: $after) {
  edges { node { name displayName sizeBytes directUrl digest } } pageInfo { endCursor hasNextPage } } } }`;
const ROWS = 500; // of a folder, before somebody asks for more
const LARGEST_TEXT = 512 * 1024;
const LARGEST_TABLE = 32 * 1024 * 1024;

export async function fetchText(url, most = Infinity) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(response.status === 404 ? "The file is not there (yet)." : `The server answered ${response.status}.`);
  if (Number(response.headers.get("content-length")) > most) throw new Error("The file is too large to be shown here; download it.");
  return response.text();
}

export const fetchJsonAt = async (url) => parse(await fetchText(url));
export const fetchJson = (place, name) => fetchJsonAt(fileUrl(place, name));

const kindOf = (name) => {
  if (viewerOf(name)) return "viewer";
  if (/\.(table\.json|csv)$/i.test(name)) return "table";
  if (/\.(png|jpe?g|gif|webp|bmp|svg)$/i.test(name)) return "image";
  if (/\.(mp4|webm|mov|ogv)$/i.test(name)) return "video";
  if (/\.(wav|mp3|ogg|flac|m4a)$/i.test(name)) return "audio";
  if (/\.html?$/i.test(name)) return "html";
  if (/\.(txt|log|json|jsonl|ya?ml|py|md|csv|tsv|toml|ini|cfg|sh|diff|patch|ipynb|xml)$/i.test(name) || !/\.\w+$/.test(name)) return "text";
  return "other";
};

export const Frame = ({ url, title }) => html`<iframe class="frame" sandbox="allow-scripts" referrerpolicy="no-referrer" loading="lazy" src=${url} title=${title}></iframe>`;

function Preview({ name, url, frame, size, source }) {
  const kind = kindOf(name);
  const text = kind === "text" && size <= LARGEST_TEXT;
  const table = kind === "table" && size <= LARGEST_TABLE;
  const { value, error } = useLoaded(() => (text ? fetchText(url, LARGEST_TEXT) : Promise.resolve(null)), [url]);
  return html`<section class="card preview" aria-label="Preview of ${name}"><h2>${name} <a class="button" download href=${url}>Download</a></h2>
    ${kind === "image" && html`<img src=${url} alt=${name} />`}
    ${kind === "video" && html`<video src=${url} controls></video>`}
    ${kind === "audio" && html`<audio src=${url} controls></audio>`}
    ${table && html`<${Guard} key=${url}><${TableFile} url=${url} name=${name} source=${source} /><//>`}
    ${kind === "viewer" && html`<${Viewer} key=${url} url=${url} name=${name} />`}
    ${kind === "html" && (frame ? html`<${Frame} url=${frame} title=${name} />` : html`<p class="notice">Download it to see it.</p>`)}
    ${text && (error ? html`<p class="notice error">${error.message}</p>` : html`<pre>${value}</pre>`)}
    ${(kind === "other" || (kind === "text" && !text) || (kind === "table" && !table)) && html`<p class="notice">No preview: ${bytes(size)}.</p>`}
  </section>`;
}

// Files under a folder path, folders first.
function inside(files, folder) {
  const folders = new Map();
  const here = [];
  for (const file of files) {
    if (!file.name.startsWith(folder)) continue;
    const [head, ...rest] = file.name.slice(folder.length).split("/");
    if (!rest.length) here.push(file);
    else folders.set(head, (folders.get(head) ?? 0) + Number(file.sizeBytes));
  }
  return { folders: [...folders].sort(([a], [b]) => naturally(a, b)), here: here.sort((a, b) => naturally(a.name, b.name)) };
}

export function FileBrowser({ files, url, frame }) {
  const [folder, setFolder] = useState("");
  const [many, setMany] = useState(ROWS);
  const [chosen, setChosen] = useState(null);
  const { folders, here } = useMemo(() => inside(files, folder), [files, folder]);
  const parts = folder.split("/").filter(Boolean);
  const byName = useMemo(() => new Map(files.map((file) => [file.name, file])), [files]);
  const source = { url: (path) => (byName.has(path) ? url(byName.get(path)) : ""), frame: null };
  return html`<div class="file-browser">
    <section class="card">
      <nav class="crumbs" aria-label="Folders"><button type="button" onClick=${() => setFolder("")}>files</button>
        ${parts.map((part, i) => html`<span key=${i}>/</span><button type="button" onClick=${() => setFolder(`${parts.slice(0, i + 1).join("/")}/`)}>${part}</button>`)}</nav>
      <table class="grid"><thead><tr><th>Name</th><th class="number">Size</th><th>Changed</th><th></th></tr></thead><tbody>
        ${folders.slice(0, many).map(([name, size]) => html`<tr key=${name}><td><button type="button" class="link" onClick=${() => setFolder(`${folder}${name}/`)}>📁 ${name}</button></td><td class="number">${bytes(size)}</td><td></td><td></td></tr>`)}
        ${here.slice(0, many).map((file) => html`<tr key=${file.name} class=${chosen?.name === file.name ? "chosen" : ""}><td><button type="button" class="link" onClick=${() => setChosen(file)}>${file.name.slice(folder.length)}</button></td>
          <td class="number">${bytes(file.sizeBytes)}</td><td>${file.updatedAt && html`<${Moment} at=${file.updatedAt} />`}</td><td>${url(file) && html`<a download href=${url(file)}>download</a>`}</td></tr>`)}
      </tbody></table>
      ${Math.max(here.length, folders.length) > many && html`<button type="button" class="more" onClick=${() => setMany(many + 10 * ROWS)}>Show more of ${number(here.length + folders.length)}</button>`}
    </section>
    ${chosen && url(chosen) && html`<${Preview} key=${chosen.name} name=${chosen.name} url=${url(chosen)} frame=${frame?.(chosen)} source=${source} size=${Number(chosen.sizeBytes)} />`}
  </div>`;
}

export function Files({ place, count }) {
  const { value: files, loading, error } = useLoaded(() => everything(OF_RUN, place, ({ project }) => project?.run?.files), [place.run, count]);
  if (!files?.length) return html`<${Status} loading=${loading} error=${error} empty>No files.<//>`;
  return html`<${FileBrowser} files=${files} url=${(file) => fileUrl(place, file.name)} frame=${(file) => frameUrl(place, file.name)} />`;
}
