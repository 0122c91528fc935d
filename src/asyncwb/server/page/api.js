// Everything that is asked of the server. Addresses are relative to its root, wherever that is.
export const ROOT = new URL("./", document.baseURI).href;

const BINARY = "application/octet-stream";

export const session = { user: null, csrf: "", version: "", parquet: false };

// What the server answers as columns: a header, then x, and y and perhaps the mean of each run.
// Where a run has no value is NaN. Nothing is copied: columns are views of the answer.
export function columnsOf(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const { count, runs, mean, dtype } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const Values = dtype === "f4" ? Float32Array : Float64Array;
  let at = 4 + length;
  const next = (Type) => {
    const column = new Type(buffer, at, count);
    at += count * Type.BYTES_PER_ELEMENT;
    return column;
  };
  const x = next(Float64Array);
  const part = () => Object.fromEntries(runs.map((name) => [name, next(Values)]));
  return { x, y: part(), mean: mean ? part() : null };
}

export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, { method = "GET", body, signal, accept = "application/json" } = {}) {
  const headers = { Accept: accept };
  if (session.csrf) headers["X-CSRF-Token"] = session.csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(ROOT + path, { method, headers, signal, body: body && JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(0, "The server does not answer. Is it running?");
  }
  if (response.ok && response.headers.get("content-type") === BINARY) return response.arrayBuffer();
  const answer = await response.json().catch((error) => {
    if (response.ok) throw error; // it broke off, or was given up
    return {};
  });
  if (!response.ok || answer.errors) {
    if (response.status === 401 && session.user) window.dispatchEvent(new Event("signed-out"));
    const message = answer.errors?.map((error) => error.message).join("; ");
    throw new ServerError(response.status, message || `The server answered ${response.status}.`);
  }
  return answer;
}

function begin(answer) {
  Object.assign(session, { user: null, csrf: "" }, answer);
  return session.user;
}

export const showSession = async () => begin(await ask("-/session"));
export const signIn = async (given) => begin(await ask("-/session", { method: "POST", body: given }));
export const signOut = async () => begin(await ask("-/session", { method: "DELETE" }));

export async function graphql(query, variables = {}, signal) {
  return (await ask("graphql", { method: "POST", body: { query, variables }, signal })).data;
}

// Charts share a few places, so that a page of them leaves room for everything else, and those at its top come
// first. A chart that is given up while it waits is never asked for.
const PLACES = 3;
let taken = 0;
const waiting = [];

async function inPlace(work, signal) {
  if (taken >= PLACES) await new Promise((resolve) => waiting.push(resolve));
  else taken += 1;
  try {
    signal.throwIfAborted();
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next(); // our place is theirs
    else taken -= 1;
  }
}

export async function series(body, signal) {
  return columnsOf(await inPlace(() => ask("-/series", { method: "POST", body, signal, accept: `${BINARY}, application/json;q=0.5` }), signal));
}

// Storage ids are texts of letters and digits; JSON quotes them as GraphQL does.
export async function forEach(ids, field) {
  for (let start = 0; start < ids.length; start += 50) {
    const fields = ids.slice(start, start + 50).map((id, i) => `a${i}: ${field(JSON.stringify(id))}`);
    await graphql(`mutation { ${fields.join(" ")} }`);
  }
}

export const pathTo = (...parts) => parts.map(encodeURIComponent).join("/");
// a browser would follow dots out of the folder of the run
const pathOfFile = (name) => name.split("/").filter((part) => !/^\.{0,2}$/.test(part)).map(encodeURIComponent).join("/");

export const fileUrl = ({ entity, project, run }, name) =>
  `${ROOT}files/${pathTo(entity, project, run)}/${pathOfFile(name)}`;
export const frameUrl = ({ entity, project, run }, name) =>
  `${ROOT}-/frame/${pathTo(entity, project, run)}/${pathOfFile(name)}`;

// Tables that the server writes: runs as a listing has them, and all rows of one run.
export const runsParquet = ({ entity, project }, { filters, order }) =>
  `${ROOT}-/export/${pathTo(entity, project)}/runs.parquet?${new URLSearchParams({ filters: filters ?? "", order })}`;
export const historyParquet = ({ entity, project }, run) => `${ROOT}-/export/${pathTo(entity, project, run)}/history.parquet`;

// An absolute address in an answer, as this browser reaches it.
export function reachable(url) {
  const start = url.search(/\/(storage|files)\//);
  return start < 0 ? url : ROOT + url.slice(start + 1);
}

// Every node of a connection, page by page.
export async function everything(query, variables, connection, most = Infinity) {
  const found = [];
  let after = null;
  do {
    const page = connection(await graphql(query, { ...variables, after }));
    if (!page) return found;
    found.push(...page.edges.map((edge) => edge.node));
    after = page.pageInfo.hasNextPage && found.length < most ? page.pageInfo.endCursor : null;
  } while (after);
  return found;
}
