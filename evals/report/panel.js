"use strict";
// The panel of one record: what there was, what was answered, and why.
const Panel = (() => {
  const { bits, chips, counted, distanceClass, h, km, percent, picture, svg } = Parts;

  // What stands for the details of a record that the page leaves out.
  const BARE = { bare: true, licence: "", attribution: "", ended: "", error: "", reason: "", spent: { turns: 0, tokens: 0, seconds: 0, usd: null }, size: null,
    boxes: [], ranked: [], evidence: [], steps: [], clues: [], cut: [] };

  const section = (title, count, ...children) => h("section", {}, h("h3", {}, title, count === null ? null : h("small", {}, String(count))), children);

  function photo(thumb, found, words) {
    if (!thumb) return h("figure", { class: "photo" }, h("div", { class: "missing" }, h("b", {}, "No picture"), h("span", {}, "There is no thumbnail of this record.")));
    const boxes = [...found.boxes].reverse().map(([left, top, right, bottom, name, label, kind]) => {
      const size = { x: `${100 * left}%`, y: `${100 * top}%`, width: `${100 * (right - left)}%`, height: `${100 * (bottom - top)}%` };
      const text = kind === "zooms" ? svg("text", { x: size.x, y: size.y, dx: 4, dy: top < 0.06 ? 14 : -5 }, name) : null;
      return svg("g", { class: `box ${kind === "zooms" ? "zooms" : "texts"}` }, svg("title", {}, label), svg("rect", { ...size, class: "halo" }), svg("rect", { ...size, class: "line", rx: 2 }), text);
    });
    const image = picture(thumb, words), frame = h("div", { class: "frame" }, image, svg("svg", { class: "overlay", width: "100%", height: "100%" }, boxes));
    image.addEventListener("load", () => frame.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight));
    const zooms = found.boxes.filter(box => box[6] === "zooms").length;
    const said = [found.size ? `${found.size[0]} × ${found.size[1]} pixels` : null, zooms ? `${counted(zooms, "zoomed part")} (yellow)` : null, found.boxes.length > zooms ? `${counted(found.boxes.length - zooms, "text")} found (blue)` : null];
    const rights = [found.licence, found.attribution].filter(Boolean).join(" · ");
    return h("figure", { class: "photo" }, frame, h("figcaption", {}, h("span", {}, said.filter(Boolean).join(" · ")), rights ? h("span", { class: "rights" }, rights) : null));
  }

  function balance(value, most) {
    if (value === null) return h("span", { class: "number" }, "–");
    const bar = h("i", { class: value >= 0 ? "for" : "against", style: `width:${Math.min(1, Math.abs(value) / most) * 50}%` });
    return [h("span", { class: "balance", "aria-hidden": "true" }, bar), h("span", { class: "number" }, bits(value))];
  }

  function evidence(found) {
    if (found.bare) return null;
    if (!found.evidence.length) return section("Evidence", 0, h("p", { class: "none" }, "No tool found anything that says where the photo was taken."));
    const most = Math.max(1, ...found.evidence.map(item => Math.abs(item[3] ?? 0)));
    const head = h("tr", {}, [["claim", "What was found"], ["tool", "Tool"], ["reliability", "Reliability"], ["support", "At the truth"]].map(([kind, words]) => h("th", { scope: "col", class: kind }, words)));
    const rows = found.evidence.map(([claim, tool, reliability, value]) => h("tr", {},
      h("td", { class: "claim" }, h("span", { class: "said" }, claim)), h("td", { class: "tool" }, h("code", {}, tool)),
      h("td", { class: "reliability number" }, reliability === null ? "–" : percent(reliability)), h("td", { class: "support" }, balance(value, most))));
    const note = "“At the truth”: how much likelier the clue is at the true place than on average; one bit is a factor of two, negative speaks against it.";
    return section("Evidence", found.evidence.length, h("table", { class: "evidence" }, h("thead", {}, head), h("tbody", {}, rows)), h("p", { class: "note" }, note));
  }

  function ranked(found) {
    if (!found.ranked.length) return null;
    const rows = found.ranked.map(([label, share, distance, holds]) => h("li", {},
      h("span", { class: "name" }, label), h("span", { class: "share" }, share === null ? "–" : percent(share)),
      h("span", { class: "bar", "aria-hidden": "true" }, h("i", { style: `width:${100 * Math.min(1, Math.max(0, share ?? 0))}%` })),
      h("span", { class: "detail" }, [holds === true ? "✓ holds the truth" : null, distance === null ? null : `its middle is ${km(distance)} from the truth`].filter(Boolean).join(" · "))));
    return section("Where it could be", found.ranked.length, h("ol", { class: "places" }, rows));
  }

  function clues(found) {
    if (!found.clues.length) return null;
    const read = found.clues.filter(clue => clue[3] === true).length, told = found.clues.filter(clue => clue[3] !== null).length;
    const rows = found.clues.map(([kind, text, note, seen]) => h("li", { class: seen === true ? "read" : seen === false ? "unread" : "" },
      h("span", { class: "mark" }, seen === true ? "✓" : seen === false ? "✗" : "·"), h("b", {}, kind), " ", h("span", { class: "said" }, text), note ? h("small", {}, ` ${note}`) : null));
    return section("What the scene held", `${read} of ${told} texts read`, h("ul", { class: "clues" }, rows),
      h("p", { class: "note" }, "✓ its letters stand in what the tools read; ✗ they do not; · is no text."));
  }

  function steps(found) {
    if (!found.steps.length) return null;
    const rows = found.steps.map(([turn, tool, args, ok, seconds, value, text]) => h("li", { class: ok ? "" : "bad" },
      h("span", { class: "turn" }, String(turn)), h("div", {}, h("p", { class: "call" }, h("code", { class: "tool" }, tool), h("span", { class: "args" }, args),
        ok ? null : h("span", { class: "failed" }, "not carried out"),
        value === null || value === 0 ? null : h("span", { class: value > 0 ? "gain" : "loss" }, bits(value)),
        seconds === null ? null : h("span", { class: "spent" }, `${seconds.toFixed(1)} s`)), text ? h("p", { class: "text" }, text) : null)));
    return section("Steps", found.steps.length, h("ol", { class: "short" }, rows));
  }

  function facts(record, found) {
    const answer = record.answer, spent = found.spent;
    const used = [spent.turns ? counted(spent.turns, "turn") : null, spent.tokens ? counted(spent.tokens, "token") : null,
      spent.seconds ? `${spent.seconds} s` : null, spent.usd === null ? null : `$${spent.usd.toFixed(4)}`].filter(Boolean).join(", ");
    const items = [
      ["Truth", record.truth[2], record.truth[0] === null ? "" : `${record.truth[0]}, ${record.truth[1]}`],
      ["Answer", answer ? answer[2] || "a point" : "none", answer ? `${answer[0]}, ${answer[1]}` : ""],
      answer && answer[3] !== null ? ["Stated: within 50 km", percent(answer[3]), ""] : null,
      answer && answer[5] !== null ? ["Stated: 90 % within", km(answer[5]), answer[4] === null ? "" : `50 % within ${km(answer[4])}`] : null,
      found.bare ? null : ["Ended", found.ended, used],
    ];
    return h("dl", { class: "facts" }, items.filter(Boolean).map(([name, value, detail]) => h("div", {}, h("dt", {}, name), h("dd", {}, value, detail ? h("small", {}, detail) : null))));
  }

  function verdicts(record) {
    const lines = [["Place", record.levels], ["Word matcher, answer", record.final], ["Word matcher, whole message", record.original], ["Judge", record.judged]];
    return h("dl", { class: "verdicts" }, lines.filter(([, signs]) => signs && signs !== "---").map(([name, signs]) => [h("dt", {}, name), h("dd", {}, chips(signs))]));
  }

  function titleOf(record) {
    if (record.answer && record.km !== null) return [`${km(record.km)} off`, `d${distanceClass(record.km)}`];
    return record.answer ? ["Answered", ""] : ["No answer", "unsure"];
  }

  // Both the words of a record and of each of its systems; `record` as from `Store.record`.
  function body(record, found, map) {
    const [title, kind] = titleOf(record);
    return [
      h("p", { class: "eyebrow" }, [record.id, ...record.columns].join(" · ")),
      h("h2", { class: kind }, title),
      verdicts(record), facts(record, found),
      found.reason ? h("blockquote", { class: "reason" }, found.reason) : null,
      found.error ? h("p", { class: "problem" }, found.error) : null,
      h("div", { class: "pair" }, photo(record.thumb, found, `photo ${record.id}`), map),
    ];
  }

  function notes(found, embedded) {
    const words = found.bare ? ["This page is of so many records that it holds neither picture nor details of this one."] : [];
    if (found.cut.length) words.push(`Left out to keep the page small: ${found.cut.join(", ")}. “geosleuth show --full” prints the whole trajectory.`);
    if (!found.belief && !found.bare) words.push(embedded);
    return words.map(text => h("p", { class: "note" }, text));
  }

  // Where truth and answers stand, and the belief where the page holds it.
  function map(template, record, found, answers) {
    const truth = record.truth[0] === null ? null : { lat: record.truth[0], lon: record.truth[1], label: record.truth[2] };
    const points = found.ranked.filter(place => place[4] !== null).map(([label, share, , , lat, lon], i) => ({ lat, lon, label, mark: String(i + 1), share: share === null ? "" : percent(share) }));
    return Maps.caseMap(template, { ...(found.belief || {}), points }, truth, answers);
  }

  const answerOf = (record, label, colour) => record.answer ? [{ lat: record.answer[0], lon: record.answer[1], label, colour }] : [];

  // The buttons and keys of the dialog: `step(-1)` and `step(1)` go to other records.
  function walk(panel, step, closed) {
    document.getElementById("before").addEventListener("click", () => step(-1));
    document.getElementById("after").addEventListener("click", () => step(1));
    document.getElementById("close").addEventListener("click", () => panel.close());
    panel.addEventListener("click", event => { if (event.target === panel) panel.close(); });
    panel.addEventListener("close", closed);
    panel.addEventListener("keydown", event => {
      if (event.target.tagName === "CANVAS" || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "ArrowLeft") step(-1);
      if (event.key === "ArrowRight") step(1);
    });
  }

  // The tables of splits: the selectors leave one standing.
  function choose(column, system) {
    const selects = [system, column].filter(Boolean).map(id => document.getElementById(id)).filter(Boolean);
    const key = () => selects.map(select => select.value).join(":");
    const show = () => document.querySelectorAll("[data-split]").forEach(part => { part.hidden = part.dataset.split !== key(); });
    for (const select of selects) select.addEventListener("change", show);
  }

  return { BARE, answerOf, body, clues, evidence, map, notes, ranked, section, steps, walk, choose };
})();
