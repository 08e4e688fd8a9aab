"use strict";
// Maps of truths and guesses: of one record, and of all.
const Maps = (() => {
  const { BeliefMap, clamp, toX, toY, WORLD, RAD } = GeoMap;
  const { LIMITS, distanceClass } = Parts;
  const LONE_DEG = 4; // around a point that has nothing to be compared with

  // ---- lines on the globe

  function greatCircle(from, to) {
    const vector = ([lat, lon]) => [Math.cos(lat * RAD) * Math.cos(lon * RAD), Math.cos(lat * RAD) * Math.sin(lon * RAD), Math.sin(lat * RAD)];
    const a = vector(from), b = vector(to);
    const angle = Math.acos(clamp(a[0] * b[0] + a[1] * b[1] + a[2] * b[2], -1, 1));
    const steps = Math.max(1, Math.ceil(angle / RAD / 2)), points = [];
    let before = toX(from[1]);
    for (let i = 0; i <= steps; i++) {
      const t = i / steps, s = Math.sin(angle) || 1;
      const u = angle < 1e-9 ? 1 - t : Math.sin((1 - t) * angle) / s, v = angle < 1e-9 ? t : Math.sin(t * angle) / s;
      const p = a.map((value, axis) => u * value + v * b[axis]);
      const lat = Math.atan2(p[2], Math.hypot(p[0], p[1])) / RAD;
      let x = toX(Math.atan2(p[1], p[0]) / RAD);
      x += WORLD * Math.round((before - x) / WORLD); // runs on across the antimeridian
      points.push([x, toY(lat)]);
      before = x;
    }
    return points;
  }

  function strokeCircle(map, c, from, to, colour, width) {
    const points = greatCircle(from, to);
    for (const shift of [-2 * WORLD, -WORLD, 0, WORLD, 2 * WORLD]) {
      map.place(c, shift);
      c.beginPath();
      points.forEach(([x, y], i) => { if (i) c.lineTo(x, y); else c.moveTo(x, y); });
      c.strokeStyle = colour; c.lineWidth = width / map.scale; c.lineCap = "round";
      c.stroke();
    }
    map.plain(c);
  }

  function drawTruth(c, x, y, colour, halo, size = 8) {
    for (const [style, width] of [[halo, 6], [colour, 2.6]]) {
      c.beginPath();
      c.moveTo(x - size, y); c.lineTo(x + size, y); c.moveTo(x, y - size); c.lineTo(x, y + size);
      c.strokeStyle = style; c.lineWidth = width; c.lineCap = "round"; c.stroke();
    }
  }

  // ---- one record: the truth as a cross, each answer as a ring, ranked places as numbers

  class CaseMap extends BeliefMap {
    constructor(figure, given, truth, answers) {
      super(figure, given);
      this.truth = truth; this.answers = answers;
      figure.map = this;
    }
    // What was written for truth and answers is written again over the ranked places.
    text(c, ...words) { super.text(c, ...words); this.written?.push(words); }
    drawPoints(c, colour, taken) {
      this.written = [];
      const style = getComputedStyle(this.figure), value = name => style.getPropertyValue(name).trim();
      const truth = this.truth && { ...this.truth, x: toX(this.truth.lon), y: toY(this.truth.lat) };
      if (truth) {
        for (const answer of this.answers) strokeCircle(this, c, [truth.lat, truth.lon], [answer.lat, answer.lon], value(answer.colour), 1.6);
      }
      const rings = this.answers.map(answer => ({ ...answer, at: this.screen({ x: toX(answer.lon), y: toY(answer.lat) }) }));
      for (const ring of rings) {
        for (const [style, width] of [[colour.halo, 5.5], [value(ring.colour), 2.6]]) {
          c.beginPath(); c.arc(...ring.at, 12, 0, 7); c.strokeStyle = style; c.lineWidth = width; c.stroke();
        }
        taken.push([ring.at[0] - 13, ring.at[1] - 13, ring.at[0] + 13, ring.at[1] + 13]);
      }
      if (truth) {
        const at = this.screen(truth);
        drawTruth(c, ...at, value("--truth"), colour.halo);
        taken.push([at[0] - 9, at[1] - 9, at[0] + 9, at[1] + 9]);
        this.label(c, { ...colour, point: value("--truth") }, taken, `truth: ${truth.label}`, ...at, 12, "700 12px system-ui, sans-serif");
      }
      for (const ring of rings) {
        this.label(c, { ...colour, point: value(ring.colour) }, taken, ring.label, ...ring.at, 16, "700 12px system-ui, sans-serif");
      }
      const written = this.written;
      this.written = null;
      super.drawPoints(c, colour, taken);
      if (truth) drawTruth(c, ...this.screen(truth), value("--truth"), colour.halo);
      for (const words of written) this.text(c, ...words);
    }
  }

  function caseMap(template, given, truth, answers) {
    const figure = template.content.firstElementChild.cloneNode(true);
    const points = [...(truth ? [truth] : []), ...answers], [one] = points;
    const alone = given.bounds || (one && [one.lon - LONE_DEG, one.lat - LONE_DEG, one.lon + LONE_DEG, one.lat + LONE_DEG]);
    const box = points.length > 1 ? BeliefMap.prototype.boundsOfPoints.call({ points }) : alone;
    const start = () => new CaseMap(figure, { towns: [], points: [], heat: [], ...given, bounds: box || [-170, -55, 190, 70] }, truth, answers);
    return [figure, start];
  }

  // ---- all records: dots coloured by distance

  class WorldMap extends BeliefMap {
    constructor(figure, store, open) {
      super(figure, { heat: [], bounds: null, points: [], towns: [] });
      this.store = store; this.open = open; this.rows = []; this.shown = "truths"; this.hovered = null;
      this.snapshot = document.createElement("canvas");
      figure.map = this;
      this.canvas.addEventListener("pointerleave", () => this.hoverOn(null));
    }
    act(what) { this.closer = what === "fit"; super.act(what); }
    // The whole world, until its button asks for the records alone.
    fit() {
      this.points = this.closer ? this.rows.flatMap(row => this.ends(row)).map(([lat, lon]) => ({ lat, lon })) : [];
      if (this.points.length) super.fit(); else this.world();
      this.points = [];
    }
    show(rows) { this.rows = rows; this.later(); }
    // Where a record is drawn: its truth, its guess, or both.
    ends(row) {
      const [truth, answer] = [this.store.truth[row], this.store.answer[row]], found = [];
      if (this.shown !== "guesses" && truth[0] !== null) found.push(truth);
      if (this.shown !== "truths" && answer && answer[0] !== null) found.push(answer);
      return found;
    }
    classColours() {
      const style = getComputedStyle(this.figure);
      return Array.from({ length: LIMITS.length + 2 }, (_, i) => style.getPropertyValue(`--d${i}`).trim());
    }
    drawPoints(c, colour) {
      this.hits = [];
      const colours = this.classColours(), size = this.rows.length > 400 ? 3.6 : 4.6;
      if (this.shown === "both") {
        c.globalAlpha = this.rows.length > 200 ? 0.25 : 0.6;
        for (const row of this.rows) {
          const [truth, answer] = [this.store.truth[row], this.store.answer[row]];
          if (truth[0] !== null && answer) strokeCircle(this, c, truth, answer, colours[distanceClass(this.store.km[row])], 1.2);
        }
        c.globalAlpha = 1;
      }
      for (const row of this.rows) {
        this.ends(row).forEach((place, order) => {
          const [x, y] = this.screen({ x: toX(place[1]), y: toY(place[0]) });
          if (x < -9 || y < -9 || x > this.width + 9 || y > this.height + 9) return;
          c.beginPath(); c.arc(x, y, order ? size * 0.7 : size, 0, 7);
          c.fillStyle = colours[distanceClass(this.store.km[row])]; c.fill();
          c.strokeStyle = colour.halo; c.lineWidth = 1; c.stroke();
          this.hits.push([row, x, y]);
        });
      }
    }
    draw() {
      super.draw();
      if (!this.width) return;
      this.snapshot.width = this.canvas.width; this.snapshot.height = this.canvas.height;
      this.snapshot.getContext("2d").drawImage(this.canvas, 0, 0);
      this.drawHovered();
    }
    drawHovered() {
      const row = this.hovered;
      if (row === null) return;
      const c = this.canvas.getContext("2d"), colour = this.colours(), [truth, answer] = [this.store.truth[row], this.store.answer[row]];
      const style = getComputedStyle(this.figure), mine = this.classColours()[distanceClass(this.store.km[row])];
      this.plain(c);
      if (truth[0] !== null && answer) { strokeCircle(this, c, truth, answer, colour.halo, 4.5); strokeCircle(this, c, truth, answer, mine, 2.2); }
      if (answer) {
        const at = this.screen({ x: toX(answer[1]), y: toY(answer[0]) });
        for (const [stroke, width] of [[colour.halo, 5], [mine, 2.4]]) { c.beginPath(); c.arc(...at, 8, 0, 7); c.strokeStyle = stroke; c.lineWidth = width; c.stroke(); }
      }
      if (truth[0] !== null) drawTruth(c, ...this.screen({ x: toX(truth[1]), y: toY(truth[0]) }), style.getPropertyValue("--truth").trim(), colour.halo, 7);
    }
    hoverOn(row) {
      if (row === this.hovered || !this.width) return;
      this.hovered = row;
      const c = this.canvas.getContext("2d");
      c.setTransform(1, 0, 0, 1, 0, 0);
      c.drawImage(this.snapshot, 0, 0);
      this.drawHovered();
    }
    hit(event) {
      let best = null, nearest = 10;
      for (const [row, x, y] of this.hits || []) {
        const apart = Math.hypot(event.offsetX - x, event.offsetY - y);
        if (apart < nearest) { nearest = apart; best = row; }
      }
      return best === null ? undefined : { row: best, label: this.store.words(best), href: true };
    }
    hover(event) { super.hover(event); this.hoverOn(this.hit(event)?.row ?? null); }
    click(event) { const point = this.hit(event); if (point) this.open(point.row); }
  }

  return { caseMap, WorldMap };
})();
