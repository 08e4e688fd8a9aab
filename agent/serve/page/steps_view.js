// What was done, step by step, as it happens.
import { el } from "./elements.js";
import { picture } from "./api.js";

const NAMES = {
  read_text: "Read the text", zoom: "Looked closer", find_place: "Looked a name up", estimate: "Judged the picture as a whole", find_similar: "Looked for similar photos",
  search_web: "Searched", read_page: "Read a page", reverse_geocode: "Looked a point up", nearby: "Asked what is near", search_scene: "Searched for the scene",
  read_metadata: "Read the file's metadata", answer: "Answered", ask_case: "Looked at the case",
};
const SHORT = 220;

export function drawSteps(list, caseId, photo, working) {
  const key = JSON.stringify([caseId, photo?.number, photo?.steps.length, photo?.steps.at(-1)?.belief, photo?.state, photo?.note, working]);
  if (list.drawn === key) return;
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const steps = photo?.steps || [], same = list.of === `${caseId} ${photo?.number}` && steps.length >= (list.count || 0);
  const open = same ? [...list.querySelectorAll("details")].map(fold => fold.open) : [];
  let before = "";
  const items = steps.map((step, row) => {
    const belief = step.belief && step.belief !== before ? step.belief : "";
    before = step.belief || before;
    return stepItem(caseId, photo, step, belief, same && working && row >= list.count);
  });
  list.replaceChildren(...items, ...ending(photo, working));
  [...list.querySelectorAll("details")].forEach((fold, row) => { fold.open = open[row] || false; });
  Object.assign(list, { drawn: key, of: `${caseId} ${photo?.number}`, count: steps.length });
  if (working && atEnd) list.scrollTop = list.scrollHeight;
}

function ending(photo, working) {
  if (!photo) return [el("li", { class: "none" }, "Nothing was investigated yet.")];
  const rows = [];
  if (photo.note) rows.push(el("li", { class: "none" }, photo.note));
  if (working && photo.state === "running") rows.push(el("li", { class: "working" }, el("i"), "Working…"));
  else if (photo.state === "waiting") rows.push(el("li", { class: "none" }, working ? "This photo waits for the others." : "Not investigated yet."));
  if (photo.error) rows.push(el("li", { class: "problem" }, photo.error));
  if (photo.ended && !working) rows.push(el("li", { class: "none end" }, `Ended ${photo.ended}${photo.seconds === null ? "" : `; ${photo.seconds.toFixed(1)} s of work`}.`));
  return rows;
}

function stepItem(caseId, photo, step, belief, fresh) {
  const crops = photo.zooms.filter(mark => step.views.includes(mark.name));
  return el("li", { class: `step${step.ok ? "" : " bad"}${fresh ? " fresh" : ""}` },
    el("div", { class: "call" }, el("b", {}, NAMES[step.tool] || step.tool), el("span", { class: "args" }, shortArgs(step.args)),
      !step.ok && el("span", { class: "failed" }, "not carried out"), el("span", { class: "spent" }, seconds(step.seconds))),
    el("div", { class: "result" }, folded(step.text)),
    crops.length > 0 && el("div", { class: "crops" }, crops.slice(0, 4).map(mark =>
      el("img", { src: picture(caseId, photo.number, 440, mark.box), alt: mark.words, loading: "lazy" }))),
    belief && el("p", { class: "belief" }, belief.replace(/^belief: /, "")));
}

function shortArgs(args) {
  const values = Object.entries(args || {}).filter(([, value]) => typeof value === "string" && value !== "photo").map(([, value]) => value);
  const words = values.join(", ");
  return words.length > 80 ? `${words.slice(0, 79)}…` : words;
}

const seconds = value => typeof value !== "number" ? "" : value < 0.05 ? "" : `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;

function folded(text) {
  if (text.length <= SHORT && text.split("\n").length <= 4) return el("p", { class: "text" }, text);
  const start = text.split("\n").slice(0, 3).join("\n").slice(0, SHORT);
  return el("details", { class: "fold" }, el("summary", {}, el("span", { class: "text start" }, `${start} …`)), el("p", { class: "text" }, text));
}
