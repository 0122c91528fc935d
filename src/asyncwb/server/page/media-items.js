// Values of media types, drawn. `source` says where their files are: {url(path), frame(path), labels(key, layer)}.
import { html, useState, useLoaded } from "./lib.js";
import { bytes, number } from "./format.js";
import { Frame, fetchJsonAt } from "./files.js";
import { Picture } from "./overlays.js";
import { Viewer, viewerOf } from "./viewer.js";
import { LoggedTable } from "./logged-table.js";

function Histogram({ media }) {
  const { values = [], bins = [] } = media;
  const most = Math.max(...values, 1e-300);
  const [low, high] = [bins[0], bins[bins.length - 1]];
  return html`<figure class="histogram"><svg viewBox="0 0 320 140" role="img" aria-label="Histogram from ${number(low)} to ${number(high)}" preserveAspectRatio="none">
    ${values.map((count, i) => {
      const x = (320 * (bins[i] - low)) / (high - low || 1);
      const width = (320 * (bins[i + 1] - bins[i])) / (high - low || 1);
      return html`<rect key=${i} x=${x} y=${140 - (136 * count) / most} width=${Math.max(0.5, width - 0.6)} height=${(136 * count) / most}><title>${number(bins[i])} – ${number(bins[i + 1])}: ${number(count)}</title></rect>`;
    })}</svg><figcaption><span>${number(low)}</span><span>${number(high)}</span></figcaption></figure>`;
}

const IMAGES = "media/images/";
// a list of images may name them without their folder
const imagePath = (name) => (name.includes("/") ? name : IMAGES + name);

function Images({ source, name, images }) {
  const [many, setMany] = useState(24);
  return html`<div class="images ${images.length === 1 ? "alone" : ""}">${images.slice(0, many).map((image, i) => html`<${Picture} key=${`${i}${image.path}`} source=${source} name=${name} image=${image} />`)}</div>
    ${images.length > many && html`<button type="button" class="more" onClick=${() => setMany(many + 96)}>Show more of ${images.length - many}</button>`}`;
}

export const Linked = ({ source, media }) => html`<p class="notice"><a download href=${source.url(media.path)}>${media.path.split("/").pop()}</a> ${bytes(media.size)} (${media._type})</p>`;

// Nodes of a network: what each one makes.
function Graph({ source, media }) {
  const { value: graph, error } = useLoaded(() => fetchJsonAt(source.url(media.path)), [media.path]);
  if (!graph) return error && html`<p class="notice error">${error.message}</p>`;
  const nodes = graph.nodes ?? [];
  return html`<div class="scroll-x"><table class="grid"><thead><tr><th>Node</th><th>Kind</th><th>Output</th><th class="number">Parameters</th></tr></thead><tbody>
    ${nodes.map((node, i) => html`<tr key=${i}><td>${node.name ?? node.id}</td><td>${node.class_name}</td><td>${node.output_shape && JSON.stringify(node.output_shape)}</td><td class="number">${number(node.num_parameters && [node.num_parameters].flat(3).reduce((sum, each) => sum + (Number(each) || 0), 0))}</td></tr>`)}
  </tbody></table></div>`;
}

const each = (list) => (Array.isArray(list) ? list : []);

// One value of a media type, whatever the type.
export function Item({ source, name, media, small }) {
  const inside = (list) => each(list).map((one, i) => html`<${Item} key=${`${i}${one?.path}`} source=${source} name=${name} media=${one} small=${small} />`);
  switch (media?._type) {
    case "image-file": return html`<${Images} source=${source} name=${name} images=${[media]} />`;
    case "images/separated": case "images": {
      const images = each(media.filenames).map((file, i) => ({ path: imagePath(file), caption: media.captions?.[i], masks: media.all_masks?.[i], boxes: media.all_boxes?.[i] }));
      return html`<${Images} source=${source} name=${name} images=${images} />`;
    }
    case "video-file":
      if (/\.gif$/i.test(media.path)) return html`<${Images} source=${source} name=${name} images=${[media]} />`;
      return html`<video controls loop src=${source.url(media.path)}></video>${media.caption && html`<p>${media.caption}</p>`}`;
    case "audio-file": return html`<audio controls preload=${small ? "none" : "metadata"} src=${source.url(media.path)}></audio>${media.caption && html`<p>${media.caption}</p>`}`;
    case "videos": return inside(media.videos);
    case "audio": return inside(media.audio);
    case "html-file": return source.frame ? html`<${Frame} url=${source.frame(media.path)} title=${media.path} />` : html`<${Linked} source=${source} media=${media} />`;
    case "html": return inside(media.html);
    case "object3D": return inside(media.objects);
    case "table-file": case "incremental-table-file": return small ? "[table]" : html`<${LoggedTable} source=${source} media=${media} />`;
    case "histogram": return html`<${Histogram} media=${media} />`;
    case "graph-file": return html`<${Graph} source=${source} media=${media} />`;
    default:
      if (typeof media?.path !== "string") return html`<pre>${JSON.stringify(media, null, 1)}</pre>`;
      if (!viewerOf(media.path)) return html`<${Linked} source=${source} media=${media} />`;
      return html`<${Viewer} url=${source.url(media.path)} name=${media.path} caption=${media.caption} small=${small} />`;
  }
}
