// Drawings of marks with axes, and what is under the pointer.
import { html, useMemo, useRef, useState, useSize } from "./lib.js";
import { number } from "./format.js";
import { bands, scaleOf } from "./scales.js";

const [LEFT, RIGHT, TOP, BOTTOM] = [58, 14, 10, 40];
const NEAR = 30;
const MOST_POINTS = 5000; // a drawing of more stands still
const LISTED = 16; // of a legend
const DASHES = ["", "6 3", "2 3", "8 3 2 3"];
const LETTER = 6.5; // pixels, about

const shorten = (text, room) => (text.length * LETTER > room ? `${text.slice(0, Math.max(1, Math.floor(room / LETTER) - 1))}…` : text);

function Axes({ x, y, width, height, titles, left }) {
  const [right, bottom] = [width - RIGHT, height - BOTTOM];
  const room = x.numeric ? 80 : x.band;
  const skip = x.numeric ? 1 : Math.max(1, Math.ceil(24 / x.band));
  return html`<g class="axes">
    ${y.ticks.map(([at, text]) => html`<g key=${text}>${y.numeric && html`<line class="grid-line" x1=${left} x2=${right} y1=${at} y2=${at} />`}<text x=${left - 6} y=${at + 4} text-anchor="end">${shorten(text, left - 12)}</text></g>`)}
    ${x.ticks.map(([at, text], i) => i % skip === 0 && html`<g key=${text}>${x.numeric && html`<line class="grid-line" x1=${at} x2=${at} y1=${TOP} y2=${bottom} />`}<text x=${at} y=${bottom + 15} text-anchor="middle">${shorten(text, room * skip)}</text></g>`)}
    <text class="axis-name" x=${(left + right) / 2} y=${height - 6} text-anchor="middle">${shorten(titles.x ?? "", right - left)}</text>
    <text class="axis-name" transform="translate(12 ${(TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">${shorten(titles.y ?? "", bottom - TOP)}</text>
  </g>`;
}

// Each kind: its axes, its marks, and the places that the pointer may find.
const KINDS = {
  lines({ marks }, { left, right, top, bottom }) {
    const points = marks.flatMap((mark) => mark.points);
    const x = scaleOf(points.map(([at]) => at), left, right, { margin: 0.01 });
    const y = scaleOf(points.map(([, at]) => at), bottom, top);
    const few = points.length <= 60;
    const placed = marks.map((mark) => ({ ...mark, places: mark.points.map(([across, up]) => ({ x: x.at(across), y: y.at(up), text: `${mark.text ? `${mark.text}: ` : ""}${number(across)}, ${number(up)}`, color: mark.color })).filter((place) => place.x !== null && place.y !== null) }));
    return { x, y, places: placed.flatMap((mark) => mark.places), shapes: placed.map((mark, i) => html`<g key=${i}>
      <polyline class="mark-line" points=${mark.places.map((place) => `${place.x.toFixed(1)},${place.y.toFixed(1)}`).join(" ")} stroke=${mark.color} stroke-dasharray=${DASHES[mark.dashed % DASHES.length]} />
      ${few && mark.places.map((place, j) => html`<circle key=${j} cx=${place.x} cy=${place.y} r="2.5" fill=${mark.color} />`)}</g>`) };
  },
  points({ marks }, { left, right, top, bottom }) {
    const x = scaleOf(marks.map((mark) => mark.x), left, right);
    const y = scaleOf(marks.map((mark) => mark.y), bottom, top);
    const skip = Math.ceil(marks.length / MOST_POINTS);
    const places = marks.filter((_, i) => i % skip === 0).map((mark) => ({ x: x.at(mark.x), y: y.at(mark.y), color: mark.color, text: `${mark.text ? `${mark.text}: ` : ""}${number(mark.x)}, ${number(mark.y)}` })).filter((place) => place.x !== null && place.y !== null);
    return { x, y, places, shapes: places.map((place, i) => html`<circle key=${i} class="mark-point" cx=${place.x} cy=${place.y} r="3.5" fill=${place.color} />`) };
  },
  bars({ marks, names, runs }, { left, right, top, bottom }) {
    const x = scaleOf(marks.map((mark) => mark.size), left, right, { zero: true });
    const { at: middle, band } = bands(names, top, bottom);
    const thick = Math.max(1, (band * 0.75) / runs.length);
    const skip = Math.max(1, Math.ceil(13 / band));
    const y = { numeric: false, ticks: names.filter((_, i) => i % skip === 0).map((name) => [middle(name), name]) };
    const zero = x.at(0);
    const placed = marks.filter((mark) => x.at(mark.size) !== null).map((mark) => ({ ...mark, end: x.at(mark.size), above: middle(mark.name) - (thick * runs.length) / 2 + thick * runs.indexOf(mark.run) }));
    return { x, y, places: placed.map((mark) => ({ x: mark.end, y: mark.above + thick / 2, color: mark.color, text: `${mark.text ? `${mark.text} · ` : ""}${mark.name}: ${number(mark.size)}`, wide: true })),
      shapes: placed.map((mark, i) => html`<rect key=${i} x=${Math.min(zero, mark.end)} y=${mark.above} width=${Math.abs(mark.end - zero)} height=${Math.max(0.5, thick - 1)} fill=${mark.color} />`) };
  },
  histogram({ marks, low, width }, { left, right, top, bottom }) {
    const bins = marks[0]?.counts.length ?? 0;
    const x = scaleOf([low, low + width * bins], left, right, { margin: 0 });
    const y = scaleOf(marks.flatMap((mark) => mark.counts), bottom, top, { zero: true });
    const bars = marks.flatMap((mark) => mark.counts.map((count, i) => ({ from: low + i * width, count, mark })));
    return { x, y, places: bars.filter((bar) => bar.count).map((bar) => ({ x: x.at(bar.from + width / 2), y: y.at(bar.count), color: bar.mark.color, text: `${bar.mark.text ? `${bar.mark.text}: ` : ""}${number(bar.count)} from ${number(bar.from)} to ${number(bar.from + width)}` })),
      shapes: bars.map((bar, i) => html`<rect key=${i} class=${marks.length > 1 ? "over-others" : ""} x=${x.at(bar.from)} y=${y.at(bar.count)} width=${Math.max(0.5, x.at(bar.from + width) - x.at(bar.from) - 0.6)} height=${y.at(0) - y.at(bar.count)} fill=${bar.mark.color} />`) };
  },
  matrix({ marks, names }, { left, right, top, bottom }) {
    const { at: across, band: wide } = bands(names, left, right);
    const { at: down, band: tall } = bands(names, top, bottom);
    const most = Math.max(1e-300, ...marks.map((mark) => mark.count));
    const skip = Math.max(1, Math.ceil(13 / tall));
    const x = { numeric: false, band: wide, ticks: names.map((name) => [across(name), name]) };
    const y = { numeric: false, ticks: names.filter((_, i) => i % skip === 0).map((name) => [down(name), name]) };
    return { x, y, places: marks.map((mark) => ({ x: across(mark.predicted), y: down(mark.actual), wide: true, text: `${mark.actual} taken for ${mark.predicted}: ${number(mark.count)}${mark.parts.length ? ` (${mark.parts.join(", ")})` : ""}` })),
      shapes: marks.map((mark, i) => html`<g key=${i}><rect class="cell" x=${across(mark.predicted) - wide / 2} y=${down(mark.actual) - tall / 2} width=${wide - 1} height=${tall - 1} fill-opacity=${0.05 + (0.95 * mark.count) / most} />
        ${Math.min(wide, tall) > 15 && number(mark.count).length * LETTER < wide && html`<text class=${mark.count > most / 2 ? "on-dark" : ""} x=${across(mark.predicted)} y=${down(mark.actual) + 4} text-anchor="middle">${number(mark.count)}</text>`}</g>`) };
  },
};

