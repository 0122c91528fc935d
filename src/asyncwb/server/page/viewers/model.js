// Models in space: clouds of points with boxes, meshes. Drag turns, the wheel zooms.
import * as THREE from "../vendor/three.module.js";
import { OrbitControls } from "../vendor/three-orbit.js";
import { GLTFLoader } from "../vendor/three-gltf.js";
import { OBJLoader } from "../vendor/three-obj.js";
import { STLLoader } from "../vendor/three-stl.js";

const PALETTE = ["#3d6fe0", "#e07b1f", "#2f9e5b", "#d0415e", "#8a5cd6", "#12919c", "#b8860b", "#d65bb0"];
const material = () => new THREE.MeshStandardMaterial({ color: "#8fa3c8", roughness: 0.75, metalness: 0.05, side: THREE.DoubleSide });

function cloud(points) {
  const positions = new Float32Array(points.length * 3);
  const colors = new Float32Array(points.length * 3);
  const color = new THREE.Color();
  points.forEach((point, i) => {
    positions.set(point.slice(0, 3), 3 * i);
    if (point.length >= 6) color.setRGB(point[3] / 255, point[4] / 255, point[5] / 255, THREE.SRGBColorSpace);
    else color.set(PALETTE[(point.length === 4 ? Math.round(point[3]) : 0) % PALETTE.length]);
    colors.set([color.r, color.g, color.b], 3 * i);
  });
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.BufferAttribute(positions, 3));
  geometry.setAttribute("color", new THREE.BufferAttribute(colors, 3));
  return new THREE.Points(geometry, new THREE.PointsMaterial({ size: 2.5, sizeAttenuation: false, vertexColors: true }));
}

// The twelve edges of a box from its eight corners: of each corner the three nearest ones whose sides are square to each other.
function edges(corners) {
  const found = [];
  const away = (a, b) => new THREE.Vector3(...corners[a]).sub(new THREE.Vector3(...corners[b]));
  for (let a = 0; a < corners.length; a += 1) {
    const near = [...corners.keys()].filter((b) => b !== a).sort((b, c) => away(a, b).length() - away(a, c).length());
    const sides = [];
    for (const b of near) {
      const side = away(a, b).normalize();
      if (sides.length < 3 && sides.every((other) => Math.abs(other.dot(side)) < 0.1)) {
        sides.push(side);
        if (a < b) found.push(new THREE.Vector3(...corners[a]), new THREE.Vector3(...corners[b]));
      }
    }
  }
  return found;
}

function lines(points, color) {
  const [r, g, b] = color ?? [255, 160, 0];
  return new THREE.LineSegments(new THREE.BufferGeometry().setFromPoints(points), new THREE.LineBasicMaterial({ color: new THREE.Color(r / 255, g / 255, b / 255) }));
}

function scene(found) {
  const group = new THREE.Group();
  const { points = [], boxes = [], vectors = [] } = Array.isArray(found) ? { points: found } : found;
  if (points.length) group.add(cloud(points));
  for (const box of boxes) group.add(lines(edges(box.corners), box.color));
  for (const { start, end, color } of vectors) group.add(lines([new THREE.Vector3(...start), new THREE.Vector3(...end)], color));
  const parts = [`${points.length.toLocaleString("en-US")} points`, boxes.length && `${boxes.length} box${boxes.length === 1 ? "" : "es"}: ${boxes.map((box) => box.label).join(", ")}`, vectors.length && `${vectors.length} vectors`];
  return [group, parts.filter(Boolean).join(", ")];
}

async function load(name, file) {
  if (/\.pts\.json$/i.test(name)) return scene(JSON.parse(viewers.text(file)));
  if (/\.stl$/i.test(name)) {
    const geometry = new STLLoader().parse(file);
    geometry.computeVertexNormals(); // those of the file are often all zero
    return [new THREE.Mesh(geometry, material()), ""];
  }
  if (/\.obj$/i.test(name)) {
    const group = new OBJLoader().parse(viewers.text(file));
    group.traverse((part) => { if (part.isMesh) part.material = material(); });
    return [group, ""];
  }
  return [(await new GLTFLoader().parseAsync(file, "")).scene, ""];
}

function countFaces(object) {
  let count = 0;
  object.traverse((part) => { if (part.isMesh) count += (part.geometry.index ?? part.geometry.attributes.position).count / 3; });
  return count && `${count.toLocaleString("en-US")} triangle${count === 1 ? "" : "s"}`;
}

let world;

viewers.follow({
  async show(name, file, colors) {
    const [object, facts] = await load(name, file);
    const view = document.getElementById("view");
    const renderer = new THREE.WebGLRenderer({ antialias: true });
    renderer.setPixelRatio(devicePixelRatio);
    view.append(renderer.domElement);
    world = new THREE.Scene();
    world.background = new THREE.Color(colors.surface);
    world.add(object, new THREE.HemisphereLight("#ffffff", "#8890a0", 2));
    const camera = new THREE.PerspectiveCamera(45, 1, 0.01, 100);
    const sun = new THREE.DirectionalLight("#ffffff", 1.5);
    camera.add(sun);
    world.add(camera);
    // one size for all, around the middle
    const box = new THREE.Box3().setFromObject(object);
    const sphere = box.getBoundingSphere(new THREE.Sphere());
    object.scale.multiplyScalar(1 / (sphere.radius || 1));
    object.position.sub(sphere.center.multiplyScalar(1 / (sphere.radius || 1)));
    camera.position.set(1.5, 1.2, 2.2);
    const controls = new OrbitControls(camera, renderer.domElement);
    const draw = () => renderer.render(world, camera);
    world.draw = draw;
    controls.addEventListener("change", draw);
    new ResizeObserver(() => {
      camera.aspect = view.clientWidth / view.clientHeight;
      camera.updateProjectionMatrix();
      renderer.setSize(view.clientWidth, view.clientHeight);
      draw();
    }).observe(view);
    controls.update();
    return [facts, countFaces(object)].filter(Boolean).join(", ");
  },
  dress(colors) {
    if (!world) return;
    world.background.set(colors.surface);
    world.draw();
  },
});
