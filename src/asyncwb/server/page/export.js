// Files that the browser makes: CSV and JSON of rows, PNG of a chart, HTML of a page.

export function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Spreadsheets run texts that begin like formulas.
const cell = (value) => {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  let text = typeof value === "object" ? JSON.stringify(value) : String(value);
  if (/^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export function saveCsv(name, header, rows) {
  const text = [header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
  save(`${name}.csv`, new Blob([text, "\r\n"], { type: "text/csv" }));
}

export const saveJson = (name, content) => save(`${name}.json`, new Blob([JSON.stringify(content, null, 1), "\n"], { type: "application/json" }));

// A canvas, or anything else that a canvas can draw, below its title.
export function savePng(name, drawn, title) {
  const ratio = devicePixelRatio || 1;
  const top = 34 * ratio;
  const style = getComputedStyle(document.documentElement);
  const canvas = Object.assign(document.createElement("canvas"), { width: drawn.width, height: drawn.height + top });
  const context = canvas.getContext("2d");
  context.fillStyle = style.getPropertyValue("--surface");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = style.getPropertyValue("--text");
  context.font = `600 ${14 * ratio}px system-ui, sans-serif`;
  context.fillText(title, 12 * ratio, 22 * ratio);
  context.drawImage(drawn, 0, top);
  canvas.toBlob((blob) => save(`${name}.png`, blob));
}

// A drawing with the colours that it has on this page, as a picture.
async function pictureOf(drawing) {
  const copy = drawing.cloneNode(true);
  const parts = [...copy.querySelectorAll("*")];
  [...drawing.querySelectorAll("*")].forEach((part, i) => {
    const style = getComputedStyle(part);
    for (const name of ["fill", "stroke", "stroke-width", "font-family", "font-size", "opacity"]) parts[i].setAttribute(name, style.getPropertyValue(name));
  });
  const ratio = devicePixelRatio || 1;
  const { width, height } = drawing.getBoundingClientRect();
  for (const [side, size] of [["width", width], ["height", height]]) copy.setAttribute(side, size * ratio);
  copy.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const picture = new Image();
  picture.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await picture.decode();
  return picture;
}

export const saveSvg = async (name, drawing, title) => savePng(name, await pictureOf(drawing), title);

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text) => String(text ?? "").replace(/[&<>"]/g, (letter) => ESCAPES[letter]);

// The charts that are drawn on this page and a table, as one file that needs nothing else.
export async function saveHtml(name, title, header, rows) {
  const style = getComputedStyle(document.documentElement);
  const [surface, text, border] = ["--surface", "--text", "--border"].map((each) => style.getPropertyValue(each));
  const charts = [];
  for (const figure of document.querySelectorAll(".chart")) {
    const [canvas, drawing] = [figure.querySelector(".uplot canvas"), figure.querySelector(".plot > svg")];
    if (!canvas && !drawing) continue;
    const source = canvas ? canvas.toDataURL() : (await pictureOf(drawing)).src;
    const caption = figure.querySelector(".chart-title").textContent;
    const legend = [...figure.querySelectorAll(".legend li")].map((item) => item.textContent).join(", ");
    charts.push(`<figure><figcaption>${escaped(caption)}</figcaption><img src="${escaped(source)}" alt="">${legend && `<small>${escaped(legend)}</small>`}</figure>`);
  }
  const line = (cells, tag) => `<tr>${cells.map((each) => `<${tag}>${typeof each === "string" && each.startsWith("#") ? `<i style="background:${escaped(each)}"></i>` : escaped(each)}</${tag}>`).join("")}</tr>`;
  const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>
<style>body{font:14px system-ui,sans-serif;background:${surface};color:${text};margin:24px}main{display:flex;flex-wrap:wrap;gap:16px}figure{margin:0;border:1px solid ${border};border-radius:8px;padding:10px;width:440px}img{max-width:100%}table{border-collapse:collapse;margin-top:20px}td,th{border:1px solid ${border};padding:3px 8px;text-align:left}i{display:inline-block;width:10px;height:10px;border-radius:50%}</style>
<h1>${escaped(title)}</h1><p>${escaped(new Date().toLocaleString())} · ${escaped(location.href)}</p><main>${charts.join("\n")}</main><table>${line(header, "th")}${rows.map((row) => line(row, "td")).join("\n")}</table></html>`;
  save(`${name}.html`, new Blob([page], { type: "text/html" }));
}