export function Plot({ drawing, label, place }) {
  const holder = useRef(null);
  const { width, height } = useSize(holder);
  const [hovered, setHovered] = useState(null);
  const left = drawing.kind === "bars" || drawing.kind === "matrix" ? Math.min(150, width / 3, 34 + LETTER * Math.max(3, ...drawing.names.map((name) => name.length))) : LEFT;
  const made = useMemo(() => (width > LEFT + RIGHT && height > TOP + BOTTOM ? KINDS[drawing.kind](drawing, { left, right: width - RIGHT, top: TOP, bottom: height - BOTTOM }) : null), [drawing, width, height]);
  const look = (event) => {
    const box = holder.current.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [best, nearest] = [null, NEAR];
    for (const each of made?.places ?? []) {
      const away = each.wide && drawing.kind === "bars" ? Math.abs(each.y - y) : Math.hypot(each.x - x, each.y - y);
      if (away < nearest) [best, nearest] = [each, away];
    }
    setHovered(best);
  };
  return html`<div class="plot drawn" ref=${holder} onPointerMove=${look} onPointerLeave=${() => setHovered(null)}>
    <svg ref=${place} width=${width} height=${height} role="img" aria-label=${label}>
      ${made && html`<${Axes} x=${made.x} y=${made.y} width=${width} height=${height} titles=${drawing} left=${left} />${made.shapes}`}
      ${hovered && html`<circle class="ring" cx=${hovered.x} cy=${hovered.y} r="5" />`}
    </svg>
    ${hovered && html`<div class="tooltip" style=${hovered.x > width / 2 ? { right: `${width - hovered.x + 12}px`, top: `${Math.max(0, hovered.y - 30)}px` } : { left: `${hovered.x + 12}px`, top: `${Math.max(0, hovered.y - 30)}px` }}>
      <div>${hovered.color && html`<i style=${{ background: hovered.color }}></i>`}<span>${hovered.text}</span></div></div>`}
  </div>
  ${drawing.legend.length > 0 && html`<ul class="legend">${drawing.legend.slice(0, LISTED).map(([name, color]) => html`<li key=${name}>${color && html`<i style=${{ background: color }}></i>`}${name}</li>`)}
    ${drawing.legend.length > LISTED && html`<li>and ${drawing.legend.length - LISTED} more</li>`}</ul>`}`;
}
