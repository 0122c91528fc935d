// Files that the browser makes: CSV of columns, PNG of a chart.

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

// A drawing with the colours that it has on this page.
export async function saveSvg(name, drawing, title) {
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
  savePng(name, picture, title);
}
