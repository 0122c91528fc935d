// A picture with what lies over it: masks, as colours of their classes, and boxes.
import { html, useEffect, useRef, useState, useLoaded } from "./lib.js";
import { PALETTE } from "./colors.js";
import { number } from "./format.js";
import { fetchJsonAt } from "./files.js";

const paint = (id) => PALETTE[Math.abs(Number(id) || 0) % PALETTE.length];
const ALPHA = 130;

async function pixelsOf(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

// A mask holds class ids as grey; nothing is drawn of class 0.
function Mask({ url, classes, onClasses }) {
  const place = useRef(null);
  const { value: pixels } = useLoaded(() => pixelsOf(url), [url]);
  useEffect(() => {
    if (!pixels) return;
    const { data, width, height } = pixels;
    const found = new Set();
    const colors = Array.from({ length: 256 }, (_, id) => paint(id).match(/\w\w/g).map((part) => parseInt(part, 16)));
    for (let i = 0; i < data.length; i += 4) {
      const id = data[i];
      found.add(id);
      [data[i], data[i + 1], data[i + 2], data[i + 3]] = [...colors[id], id ? ALPHA : 0];
    }
    Object.assign(place.current, { width, height }).getContext("2d").putImageData(pixels, 0, 0);
    onClasses([...found].filter(Boolean).map((id) => [id, classes?.[id] ?? `class ${id}`]));
  }, [pixels]);
  return html`<canvas ref=${place}></canvas>`;
}

// Left, top, width and height as shares of the picture.
function cornersOf({ position = {}, domain }, { width, height }) {
  const [across, down] = domain === "pixel" ? [width, height] : [1, 1];
  if (position.middle) {
    const [x, y] = position.middle;
    return [(x - position.width / 2) / across, (y - position.height / 2) / down, position.width / across, position.height / down];
  }
  const { minX, maxX, minY, maxY } = position;
  return [minX / across, minY / down, (maxX - minX) / across, (maxY - minY) / down];
}

function Boxes({ url, size }) {
  const { value: found } = useLoaded(() => fetchJsonAt(url), [url]);
  const boxes = Array.isArray(found?.box_data) ? found.box_data : [];
  return boxes.map((box, i) => {
    const [left, top, width, height] = cornersOf(box, size).map((share) => `${100 * share}%`);
    const scores = Object.entries(box.scores ?? {}).map(([name, score]) => `${name} ${number(score)}`).join(", ");
    const text = box.box_caption || found.class_labels?.[box.class_id] || `class ${box.class_id}`;
    return html`<span key=${i} class="box" style=${{ left, top, width, height, borderColor: paint(box.class_id) }} title=${[text, scores].filter(Boolean).join(": ")}><b style=${{ background: paint(box.class_id) }}>${text}</b></span>`;
  });
}

export function Picture({ source, name, image }) {
  const masks = Object.entries(image.masks ?? {}).map(([layer, { path }]) => ["mask", layer, path]);
  const boxes = Object.entries(image.boxes ?? {}).map(([layer, { path }]) => ["boxes", layer, path]);
  const layers = [...masks, ...boxes].filter(([, , path]) => typeof path === "string");
  const [hidden, setHidden] = useState([]);
  const [classes, setClasses] = useState({});
  const [size, setSize] = useState({ width: image.width ?? 1, height: image.height ?? 1 });
  const idOf = ([kind, layer]) => `${kind} ${layer}`;
  const shown = layers.filter((layer) => !hidden.includes(idOf(layer)));
  const url = source.url(image.path);
  return html`<figure>
    <a class="picture" href=${url} target="_blank" rel="noreferrer">
      <img loading="lazy" src=${url} alt=${image.caption || image.path.split("/").pop()} onLoad=${(event) => setSize({ width: event.target.naturalWidth, height: event.target.naturalHeight })} />
      ${shown.map((layer) => (layer[0] === "mask"
        ? html`<${Mask} key=${idOf(layer)} url=${source.url(layer[2])} classes=${source.labels?.(name, layer[1])} onClasses=${(found) => setClasses((last) => ({ ...last, [layer[1]]: found }))} />`
        : html`<${Boxes} key=${idOf(layer)} url=${source.url(layer[2])} size=${size} />`))}
    </a>
    ${image.caption && html`<figcaption>${image.caption}</figcaption>`}
    ${layers.length > 0 && html`<div class="layers">${layers.map((layer) => html`<label key=${idOf(layer)}><input type="checkbox" checked=${!hidden.includes(idOf(layer))}
      onChange=${(event) => setHidden(event.target.checked ? hidden.filter((each) => each !== idOf(layer)) : [...hidden, idOf(layer)])} /> ${layer[1]}</label>
      ${layer[0] === "mask" && shown.includes(layer) && (classes[layer[1]] ?? []).slice(0, 12).map(([id, text]) => html`<span class="class-name" key=${id}><i style=${{ background: paint(id) }}></i>${text}</span>`)}`)}</div>`}
  </figure>`;
}
