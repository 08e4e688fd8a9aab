"use strict";
// Maps on canvas: country outlines, cells of a belief, points. Other pages take these parts too.
const GeoMap = (() => {
  const RAD = Math.PI / 180;
  const WORLD = 4096; // units of the map: the Mercator square is WORLD wide
  const MAX_SCALE = 1024; // pixels a unit; 10 m a pixel at the equator
  const MIN_SPAN_KM = 50;
  const EQUATOR_KM = 40030.2;
  const MAX_LAT = 85.05;
  const LEVEL_50 = 4, LEVEL_90 = 8; // which levels of the heat end at 50 % and 90 %

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const data = id => JSON.parse(document.getElementById(id).textContent);
  const toX = lon => (lon + 180) / 360 * WORLD;
  const toY = lat => {
    const s = Math.sin(clamp(lat, -MAX_LAT, MAX_LAT) * RAD);
    return (0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI)) * WORLD;
  };
  const toLon = x => ((x / WORLD * 360) % 360 + 360) % 360 - 180;
  const toLat = y => Math.atan(Math.sinh(Math.PI * (1 - 2 * y / WORLD))) / RAD;

  // Numbers in groups of five bits, the lowest first (see pack.py). Sums may pass 2^31, so no bit operators.
  function unpack(text) {
    const numbers = [];
    let number = 0, factor = 1;
    for (let i = 0; i < text.length; i++) {
      const group = text.charCodeAt(i) - 63;
      number += (group % 32) * factor;
      if (group < 32) { numbers.push(number); number = 0; factor = 1; } else factor *= 32;
    }
    return numbers;
  }

  // ---- countries

  let countries = null;

  function loadCountries() {
    if (countries) return countries;
    const source = data("outlines");
    const land = new Path2D(), borders = new Path2D(), labels = [];
    for (const country of source.countries) {
      for (const ring of country.rings) addRing(unpack(ring), source.quantum_deg, land, borders);
      labels.push({ name: country.name, x: toX(country.label[0]), y: toY(country.label[1]), size: country.size });
    }
    countries = { land, borders, labels };
    return countries;
  }

  function addRing(numbers, quantum, land, borders) {
    const points = [];
    let x = 0, y = 0;
    for (let i = 0; i < numbers.length; i += 2) {
      x += numbers[i] % 2 ? -(numbers[i] + 1) / 2 : numbers[i] / 2;
      y += numbers[i + 1] % 2 ? -(numbers[i + 1] + 1) / 2 : numbers[i + 1] / 2;
      points.push([x * quantum, y * quantum]);
    }
    points.push(points[0]);
    const cut = p => Math.abs(p[0]) > 179.99 || p[1] < -89;
    points.forEach((point, i) => {
      const px = toX(point[0]), py = toY(point[1]);
      if (i === 0) { land.moveTo(px, py); borders.moveTo(px, py); return; }
      land.lineTo(px, py);
      // The cut at the antimeridian is no border.
      if (cut(point) && cut(points[i - 1])) borders.moveTo(px, py); else borders.lineTo(px, py);
    });
    land.closePath();
  }

  // ---- cells of the belief: HEALPix, nested (Gorski et al. 2005, equations 4 to 9)

  const RING = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4];
  const COLUMN = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7];

  function faceToLatLon(face, x, y) {
    const ring = RING[face] - x - y;
    const cap = ring < 1 ? ring : ring > 3 ? 4 - ring : 1;
    const z = ring < 1 ? 1 - cap * cap / 3 : ring > 3 ? cap * cap / 3 - 1 : (2 - ring) * 2 / 3;
    const column = ((COLUMN[face] * cap + x - y) % 8 + 8) % 8;
    return [Math.asin(clamp(z, -1, 1)) / RAD, cap < 1e-12 ? null : 45 * column / cap];
  }

  function evenBits(value) {
    let bits = 0;
    for (let i = 0; i < 16; i++) bits |= ((value >> (2 * i)) & 1) << i;
    return bits;
  }

  function addCell(path, uniq) {
    const order = Math.floor(Math.log2(uniq / 4) / 2 + 1e-9);
    const side = 2 ** order, index = uniq - 4 * side * side;
    const face = Math.floor(index / (side * side)), within = index - face * side * side;
    const x = evenBits(within), y = evenBits(within >> 1);
    const middle = faceToLatLon(face, (x + 0.5) / side, (y + 0.5) / side)[1];
    const steps = order < 6 ? 2 ** (6 - order) : order < 8 ? 2 : 1;
    const corners = [];
    for (let i = 0; i < 4 * steps; i++) {
      const t = (i % steps) / steps;
      const [u, v] = [[t, 0], [1, t], [1 - t, 1], [0, 1 - t]][Math.floor(i / steps)];
      const [lat, lon] = faceToLatLon(face, (x + u) / side, (y + v) / side);
      // Longitudes run on without a jump; a pole has that of its neighbours.
      corners.push([lat, lon === null ? null : middle + ((lon - middle) % 360 + 540) % 360 - 180]);
    }
    const shown = [];
    corners.forEach(([lat, lon], i) => {
      if (lon !== null) { shown.push([lat, lon]); return; }
      shown.push([lat, corners.at(i - 1)[1]], [lat, corners[(i + 1) % corners.length][1]]);
    });
    shown.forEach(([lat, lon], i) => {
      const px = toX(middle > 180 ? lon - 360 : lon), py = toY(lat);
      if (i === 0) path.moveTo(px, py); else path.lineTo(px, py);
    });
    path.closePath();
  }

  // Paths of the regions: each level with all denser ones.
  function regions(heat) {
    const paths = [];
    let before = null;
    for (const packed of heat) {
      const path = new Path2D();
      if (before) path.addPath(before);
      let uniq = 0;
      for (const step of unpack(packed)) { uniq += step; addCell(path, uniq); }
      paths.push(path);
      before = path;
    }
    return paths;
  }

  // Latitudes and longitudes in turn, as points of the map.
  function pairs(numbers) {
    const points = [];
    for (let i = 0; i + 1 < numbers.length; i += 2) points.push({ x: toX(numbers[i + 1]), y: toY(numbers[i]) });
    return points;
  }

  // ---- one map

  class BeliefMap {
    constructor(figure, given) {
      this.figure = figure;
      this.stage = figure.querySelector(".stage");
      this.canvas = figure.querySelector("canvas");
      this.where = figure.querySelector(".where");
      this.take(given || data(figure.dataset.map));
      this.layer = document.createElement("canvas");
      this.x = WORLD / 2; this.y = toY(25); this.scale = 0;
      this.touched = false;
      this.listen();
      new ResizeObserver(() => this.resize()).observe(this.stage);
    }

    take(given) {
      this.data = given;
      this.points = given.points.map(p => ({ ...p, x: toX(p.lon), y: toY(p.lat) }));
      this.towns = given.towns.map(t => ({ ...t, x: toX(t.lon), y: toY(t.lat) }));
      this.paths = regions(given.heat);
      this.samples = (given.samples || []).map(s => ({ kind: s.kind, points: pairs(s.at) }));
    }

    // Other data on the same map. Where somebody moved the map, it stays.
    show(given) {
      this.take(given);
      if (!this.width) return;
      if (this.touched) this.later(); else this.fit();
    }

    resize() {
      const box = this.stage.getBoundingClientRect();
      if (!box.width || !box.height) return;
      this.width = box.width; this.height = box.height;
      this.ratio = Math.min(3, Math.max(1, window.devicePixelRatio || 1));
      for (const canvas of [this.canvas, this.layer]) {
        canvas.width = Math.round(box.width * this.ratio);
        canvas.height = Math.round(box.height * this.ratio);
      }
      if (this.touched) { this.settle(); this.draw(); } else this.fit();
    }

    world() { this.x = WORLD / 2; this.y = toY(22); this.scale = this.width / WORLD; this.settle(); this.later(); }

    fit() {
      if (!this.data.bounds && !this.points.length) { this.world(); return; }
      const [west, south, east, north] = this.data.bounds || this.boundsOfPoints();
      const lat = clamp((south + north) / 2, -80, 80);
      const least = MIN_SPAN_KM / (EQUATOR_KM * Math.cos(lat * RAD)) * WORLD;
      const x0 = toX(west), x1 = toX(east), y0 = toY(north), y1 = toY(south);
      this.x = (x0 + x1) / 2; this.y = (y0 + y1) / 2;
      // Room for the buttons and for the words beside points.
      this.scale = Math.min(0.76 * this.width / (x1 - x0 || 1e-9), (this.height - 110) / (y1 - y0 || 1e-9),
        Math.min(this.width, this.height) / least);
      this.settle(); this.later();
    }

    boundsOfPoints() {
      const lats = this.points.map(p => p.lat), lons = this.points.map(p => p.lon).sort((a, b) => a - b);
      let west = lons[0], widest = lons[0] + 360 - lons[lons.length - 1];
      for (let i = 1; i < lons.length; i++) {
        if (lons[i] - lons[i - 1] > widest) { widest = lons[i] - lons[i - 1]; west = lons[i]; }
      }
      return [west, Math.min(...lats), west + 360 - widest, Math.max(...lats)];
    }

    // Keep the scale and the middle where there is something to see.
    settle() {
      this.scale = clamp(this.scale, this.width / WORLD, MAX_SCALE);
      this.x = ((this.x % WORLD) + WORLD) % WORLD;
      const half = this.height / 2 / this.scale;
      this.y = half >= WORLD / 2 ? WORLD / 2 : clamp(this.y, half, WORLD - half);
    }

    zoom(factor, px = this.width / 2, py = this.height / 2) {
      const before = this.scale;
      this.scale = clamp(before * factor, this.width / WORLD, MAX_SCALE);
      this.x += (px - this.width / 2) * (1 / before - 1 / this.scale);
      this.y += (py - this.height / 2) * (1 / before - 1 / this.scale);
      this.moved();
    }

    pan(dx, dy) { this.x -= dx / this.scale; this.y -= dy / this.scale; this.moved(); }

    moved() { this.touched = true; this.settle(); this.later(); }

    later() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => { this.waiting = false; this.draw(); });
    }

    // -- drawing

    colours() {
      const style = getComputedStyle(this.figure);
      const names = ["sea", "land", "border", "grid", "maptext", "halo", "heat", "region", "point", "pointtext", "answer", "drawn", "modelled"];
      return Object.fromEntries(names.map(name => [name, style.getPropertyValue(`--map-${name}`).trim()]));
    }

    // The world repeats to the east and west; these are the copies in sight.
    copies() {
      const half = this.width / 2 / this.scale;
      // Cells at the antimeridian reach a little beyond their own copy.
      return [-WORLD, 0, WORLD].filter(shift => shift + WORLD * 1.1 > this.x - half && shift - WORLD * 0.1 < this.x + half);
    }

    place(context, shift) {
      const s = this.ratio * this.scale;
      context.setTransform(s, 0, 0, s, this.ratio * (this.width / 2 + (shift - this.x) * this.scale),
        this.ratio * (this.height / 2 - this.y * this.scale));
    }

    plain(context) { context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0); }

    screen(point) {
      let dx = point.x - this.x;
      dx -= Math.round(dx / WORLD) * WORLD;
      return [this.width / 2 + dx * this.scale, this.height / 2 + (point.y - this.y) * this.scale];
    }

    draw() {
      if (!this.width) return;
      const c = this.canvas.getContext("2d"), colour = this.colours(), { land, borders, labels } = loadCountries();
      this.ground(c, colour, land);
      const taken = this.graticule(c, colour);
      for (const shift of this.copies()) {
        this.place(c, shift);
        this.heat(c, colour);
        c.strokeStyle = colour.border; c.lineWidth = 0.8 / this.scale; c.stroke(borders);
      }
      if (this.paths.length) {
        this.outline(c, this.paths[LEVEL_90], colour.region, 1.1);
        this.outline(c, this.paths[LEVEL_50], colour.region, 2.2);
      }
      this.plain(c);
      this.drawSamples(c, colour);
      taken.push([this.width - 54, 0, this.width, 88], [this.width - 186, this.height - 50, this.width, this.height]); // the buttons
      this.drawPoints(c, colour, taken);
      this.scaleBar(c, colour, taken);
      this.names(c, colour, labels, taken);
      this.drawTowns(c, colour, taken);
    }

    // What lies under everything else.
    ground(c, colour, land) {
      this.plain(c);
      c.fillStyle = colour.sea;
      c.fillRect(0, 0, this.width, this.height);
      c.lineJoin = "round";
      for (const shift of this.copies()) { this.place(c, shift); c.fillStyle = colour.land; c.fill(land); }
    }

    // Each region is tinted over the wider ones, so that density adds up.
    heat(c, colour) {
      c.fillStyle = colour.heat;
      for (let i = this.paths.length - 1; i >= 0; i--) { c.globalAlpha = i > LEVEL_90 ? 0.045 : 0.09; c.fill(this.paths[i]); }
      c.globalAlpha = 1;
    }

    // Stroke every cell, then erase the inside of all: what stays is the outline of their union.
    outline(target, path, colour, width) {
      const c = this.layer.getContext("2d");
      c.setTransform(1, 0, 0, 1, 0, 0);
      c.globalCompositeOperation = "source-over";
      c.clearRect(0, 0, this.layer.width, this.layer.height);
      c.lineJoin = "round";
      c.strokeStyle = colour;
      c.lineWidth = 2 * (width + 0.5) / this.scale;
      for (const shift of this.copies()) { this.place(c, shift); c.stroke(path); }
      c.globalCompositeOperation = "destination-out";
      c.strokeStyle = c.fillStyle = "#000";
      c.lineWidth = 1 / this.scale;
      for (const shift of this.copies()) { this.place(c, shift); c.fill(path); c.stroke(path); }
      target.setTransform(1, 0, 0, 1, 0, 0);
      target.drawImage(this.layer, 0, 0);
    }

    graticule(c, colour) {
      this.plain(c);
      const degrees = this.width / this.scale / WORLD * 360;
      const step = [60, 30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02].find(s => degrees / s > 3.5) || 0.01;
      const west = (this.x - this.width / 2 / this.scale) / WORLD * 360 - 180;
      const top = toLat(clamp(this.y - this.height / 2 / this.scale, 0, WORLD)), bottom = toLat(clamp(this.y + this.height / 2 / this.scale, 0, WORLD));
      c.strokeStyle = colour.grid; c.lineWidth = 0.7; c.fillStyle = colour.maptext; c.font = "10px system-ui, sans-serif";
      c.globalAlpha = 0.9;
      c.beginPath();
      const words = [];
      for (let i = Math.ceil(west / step); i * step < west + degrees; i++) {
        const x = (i * step + 180 - west - 180) / degrees * this.width;
        c.moveTo(x, 0); c.lineTo(x, this.height);
        const lon = toLon(toX(i * step));
        words.push([degreeText(lon, step, "E", "W"), x + 3, 11]);
      }
      for (let i = Math.ceil(bottom / step); i * step <= top; i++) {
        const y = this.height / 2 + (toY(i * step) - this.y) * this.scale;
        c.moveTo(0, y); c.lineTo(this.width, y);
        if (y > 24) words.push([degreeText(i * step, step, "N", "S"), 4, y - 3]);
      }
      c.stroke();
      c.globalAlpha = 0.7;
      c.textAlign = "left"; c.textBaseline = "alphabetic";
      const taken = [];
      for (const [text, x, y] of words) {
        const box = [x, y - 9, x + c.measureText(text).width, y + 2];
        if (box[2] > this.width - 56 || y > this.height - 30 || taken.some(t => overlap(t, [box[0] - 6, box[1], box[2], box[3]]))) continue;
        c.fillText(text, x, y);
        taken.push(box);
      }
      c.globalAlpha = 1;
      return taken;
    }

    // Drawn points: dots for the belief, rings for a model.
    drawSamples(c, colour) {
      for (const { kind, points } of this.samples) {
        c.fillStyle = c.strokeStyle = colour[kind] || colour.point;
        c.lineWidth = 1.2; c.globalAlpha = 0.75;
        for (const point of points) {
          const [x, y] = this.screen(point);
          if (x < -4 || y < -4 || x > this.width + 4 || y > this.height + 4) continue;
          c.beginPath(); c.arc(x, y, kind === "drawn" ? 2.2 : 3, 0, 7);
          if (kind === "drawn") c.fill(); else c.stroke();
        }
      }
      c.globalAlpha = 1;
    }

    drawPoints(c, colour, taken) {
      this.hits = [];
      const visible = [...this.points].reverse().map(point => [point, ...this.screen(point)])
        .filter(([, x, y]) => x > -20 && y > -20 && x < this.width + 20 && y < this.height + 20);
      for (const [point, x, y] of visible) {
        c.beginPath();
        if (point.answer) {
          c.strokeStyle = colour.halo; c.lineWidth = 5; c.arc(x, y, 12, 0, 7); c.stroke();
          c.strokeStyle = colour.answer; c.lineWidth = 2.5; c.stroke();
        }
      }
      for (const [point, x, y] of visible) {
        if (point.answer) { taken.push([x - 14, y - 14, x + 14, y + 14]); continue; }
        c.beginPath(); c.arc(x, y, 9, 0, 7);
        c.fillStyle = colour.point; c.fill();
        c.strokeStyle = colour.halo; c.lineWidth = 1.5; c.stroke();
        c.fillStyle = colour.pointtext; c.font = "600 10.5px system-ui, sans-serif"; c.textAlign = "center"; c.textBaseline = "middle";
        c.fillText(point.mark, x, y + 0.5);
        taken.push([x - 10, y - 10, x + 10, y + 10]);
        this.hits.push([point, x, y]);
      }
      for (const [point, x, y] of visible.reverse()) {
        if (point.answer && this.points.some(p => !p.answer && this.near(p, x, y))) continue;
        const words = point.share ? `${point.label}  ${point.share}` : point.label;
        this.label(c, colour, taken, words, x, y, point.answer ? 18 : 14, "600 12px system-ui, sans-serif");
      }
    }

    near(point, x, y) { const [px, py] = this.screen(point); return Math.hypot(px - x, py - y) < 24; }

    // Words beside a point: right, left, below or above, whichever is free; none where nothing is.
    label(c, colour, taken, words, x, y, gap, font) {
      c.font = font;
      const width = c.measureText(words).width;
      const spots = [[x + gap, y - 8], [x - gap - width, y - 8], [x - width / 2, y + gap], [x - width / 2, y - gap - 16]];
      for (const [left, top] of spots) {
        const box = [left - 2, top, left + width + 2, top + 16];
        if (box[0] < 2 || box[1] < 2 || box[2] > this.width - 2 || box[3] > this.height - 2 || taken.some(t => overlap(t, box))) continue;
        taken.push(box);
        this.text(c, colour, words, left, top + 12, colour.point);
        return true;
      }
      return false;
    }

    text(c, colour, words, x, y, fill) {
      c.textAlign = "left"; c.textBaseline = "alphabetic"; c.lineJoin = "round";
      c.strokeStyle = colour.halo; c.lineWidth = 3.5; c.strokeText(words, x, y);
      c.fillStyle = fill; c.fillText(words, x, y);
    }

    names(c, colour, labels, taken) {
      for (const country of labels) {
        const across = country.size * this.scale * WORLD / 360;
        c.font = `${across > 320 ? 13 : 11}px system-ui, sans-serif`;
        const width = c.measureText(country.name).width;
        if (across < 0.62 * width + 8) continue;
        const [x, y] = this.screen(country);
        const box = [x - width / 2 - 4, y - 9, x + width / 2 + 4, y + 7];
        if (box[0] < 4 || box[1] < 14 || box[2] > this.width - 4 || box[3] > this.height - 6 || taken.some(t => overlap(t, box))) continue;
        taken.push(box);
        this.text(c, { halo: colour.land }, country.name, x - width / 2, y + 4, colour.maptext);
      }
    }

    // Towns are named when the map is close enough to tell them apart.
    drawTowns(c, colour, taken) {
      if (this.width / this.scale / WORLD * 360 > 25) return;
      for (const town of this.towns) {
        const [x, y] = this.screen(town);
        if (x < 0 || y < 0 || x > this.width || y > this.height || taken.some(t => overlap(t, [x - 2, y - 2, x + 2, y + 2]))) continue;
        if (this.label(c, { ...colour, point: colour.maptext }, taken, town.label, x, y, 6, "11.5px system-ui, sans-serif")) {
          c.beginPath(); c.arc(x, y, 2, 0, 7); c.fillStyle = colour.maptext; c.fill();
        }
      }
    }

    scaleBar(c, colour, taken) {
      const kmPixel = EQUATOR_KM * Math.cos(toLat(this.y) * RAD) / WORLD / this.scale;
      const most = 110 * kmPixel, power = 10 ** Math.floor(Math.log10(most));
      const length = [5, 2, 1].map(n => n * power).find(n => n <= most), pixels = length / kmPixel;
      const left = 12, bottom = this.height - 12;
      c.lineWidth = 4; c.strokeStyle = colour.halo;
      for (let pass = 0; pass < 2; pass++) {
        c.beginPath();
        c.moveTo(left, bottom - 5); c.lineTo(left, bottom); c.lineTo(left + pixels, bottom); c.lineTo(left + pixels, bottom - 5);
        c.stroke();
        c.lineWidth = 1.5; c.strokeStyle = colour.point;
      }
      c.font = "11px system-ui, sans-serif";
      this.text(c, colour, length >= 1 ? `${length.toLocaleString("en")} km` : `${Math.round(length * 1000)} m`, left + 4, bottom - 5, colour.point);
      taken.push([0, bottom - 22, left + pixels + 8, this.height]);
    }

    // -- hands

    listen() {
      const canvas = this.canvas, fingers = new Map();
      canvas.addEventListener("pointerdown", event => {
        canvas.setPointerCapture(event.pointerId);
        fingers.set(event.pointerId, event);
        this.start = [event.clientX, event.clientY];
        this.stage.classList.add("held");
      });
      canvas.addEventListener("pointermove", event => {
        const before = fingers.get(event.pointerId);
        if (!before) { this.hover(event); return; }
        const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
        if (fingers.size === 2) {
          const other = [...fingers.values()].find(f => f.pointerId !== event.pointerId);
          const apart = f => Math.hypot(f.clientX - other.clientX, f.clientY - other.clientY);
          const box = canvas.getBoundingClientRect();
          this.zoom(apart(event) / (apart(before) || 1), (event.clientX + other.clientX) / 2 - box.left, (event.clientY + other.clientY) / 2 - box.top);
          this.pan(dx / 2, dy / 2);
        } else this.pan(dx, dy);
        fingers.set(event.pointerId, event);
      });
      const end = event => {
        fingers.delete(event.pointerId);
        this.stage.classList.remove("held");
      };
      canvas.addEventListener("pointerup", event => {
        const [x, y] = this.start || [0, 0];
        if (fingers.has(event.pointerId) && Math.hypot(event.clientX - x, event.clientY - y) < 4) this.click(event);
        end(event);
      });
      canvas.addEventListener("pointercancel", end);
      canvas.addEventListener("pointerleave", () => { this.where.textContent = ""; });
      canvas.addEventListener("wheel", event => this.wheel(event), { passive: false });
      canvas.addEventListener("dblclick", event => this.zoom(2, event.offsetX, event.offsetY));
      canvas.addEventListener("keydown", event => this.key(event));
      this.figure.querySelectorAll("[data-do]").forEach(button => button.addEventListener("click", () => this.act(button.dataset.do)));
    }

    act(what) {
      if (what === "in") this.zoom(2);
      if (what === "out") this.zoom(0.5);
      if (what === "world") { this.touched = true; this.world(); }
      if (what === "fit") { this.touched = false; this.fit(); }
    }

    // The page scrolls past a map that nobody has clicked.
    wheel(event) {
      if (document.activeElement !== this.canvas && !event.ctrlKey && !event.metaKey) {
        this.stage.classList.add("hinted");
        clearTimeout(this.hintEnds);
        this.hintEnds = setTimeout(() => this.stage.classList.remove("hinted"), 1200);
        return;
      }
      event.preventDefault();
      this.zoom(Math.exp(-clamp(event.deltaY * (event.deltaMode ? 20 : 1), -200, 200) / 300), event.offsetX, event.offsetY);
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const step = 60, moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
      const acts = { "+": "in", "=": "in", "-": "out", 0: "world", r: "fit", R: "fit" };
      if (moves[event.key]) this.pan(...moves[event.key]);
      else if (acts[event.key]) this.act(acts[event.key]);
      else return;
      event.preventDefault();
    }

    hit(event) { return (this.hits || []).find(([, x, y]) => Math.hypot(event.offsetX - x, event.offsetY - y) < 12)?.[0]; }

    hover(event) {
      const lat = toLat(this.y + (event.offsetY - this.height / 2) / this.scale), lon = toLon(this.x + (event.offsetX - this.width / 2) / this.scale);
      const point = this.hit(event);
      this.canvas.style.cursor = point?.href ? "pointer" : "";
      this.where.textContent = point ? [point.label, point.share].filter(Boolean).join("  ") : `${lat.toFixed(3)}, ${lon.toFixed(3)}`;
    }

    click(event) {
      const point = this.hit(event);
      if (point?.href) location.hash = point.href;
    }
  }

  const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

  function degreeText(value, step, positive, negative) {
    const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2, amount = Math.abs(value).toFixed(digits);
    return Number(amount) % 180 === 0 ? `${Number(amount)}°` : `${amount}° ${value > 0 ? positive : negative}`;
  }

  return { BeliefMap, clamp, data, overlap, toX, toY, toLat, toLon, WORLD, RAD };
})();
