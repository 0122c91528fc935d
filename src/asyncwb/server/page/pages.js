// Lists of the server that are read a page at a time.
import { html, useEffect, useRef, useState } from "./lib.js";
import { number } from "./format.js";

const PAGE = 100;
const NOTHING = { key: "", edges: [], about: null, total: null, next: null, error: null };

// What `ask(first, after)` answers is a connection, or null where there is none; `inputs` are what it
// depends on. `edges` grow with `more()`; `reload()` reads as many anew.
export function usePages(ask, inputs, size = PAGE) {
  const key = JSON.stringify(inputs);
  const [list, setList] = useState(NOTHING);
  const latest = useRef(null);
  latest.current = { key, ask };
  const load = async (first, after) => {
    const current = () => latest.current?.key === key;
    try {
      const page = await latest.current.ask(first, after);
      const { edges = [], totalCount = null, pageInfo } = page ?? {};
      const next = pageInfo?.hasNextPage ? pageInfo.endCursor : null;
      if (current()) setList((last) => ({ key, about: page, total: totalCount, next, error: null, edges: after && last.key === key ? [...last.edges, ...edges] : edges }));
    } catch (error) {
      if (current()) setList((last) => ({ ...(last.key === key ? last : NOTHING), key, error }));
    }
  };
  useEffect(() => { load(size, null); }, [key]);
  useEffect(() => () => { latest.current = null; }, []);
  const loading = list.key !== key;
  return { ...list, loading, more: () => load(size, list.next), reload: () => load(Math.max(size, list.edges.length), null) };
}

// The way to what a list has not read yet.
export const More = ({ of }) => of.next !== null && html`<button type="button" class="more" onClick=${of.more}>Show more${of.total === null ? "" : ` of ${number(of.total - of.edges.length)}`}</button>`;
