"use strict";
(() => {
  const { Blocks, Filters, LongList, LEVELS, bits, byKey, chips, counted, data, distanceClass, h, km, picture, printing } = Parts;
  const PRINTED = 40;

  Panel.choose("split-column", null);
  if (!document.getElementById("changes")) return; // no record in common
  const store = data("changes");
  const blocks = new Blocks(store.chunk), sides = ["a", "b"];
  const label = answer => answer ? answer[2] || "a point" : "no answer";
  store.words = row => `${store.truth[row][2]} → ${sides.map(side => label(store[side].answer[row])).join(" | ")}`;
  const record = (side, row) => ({
    id: store.id[row], truth: store.truth[row], answer: store[side].answer[row], km: store[side].km[row], levels: store[side].levels[row],
    final: store[side].published.final[row], original: store[side].published.original[row], judged: store[side].judged?.[row], columns: [], thumb: thumb(row),
  });
  const thumb = row => blocks.item("a-thumbs", row) || blocks.item("b-thumbs", row);

  const flips = LEVELS.flatMap((level, i) => [["won", "0", "1"], ["lost", "1", "0"]].map(([word, before, after]) =>
    [`${level} ${word}`, row => store.a.levels[row][i] === before && store.b.levels[row][i] === after]));
  const tests = [["better", row => store.side[row] > 0], ["worse", row => store.side[row] < 0], ["as before", row => store.side[row] === 0], ...flips]
    .filter(([, test]) => store.id.some((_, row) => test(row)))
    .map(([words, test]) => [`${words} (${store.id.filter((_, row) => test(row)).length})`, test]);
  const rank = (key, sign) => (a, b) => sign * (store.side[b] - store.side[a]) || sign * (key(b) - key(a)) || a - b;
  const gain = row => 10 * store.won[row] + store.nearer[row];
  const orders = {
    better: rank(gain, 1), worse: rank(gain, -1), size: byKey(row => Math.abs(gain(row)), -1),
    id: (a, b) => store.id[a].localeCompare(store.id[b], "en", { numeric: true }) || a - b,
  };

  function answer(side, row) {
    const found = store[side].answer[row], distance = store[side].km[row];
    return h("span", { class: `answer ${side}` }, h("small", {}, store.names[side === "a" ? 0 : 1]),
      h("b", { class: `far d${distanceClass(distance)}` }, distance === null ? (found ? "–" : "no answer") : km(distance)),
      h("span", { class: "said" }, found ? label(found) : ""), chips(store[side].levels[row]));
  }
  function line(row) {
    const side = store.side[row], sign = side > 0 ? "better" : side < 0 ? "worse" : "same";
    return h("button", { type: "button", class: "record change", "data-row": row, onclick: () => open(row) },
      h("span", { class: "thumb" }, picture(thumb(row), "")),
      h("span", { class: "what" }, h("b", {}, store.truth[row][2]), h("small", { class: `sign ${sign}` }, { better: "▲ better", worse: "▼ worse", same: "as before" }[sign]), h("small", {}, store.id[row])),
      answer("a", row), answer("b", row));
  }

  const list = new LongList(document.getElementById("list"), line);
  const filters = new Filters(document.getElementById("filters"), { ...store, km: store.b.km }, tests, () => change());
  const order = document.getElementById("order"), count = document.getElementById("count");
  let shown = [];
  function change() {
    shown = filters.rows().sort(orders[order.value]);
    count.textContent = shown.length === store.id.length ? counted(shown.length, "record") : `${shown.length.toLocaleString("en")} of ${counted(store.id.length, "record")}`;
    document.getElementById("nothing").hidden = shown.length > 0;
    list.show(shown);
  }
  order.addEventListener("change", change);

  // ---- the panel: both answers on one map, then each with its evidence

  const panel = document.getElementById("panel"), inside = panel.querySelector(".inside"), template = document.getElementById("case-map");
  let current = null, maps = [];
  function open(row) {
    current = row;
    const colours = { a: "--other", b: "--map-answer" }, starts = [];
    const columns = sides.map((side, i) => {
      const mine = record(side, row), found = blocks.item(`${side}-details`, row) || Panel.BARE;
      const [figure, start] = Panel.map(template, mine, found, Panel.answerOf(mine, `answer: ${label(mine.answer)}`, colours[side]));
      starts.push(start);
      return h("div", { class: "side" }, h("h3", { class: "system" }, store.names[i]), Panel.body(mine, found, figure), Panel.clues(found), Panel.evidence(found),
        Panel.ranked(found), Panel.steps(found), Panel.notes(found, "The page does not hold the belief of this answer."));
    });
    inside.replaceChildren(h("div", { class: "sides" }, columns));
    document.getElementById("place").textContent = shown.includes(row) ? `${(shown.indexOf(row) + 1).toLocaleString("en")} of ${shown.length.toLocaleString("en")}` : "";
    if (!panel.open) panel.showModal();
    panel.scrollTop = 0;
    maps = starts.map(start => start());
  }
  Panel.walk(panel, by => { const next = shown[shown.indexOf(current) + by]; if (next !== undefined) open(next); }, () => { maps = []; inside.replaceChildren(); });

  change();
  printing(() => maps, () => list.draw(PRINTED), () => list.draw());
})();
