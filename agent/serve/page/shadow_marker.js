// Marking a shadow on the photo: the foot of something upright, its top, the tip of its shadow, and when it was, where that is known.
import { el, show, svg } from "./elements.js";

const POINTS = ["the foot of something upright", "its top", "the tip of its shadow on level ground"];

export class ShadowMarker {
  constructor(frame, overlay, use) {
    Object.assign(this, { frame, overlay, use, points: null });
    this.button = el("button", { type: "button", onclick: () => (this.points ? this.end() : this.begin()) }, "Mark a shadow");
    this.words = el("span", { role: "status" });
    this.time = el("input", { type: "text", maxlength: "40", placeholder: "2024-03-05T14:20Z, 14:20, or a month", "aria-label": "when it was, in UTC; may be left empty" });
    this.form = el("form", { onsubmit: event => { event.preventDefault(); this.done(); } }, this.time, el("button", { class: "strong" }, "Use it"));
    this.controls = el("div", { class: "shadow" }, this.button, this.words, this.form);
    this.mark = svg("g", { class: "shadow-mark" });
    show(this.form, false);
    frame.addEventListener("click", event => this.click(event));
  }

  begin() {
    this.points = [];
    this.frame.classList.add("marking");
    this.overlay.append(this.mark);
    this.draw();
  }

  end() {
    this.points = null;
    this.frame.classList.remove("marking");
    this.mark.remove();
    this.draw();
  }

  click(event) {
    if (!this.points || this.points.length === POINTS.length) return;
    const at = this.overlay.getBoundingClientRect();
    this.points.push([(event.clientX - at.left) / at.width, (event.clientY - at.top) / at.height]);
    this.draw();
    if (this.points.length === POINTS.length) this.time.focus();
  }

  draw() {
    const points = this.points || [], share = value => `${(100 * value).toFixed(3)}%`;
    const lines = [[0, 1], [0, 2]].filter(([, to]) => points.length > to).map(([from, to]) => svg("line",
      { x1: share(points[from][0]), y1: share(points[from][1]), x2: share(points[to][0]), y2: share(points[to][1]) }));
    this.mark.replaceChildren(...lines, ...points.map(([x, y]) => svg("circle", { cx: share(x), cy: share(y), r: "4.5" })));
    const all = points.length === POINTS.length;
    this.button.textContent = this.points ? "Leave it" : "Mark a shadow";
    this.words.textContent = !this.points ? "" : all ? "When was it (UTC)?" : `Click ${POINTS[points.length]}.`;
    show(this.form, all);
  }

  done() {
    const points = this.points, time = this.time.value.trim();
    this.end();
    this.use(points, time);
  }
}
