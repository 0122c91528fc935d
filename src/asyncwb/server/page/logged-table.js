// A table that a run logged, with the pictures and sounds of its cells.
import { html, useLoaded } from "./lib.js";
import { everything, graphql, reachable } from "./api.js";
import { FILES, fetchJsonAt } from "./files.js";
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
