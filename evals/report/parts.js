"use strict";
// What the pages of evaluations share: words, blocks of data, the long list, filters.
const Parts = (() => {
  const { clamp, data } = GeoMap;
  const NBSP = "\u00a0";
  const LEVELS = ["country", "region", "city"];
  const LIMITS = [25, 200, 750, 2500]; // km; classes of distance from near to far, then no distance

  // ---- elements: text stays text

  function fill(node, attributes, children) {
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (key === "style") node.style.cssText = value;
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
    return node;
  }
  const h = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  const svg = (name, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

  // ---- words, as in words.py

  function percent(share) {
    if (share > 0 && share < 0.01) return `<${NBSP}1${NBSP}%`;
    if (share > 0.99 && share < 1) return `>${NBSP}99${NBSP}%`;
    return `${(100 * share).toFixed(0)}${NBSP}%`;
  }
  function km(distance) {
    if (distance === null || distance === undefined) return "–";
    if (distance < 10) return `${distance.toFixed(1)}${NBSP}km`;
    return `${(distance < 1000 ? Math.round(distance) : 10 * Math.round(distance / 10)).toLocaleString("en")}${NBSP}km`;
  }
  function bits(value) {
    const amount = Math.abs(value).toFixed(1);
    return `${Number(amount) === 0 ? "" : value > 0 ? "+" : "−"}${amount}${NBSP}bits`;
  }
  const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
  const distanceClass = distance => distance === null ? LIMITS.length + 1 : LIMITS.filter(limit => distance >= limit).length;

  // ---- data in blocks of `chunk` records, parsed when one of them is shown

  class Blocks {
    constructor(chunk) { this.chunk = chunk; this.known = new Map(); }
    item(name, row) {
      const id = `${name}-${Math.floor(row / this.chunk)}`;
      if (!this.known.has(id)) this.known.set(id, data(id));
      return this.known.get(id)[row % this.chunk];
    }
  }

  function picture(thumb, words) {
    if (!thumb) return h("span", { class: "nopicture" }, "no picture");
    return h("img", { src: `data:image/jpeg;base64,${thumb}`, alt: words, decoding: "async" });
  }

  // ---- a list of which only the lines in sight exist

  class LongList {
    constructor(element, make) {
      this.element = element; this.make = make; this.rows = []; this.lines = new Map();
      const later = () => { if (!this.waiting) { this.waiting = true; requestAnimationFrame(() => { this.waiting = false; this.draw(); }); } };
      addEventListener("scroll", later, { passive: true });
      new ResizeObserver(() => this.measure()).observe(element);
      addEventListener("resize", () => this.measure());
    }
    measure() {
      const height = parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 80;
      if (height === this.height) { this.draw(); return; }
      this.height = height;
      this.show(this.rows);
    }
    show(rows) {
      this.rows = rows;
      this.lines.clear();
      this.element.replaceChildren();
      if (!this.height) { this.measure(); return; }
      this.element.style.height = `${rows.length * this.height}px`;
      this.draw();
    }
    draw(all = 0) {
      const top = this.element.getBoundingClientRect().top;
      const first = all ? 0 : clamp(Math.floor(-top / this.height) - 4, 0, this.rows.length);
      const last = all ? Math.min(all, this.rows.length) : clamp(Math.ceil((innerHeight - top) / this.height) + 4, Math.min(6, this.rows.length), this.rows.length);
      for (const [place, line] of this.lines) if (place < first || place >= last) { line.remove(); this.lines.delete(place); }
      for (let place = first; place < last; place++) {
        if (this.lines.has(place)) continue;
        const line = h("div", { role: "listitem", class: "item", style: `top:${place * this.height}px`, "aria-setsize": this.rows.length,
          "aria-posinset": place + 1 }, this.make(this.rows[place], place));
        this.lines.set(place, line);
        const after = [...this.lines.keys()].filter(other => other > place).sort((a, b) => a - b)[0];
        this.element.insertBefore(line, after === undefined ? null : this.lines.get(after));
      }
    }
  }

  // ---- filters

  // `facets` are selects by value; `tests` are further choices: [words, row => boolean].
  class Filters {
    constructor(place, store, tests, changed) {
      this.store = store; this.tests = tests;
      this.text = h("input", { type: "search", placeholder: "Search ids, places, columns", "aria-label": "search", autocomplete: "off" });
      this.low = h("input", { type: "number", min: 0, placeholder: "0", "aria-label": "least distance in km", autocomplete: "off" });
      this.high = h("input", { type: "number", min: 0, placeholder: "any", "aria-label": "largest distance in km", autocomplete: "off" });
      this.facets = store.facets.filter(facet => facet.offered).map(facet => {
        const order = facet.values.map((value, index) => [value, index, facet.index.filter(i => i === index).length]);
        const select = h("select", { "data-facet": facet.key, autocomplete: "off" }, h("option", { value: "" }, "all"),
          order.map(([value, index, count]) => h("option", { value: index }, `${value} (${count})`)));
        return [facet, select];
      });
      this.test = h("select", { "data-facet": "verdict", autocomplete: "off" }, h("option", { value: "" }, "all"),
        tests.map(([words], index) => h("option", { value: index }, words)));
      const clear = h("button", { type: "button", class: "clear", onclick: () => { this.clear(); changed(); } }, "Clear");
      fill(place, {}, [h("label", { class: "search" }, "Search", this.text),
        this.facets.map(([facet, select]) => h("label", {}, facet.title, select)),
        tests.length ? h("label", {}, "Verdict", this.test) : null,
        h("label", { class: "range" }, "Distance, km", h("span", {}, this.low, "to", this.high)), clear]);
      let waiting;
      const later = () => { clearTimeout(waiting); waiting = setTimeout(changed, 120); };
      for (const input of [this.text, this.low, this.high]) input.addEventListener("input", later);
      for (const select of [this.test, ...this.facets.map(([, each]) => each)]) select.addEventListener("change", changed);
      const columns = store.facets.filter(facet => facet.key.startsWith("column:") || facet.key === "kind");
      this.hay = store.id.map((id, row) => [id, store.words(row), ...columns.map(f => f.values[f.index[row]] ?? "")].join("\n").toLowerCase());
    }
    clear() {
      for (const input of [this.text, this.low, this.high, this.test, ...this.facets.map(([, each]) => each)]) input.value = "";
    }
    rows() {
      const words = this.text.value.toLowerCase().split(/\s+/).filter(Boolean);
      const low = parseFloat(this.low.value), high = parseFloat(this.high.value), ranged = Number.isFinite(low) || Number.isFinite(high);
      const chosen = this.facets.filter(([, select]) => select.value !== "").map(([facet, select]) => [facet.index, Number(select.value)]);
      const test = this.test.value === "" ? null : this.tests[Number(this.test.value)][1], found = [];
      for (let row = 0; row < this.store.id.length; row++) {
        const distance = this.store.km[row];
        if (ranged && (distance === null || distance < (Number.isFinite(low) ? low : 0) || distance > (Number.isFinite(high) ? high : Infinity))) continue;
        if (chosen.some(([index, value]) => index[row] !== value) || words.some(word => !this.hay[row].includes(word))) continue;
        if (test && !test(row)) continue;
        found.push(row);
      }
      return found;
    }
  }

  const byKey = (key, sign = 1) => (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return sign * (x - y) || a - b;
  };

  // Right, wrong and no verdict for each level.
  function chips(signs, titles = LEVELS) {
    return h("span", { class: "chips" }, titles.map((level, i) => {
      const kind = { 1: "right", 0: "wrong" }[signs?.[i]] || "unknown", words = { right: "right", wrong: "wrong", unknown: "no verdict" }[kind];
      return h("span", { class: `chip ${kind}`, title: `${level}: ${words}` }, { right: "✓", wrong: "✗", unknown: "–" }[kind], NBSP, level);
    }));
  }

  // On paper: light colours, everything unfolded.
  function printing(maps, before, after) {
    let folded = [];
    addEventListener("beforeprint", () => {
      document.documentElement.dataset.theme = "light";
      folded = [...document.querySelectorAll("details:not([open])")];
      folded.forEach(part => { part.open = true; });
      before();
      maps().forEach(map => { map.resize(); map.draw(); });
    });
    addEventListener("afterprint", () => {
      delete document.documentElement.dataset.theme;
      folded.forEach(part => { part.open = false; });
      after();
      maps().forEach(map => map.draw());
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => maps().forEach(map => map.draw()));
  }

  return { Blocks, Filters, LongList, LEVELS, LIMITS, bits, byKey, chips, counted, data, distanceClass, h, km, percent, picture, printing, svg };
})();
