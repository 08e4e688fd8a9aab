// The answer in large, the places that are possible, and the evidence.
import { el, link } from "./elements.js";

export function drawAnswer(place, facts, words, working) {
  place.className = words?.sure ? "" : "unsure";
  if (!words) { place.replaceChildren(working ? "Looking…" : "Not known yet"); facts.replaceChildren(); return; }
  place.replaceChildren(words.large, words.small && el("small", {}, words.small), words.withheld && el("small", {}, `${words.withheld[0].toUpperCase()}${words.withheld.slice(1)}.`));
  facts.replaceChildren(
    el("div", {}, el("dt", {}, words.sure ? "Coordinates" : "Best single point"), el("dd", {}, el("code", {}, words.point), copyButton(words.point))),
    ...words.facts.map(fact => el("div", {}, el("dt", {}, fact.name), el("dd", {}, fact.value, fact.note && el("small", {}, fact.note)))));
}

function copyButton(text) {
  return el("button", { type: "button", class: "copy", "aria-label": `copy the coordinates ${text}`, onclick: async event => {
    const button = event.currentTarget;
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(button.previousElementSibling); button.textContent = "Selected"; }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  } }, "Copy");
}

export function drawPlaces(box, places) {
  if (!places.length) { box.replaceChildren(el("p", { class: "none" }, "No place stands out yet.")); return; }
  const left = 1 - places.reduce((sum, place) => sum + place.share, 0);
  const rows = places.map(place => placeRow(place.name, place.share, place.percent, place.detail));
  if (left >= 0.005) rows.push(placeRow("elsewhere", left, `${Math.round(100 * left)} %`, "", "rest"));
  box.replaceChildren(el("ol", { class: "places" }, rows));
}

function placeRow(name, share, percent, detail, kind) {
  return el("li", { class: kind }, el("span", { class: "name" }, name), el("span", { class: "share" }, percent),
    el("span", { class: "bar", "aria-hidden": "true" }, el("i", { width_share: Math.min(1, share) })), detail && el("span", { class: "detail" }, detail));
}

// While it is worked on the map's points say what is possible.
export function placesOfMap(map) {
  return map.points.filter(point => !point.answer && point.share).map(point => {
    const number = Number.parseFloat(point.share.replace(/[^0-9.]/g, ""));
    return { name: point.label, share: number / 100, percent: point.share, detail: "" };
  });
}

const COLUMNS = [["claim", "What was found"], ["tool", "Tool"], ["reliability", "Reliability"], ["bits", "Tells alone"], ["for_answer_bits", "For the answer"]];

export class EvidenceView {
  constructor(box, count) { Object.assign(this, { box, count }); this.by = null; this.sign = -1; }

  show(ledger, withheld) {
    this.ledger = ledger;
    this.count.textContent = ledger.length || "";
    if (!ledger.length) {
      this.box.replaceChildren(el("p", { class: "none" }, withheld ? "Not shown, since places are shown coarsely here." : "Nothing was found yet that says where it was taken."));
      return;
    }
    const most = Math.max(1, ...ledger.map(entry => Math.abs(entry.for_answer_bits)));
    const head = COLUMNS.map(([key, words]) => el("th", { scope: "col", class: key === "for_answer_bits" ? "support" : key, "aria-sort": this.by === key && (this.sign > 0 ? "ascending" : "descending") },
      el("button", { type: "button", onclick: () => this.sort(key) }, words)));
    this.box.replaceChildren(el("table", { class: "evidence" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, this.sorted().map(entry => evidenceRow(entry, most)))),
      el("p", { class: "note" }, "One bit is a factor of two. “Tells alone” is how far the clue by itself moves the belief; “for the answer” is how much more likely the clue is at the best place than elsewhere, and negative where it speaks against it."));
  }

  sort(key) {
    this.sign = this.by === key ? -this.sign : ["claim", "tool"].includes(key) ? 1 : -1;
    this.by = key;
    this.show(this.ledger);
    this.box.querySelectorAll("th button")[COLUMNS.findIndex(([name]) => name === key)].focus();
  }

  sorted() {
    if (!this.by) return this.ledger;
    const compare = (a, b) => typeof a === "number" ? a - b : String(a).localeCompare(String(b));
    return [...this.ledger].sort((a, b) => this.sign * compare(a[this.by], b[this.by]));
  }
}

function evidenceRow(entry, most) {
  const value = entry.for_answer_bits, side = value >= 0 ? "for" : "against";
  const words = `${value > 0.05 ? "+" : value < -0.05 ? "−" : ""}${Math.abs(value).toFixed(1)} bits`;
  const photo = /^p(\d+):/.exec(entry.call || "");
  return el("tr", {},
    el("td", { class: "claim" }, el("span", { class: "said" }, entry.claim),
      el("span", { class: "sources" }, photo && el("span", {}, `photo ${photo[1]}`), entry.citations.filter(cited => cited.url || /^\w+:/.test(cited.id)).map(cited => link(cited.url || cited.id, cited.title || cited.url || cited.id)))),
    el("td", { class: "tool" }, el("code", {}, entry.tool)),
    el("td", { class: "reliability number" }, `${Math.round(100 * entry.reliability)} %`),
    el("td", { class: "bits number" }, `${entry.bits.toFixed(1)} bits`),
    el("td", { class: "support" }, el("span", { class: "balance", "aria-hidden": "true" }, el("i", { class: side, width_share: Math.min(1, Math.abs(value) / most) / 2 })), el("span", { class: "number" }, words)));
}
