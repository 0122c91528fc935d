// What all viewers share: the page hands over a file and its colours; they say how it went.
"use strict";

function follow({ show, dress }) {
  const say = (message) => parent.postMessage(message, "*");
  const guard = async (work) => {
    try {
      await work();
    } catch (error) {
      say({ error: `It cannot be shown: ${error?.message ?? error}` });
    }
  };
  addEventListener("message", ({ source, data }) => {
    if (source !== parent) return;
    document.body.style.background = data.colors.surface;
    document.body.style.color = data.colors.text;
    if (data.file) guard(async () => say({ facts: (await show(data.show, data.file, data.colors)) ?? "" }));
    else guard(() => dress?.(data.colors));
  });
  say({ ready: true });
}

const text = (file) => new TextDecoder().decode(file);

// A library that only some of the files need.
const load = (name) => new Promise((resolve, reject) => {
  const script = Object.assign(document.createElement("script"), { src: `../vendor/${name}.js`, onload: resolve });
  script.onerror = () => reject(new Error("a part of the page could not be loaded"));
  document.head.append(script);
});
globalThis.viewers = { follow, text, load };
