// The photo with what was looked at and read, and the strip of photos below it.
import { el, svg } from "./elements.js";
import { picture } from "./api.js";
import { ShadowMarker } from "./shadow_marker.js";

export class PhotoView {
  constructor(figure, strip, { choose, add, shadow }) {
    Object.assign(this, { figure, strip, choose, add, shadow });
    this.shown = "";
  }

  show(caseId, photos, photo) {
    this.drawStrip(caseId, photos, photo);
    const key = photo ? `${caseId} ${photo.number}` : "";
    if (key !== this.shown) this.build(caseId, photo);
    this.shown = key;
    if (photo) this.marks(photo);
  }

  build(caseId, photo) {
    this.known = new Set();
    if (!photo) { this.figure.replaceChildren(el("div", { class: "missing" }, el("b", {}, "No photo yet"), el("span", {}, "Add one below, or state what you know."))); return; }
    const [width, height] = photo.size;
    this.overlay = svg("svg", { class: "overlay", width: "100%", height: "100%", role: "group", "aria-label": "zoomed parts and text found in the photo" });
    this.tip = el("div", { class: "tip", role: "status" });
    const image = el("img", { src: picture(caseId, photo.number, 1400), alt: `photo ${photo.number}: ${photo.name}`, width, height });
    const frame = el("div", { class: "frame" }, image, this.overlay, this.tip);
    frame.style.aspectRatio = `${width} / ${height}`;
    frame.style.setProperty("--ratio", (width / height).toFixed(4));
    this.switches = el("span", { class: "switches" });
    this.marker = new ShadowMarker(frame, this.overlay, (points, time) => this.shadow(photo.number, points, time));
    this.figure.replaceChildren(frame, el("figcaption", {}, el("span", { class: "name" }, `${photo.name}, ${width} × ${height} pixels`), this.switches), this.marker.controls);
    this.figure.classList.remove("no-zooms", "no-texts");
  }

  // New marks are added to those that are there, so that each appears once, when it is found.
  marks(photo) {
    const fresh = this.known.size > 0 || photo.state === "running";
    for (const [kind, marks] of [["texts", photo.texts], ["zooms", photo.zooms]]) {
      for (const mark of marks) {
        const key = `${kind} ${mark.name} ${mark.box.join()}`;
        if (this.known.has(key)) continue;
        this.known.add(key);
        this.overlay.append(this.box(kind, mark, fresh));
      }
    }
    const counts = [["zooms", "Zoomed parts", photo.zooms.length], ["texts", "Text found", photo.texts.length]];
    this.switches.replaceChildren(...counts.filter(([, , count]) => count).map(([kind, words, count]) =>
      el("label", { class: kind }, el("input", { type: "checkbox", checked: !this.figure.classList.contains(`no-${kind}`),
        onchange: event => this.figure.classList.toggle(`no-${kind}`, !event.target.checked) }), `${words} (${count})`)));
  }

  box(kind, mark, fresh) {
    const [left, top, right, bottom] = mark.box, share = value => `${(100 * value).toFixed(3)}%`;
    const at = { x: share(left), y: share(top), width: share(right - left), height: share(bottom - top) };
    const box = svg("g", { class: `box ${kind}${fresh ? " fresh" : ""}`, tabindex: "0", role: "img", "aria-label": mark.words },
      svg("rect", { ...at, class: "halo" }), svg("rect", { ...at, class: "line", rx: "2" }),
      kind === "zooms" && svg("text", { x: at.x, y: at.y, dx: "4", dy: top < 0.05 ? "14" : "-5" }, mark.name.slice(0, 8)));
    for (const enter of ["pointerenter", "focus"]) box.addEventListener(enter, () => this.tell(box, mark.words));
    for (const leave of ["pointerleave", "blur"]) box.addEventListener(leave, () => this.tip.classList.remove("shown"));
    return box;
  }

  tell(box, words) {
    const around = this.overlay.getBoundingClientRect(), at = box.querySelector("rect").getBoundingClientRect();
    this.tip.textContent = words;
    this.tip.classList.add("shown");
    const below = at.bottom - around.top + 6;
    this.tip.style.left = `${Math.min(Math.max(at.left - around.left, 4), Math.max(4, around.width - this.tip.offsetWidth - 4))}px`;
    this.tip.style.top = `${below + this.tip.offsetHeight < around.height ? below : Math.max(4, at.top - around.top - this.tip.offsetHeight - 6)}px`;
  }

  drawStrip(caseId, photos, current) {
    const key = JSON.stringify([caseId, current?.number, photos.map(photo => [photo.number, photo.state, photo.error])]);
    if (key === this.strips) return;
    this.strips = key;
    const thumbs = photos.length < 2 ? [] : photos.map(photo => el("button", {
      type: "button", class: `thumb ${photo.state}`, "aria-pressed": String(photo.number === current?.number), title: photo.name,
      "aria-label": `photo ${photo.number}: ${photo.name}, ${STATES[photo.state]}`, onclick: () => this.choose(photo.number),
    }, el("img", { src: picture(caseId, photo.number, 160), alt: "" }), el("i", {}, String(photo.number))));
    const input = el("input", { type: "file", accept: "image/*,.heic,.heif,.avif", multiple: true, "aria-label": "add photos of the same place",
      onchange: event => { const files = [...event.target.files]; event.target.value = ""; this.add(files); } });
    this.strip.replaceChildren(...thumbs, el("label", { class: "add" }, "Add a photo of the same place", input));
  }
}

const STATES = { waiting: "not investigated yet", running: "being investigated", done: "investigated", failed: "could not be investigated" };
