// A table that a run logged, with the pictures and sounds of its cells.
import { html, useLoaded } from "./lib.js";
import { everything, graphql, reachable } from "./api.js";
import { FILES, fetchJsonAt, fetchText } from "./files.js";
import { Status } from "./parts.js";
import { DataTable } from "./data-table.js";
import { Item } from "./media-items.js";

const CLIENT = "query Client($id: ID!) { clientIDMapping(clientID: $id) { serverID } }";
// The file of a run has only the name of the class of such a cell; the artifact has the cell.
const OBJECTS = /^(Image|Audio|Video|Html|Object3D|Molecule|Plotly|Bokeh|Histogram|Graph)$/;
const MOST = 20_000; // files of an artifact

async function fromArtifact(address) {
  const [, client, path] = /^wandb-client-artifact:\/\/(\w+)\/(.+)$/.exec(address) ?? [];
  if (!client) return null;
  const { clientIDMapping: found } = await graphql(CLIENT, { id: client });
  if (!found?.serverID) return null;
  const files = await everything(FILES, { id: found.serverID }, ({ artifact }) => artifact?.files, MOST);
  const urls = new Map(files.map((file) => [file.displayName ?? file.name, reachable(file.directUrl ?? "")]));
  return { table: await fetchJsonAt(urls.get(path)), source: { url: (name) => urls.get(name) ?? "", frame: null } };
}

// A file that somebody looks at: `source` knows the files beside it.
export function TableFile({ url, name, source }) {
  const read = async () => (/\.csv$/i.test(name) ? csvTable(await fetchText(url)) : fetchJsonAt(url));
  const { value: table, error, loading } = useLoaded(read, [url]);
  if (!table?.data) return html`<${Status} loading=${loading} error=${error} empty>There are no rows in it.<//>`;
  return html`<${DataTable} table=${table} name=${name.split("/").pop()} show=${(cell) => html`<${Item} source=${source} media=${cell} small />`} />`;
}

// Rows of comma-separated values; what looks like a number is one.
export function csvTable(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    const cell = quoted === undefined ? plain : quoted.replaceAll('""', '"');
    rows[rows.length - 1].push(quoted === undefined && cell.trim() !== "" && Number.isFinite(Number(cell)) ? Number(cell) : cell);
    if (end === "") break;
    if (end !== ",") rows.push([]);
  }
  const full = rows.filter((row) => row.length > 1 || row[0] !== "");
  const [columns = [], ...data] = full;
  return { columns: columns.map(String), data };
}

async function load(source, media) {
  const table = await fetchJsonAt(source.url(media.path));
  const rich = table.data?.some((row) => row.some((cell) => typeof cell === "string" && OBJECTS.test(cell)));
  const found = rich && media.artifact_path ? await fromArtifact(media.artifact_path).catch(() => null) : null;
  return found?.table?.data ? found : { table, source };
}

export function LoggedTable({ source, media }) {
  const { value: found, error, loading } = useLoaded(() => load(source, media), [media.path]);
  if (!found) return html`<${Status} loading=${loading} error=${error} empty>No table.<//>`;
  return html`<${DataTable} table=${found.table} name="table" show=${(cell) => html`<${Item} source=${found.source} media=${cell} small />`} />`;
}
