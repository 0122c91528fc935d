// Molecules: small ones as sticks and balls, proteins as ribbons besides. Drag turns, the wheel zooms.
"use strict";

const FORMATS = { mmcif: "cif", mcif: "cif", sd: "sdf" };
let viewer;

viewers.follow({
  show(name, file, colors) {
    const suffix = name.split(".").pop().toLowerCase();
    viewer = $3Dmol.createViewer(document.getElementById("view"), { backgroundColor: colors.surface });
    if (!viewer) throw new Error("this browser has no WebGL");
    const model = viewer.addModel(suffix === "mmtf" ? new Uint8Array(file) : viewers.text(file), FORMATS[suffix] ?? suffix);
    const atoms = model.selectedAtoms({});
    if (!atoms.length) throw new Error("there are no atoms in it");
    viewer.setStyle({}, { stick: { radius: 0.14 }, sphere: { scale: 0.26 } });
    if (new Set(atoms.map((atom) => `${atom.chain}${atom.resi}`)).size > 8) viewer.setStyle({ hetflag: false }, { cartoon: { color: "spectrum" } });
    viewer.zoomTo();
    viewer.render();
    return `${atoms.length.toLocaleString("en-US")} atoms`;
  },
  dress(colors) {
    viewer?.setBackgroundColor(colors.surface);
    viewer?.render();
  },
});
