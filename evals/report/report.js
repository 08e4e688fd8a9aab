"use strict";
(() => {
  const { Blocks, Filters, LongList, LEVELS, bits, byKey, chips, counted, data, distanceClass, h, km, percent, picture, printing } = Parts;
  const WRONG_KM = 200, PRINTED = 40;

  // ---- the distance curve

  function readout() {
    const plot = document.getElementById("distance-plot");
    if (!plot) return;
    const curve = data("distance"), words = document.getElementById("distance-readout"), [left, right] = curve.sides;
    const show = event => {
      const box = plot.getBoundingClientRect(), x = ((event.clientX - box.left) / box.width - left) / (right - left);
      if (x < 0 || x > 1) { words.replaceChildren(); return; }
      const place = Math.round(x * (curve.km.length - 1));
      words.replaceChildren(h("b", {}, `within ${km(curve.km[place])}: `), ...curve.curves.filter(([, y]) => y[place] !== null)
        .map(([name, y], index) => h("span", {}, h("i", { class: `swatch s${index % 8}` }), `${name} ${percent(y[place])}`)));
    };
    plot.addEventListener("pointermove", show);
    plot.addEventListener("pointerdown", show);
    plot.addEventListener("pointerleave", () => words.replaceChildren());
  }

  Panel.choose("split-column", "split-system");
  readout();
  if (!document.getElementById("records")) return; // an empty run

  // ---- the records

  const store = data("records");
  const blocks = new Blocks(store.chunk);
  store.words = row => `${store.truth[row][2]} → ${store.answer[row] ? store.answer[row][2] || "a point" : "no answer"}, ${km(store.km[row])}`;
  store.record = row => ({
    id: store.id[row], truth: store.truth[row], answer: store.answer[row], km: store.km[row], levels: store.levels[row],
    final: store.published.final[row], original: store.published.original[row], judged: store.judged?.[row],
    columns: store.facets.filter(f => f.key !== "stop" && f.index[row] >= 0).map(f => f.values[f.index[row]]), thumb: blocks.item("thumbs", row),
  });

  const tests = [
    ...LEVELS.flatMap((level, i) => [[`${level} right`, row => store.levels[row][i] === "1"], [`${level} wrong`, row => store.levels[row][i] === "0"]]),
    ...LEVELS.map((level, i) => [`${level}: word matcher disagrees`, row => /[01]{2}/.test(store.levels[row][i] + store.published.final[row][i]) && store.levels[row][i] !== store.published.final[row][i]]),
    ["answered", row => store.answer[row] !== null], ["no answer", row => store.answer[row] === null],
  ].filter(([, test]) => store.id.some((_, row) => test(row)));

  const sure = row => store.answer[row]?.[3] ?? null;
  const orders = {
    far: byKey(row => store.km[row], -1), near: byKey(row => store.km[row]),
    sure: byKey(row => store.km[row] !== null && store.km[row] >= WRONG_KM ? sure(row) : null, -1),
    lost: byKey(row => store.bits[row]), gained: byKey(row => store.bits[row], -1),
    id: (a, b) => store.id[a].localeCompare(store.id[b], "en", { numeric: true }) || a - b,
  };

  // ---- the list

  function line(row, place) {
    const answer = store.answer[row], value = store.bits[row];
    return h("button", { type: "button", class: "record", "data-row": row, onclick: () => open(row) },
      h("span", { class: "thumb" }, picture(blocks.item("thumbs", row), "")),
      h("span", { class: "what" }, h("b", {}, store.truth[row][2]), h("span", { class: "said" }, answer ? `→ ${answer[2] || "a point"}` : "→ no answer"), h("small", {}, store.id[row])),
      h("span", { class: "marks" }, chips(store.levels[row])),
      h("span", { class: "values" }, h("b", { class: `far d${distanceClass(store.km[row])}` }, store.km[row] === null ? (answer ? "–" : "no answer") : km(store.km[row])),
        h("small", {}, [sure(row) === null ? null : `${percent(sure(row))} sure`, value === null ? null : bits(value)].filter(Boolean).join(" · "))));
  }

  const list = new LongList(document.getElementById("list"), line);
  const filters = new Filters(document.getElementById("filters"), store, tests, () => change());
  const order = document.getElementById("order"), count = document.getElementById("count");
  let shown = [];
  function change() {
    shown = filters.rows().sort(orders[order.value]);
    count.textContent = shown.length === store.id.length ? counted(shown.length, "record") : `${shown.length.toLocaleString("en")} of ${counted(store.id.length, "record")}`;
    document.getElementById("nothing").hidden = shown.length > 0;
    list.show(shown);
    world.show(shown);
  }
  order.addEventListener("change", change);

  // ---- the world

  const world = new Maps.WorldMap(document.querySelector("[data-map=world]"), store, row => open(row));
  for (const button of document.querySelectorAll("[data-shown]")) {
    button.addEventListener("click", () => {
      document.querySelectorAll("[data-shown]").forEach(other => other.setAttribute("aria-pressed", String(other === button)));
      world.shown = button.dataset.shown;
      world.later();
    });
  }

  // ---- the panel

  const panel = document.getElementById("panel"), inside = panel.querySelector(".inside"), template = document.getElementById("case-map");
  let current = null, caseMap = null;
  function open(row) {
    current = row;
    const record = store.record(row), found = blocks.item("details", row) || Panel.BARE;
    const label = record.answer ? `answer: ${record.answer[2] || "a point"}` : "";
    const [figure, start] = Panel.map(template, record, found, Panel.answerOf(record, label, "--map-answer"));
    const others = Object.entries(store.others).map(([name, distances]) => h("li", {}, h("span", {}, name), h("b", { class: `d${distanceClass(distances[row])}` }, km(distances[row]))));
    inside.replaceChildren(...[Panel.body(record, found, figure), Panel.clues(found), Panel.evidence(found),
      h("div", { class: "columns" }, Panel.ranked(found), others.length ? Panel.section("Other systems", null, h("ul", { class: "others" }, others)) : null),
      Panel.steps(found), Panel.notes(found, store.embedded)].flat().filter(Boolean));
    document.getElementById("place").textContent = shown.includes(row) ? `${(shown.indexOf(row) + 1).toLocaleString("en")} of ${shown.length.toLocaleString("en")}` : "";
    if (!panel.open) panel.showModal();
    panel.scrollTop = 0;
    caseMap = start();
    world.hoverOn(row);
    history.replaceState(null, "", `#${encodeURIComponent(record.id)}`);
  }
  function step(by) {
    const next = shown[shown.indexOf(current) + by];
    if (next !== undefined) open(next);
  }
  Panel.walk(panel, step, () => { caseMap = null; inside.replaceChildren(); history.replaceState(null, "", location.pathname); });

  change();
  printing(() => [world, ...(caseMap ? [caseMap] : [])], () => list.draw(PRINTED), () => list.draw());
  const wanted = location.hash ? store.id.findIndex(id => `#${encodeURIComponent(id)}` === location.hash) : -1;
  if (wanted >= 0) open(wanted);
})();
