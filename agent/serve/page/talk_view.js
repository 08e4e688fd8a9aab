// The conversation, and what the user stated.
import { el } from "./elements.js";

const CHIPS = ["Why?", "What would change your mind?", "How sure are you?", "Tell me about the place"];

export class TalkView {
  constructor({ messages, statements, chips, form, text, commands }, { send, takeBack }) {
    Object.assign(this, { messages, statements, chips, form, text, commands, send, takeBack });
    Object.assign(this, { pending: null, before: 0, blocked: false, sent: false });
    chips.replaceChildren(...CHIPS.map(words => el("button", { type: "button", onclick: () => this.say(words) }, words)));
    form.addEventListener("submit", event => { event.preventDefault(); this.say(text.value); });
    text.addEventListener("keydown", event => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.say(text.value); }
    });
    text.addEventListener("input", () => this.fit());
  }

  fit() { this.text.style.height = "auto"; this.text.style.height = `${Math.min(this.text.scrollHeight + 2, 140)}px`; }

  offer(commands) {
    this.commands.replaceChildren(...Object.entries(commands).flatMap(([command, what]) => [
      el("dt", {}, el("button", { type: "button", onclick: () => { this.text.value = command.split(" ")[0] + (command.includes(" ") ? " " : ""); this.text.focus(); } }, command)), el("dd", {}, what)]));
  }

  async say(words) {
    words = words.trim();
    if (!words || this.pending !== null || this.blocked) return;
    this.pending = words;
    this.before = (this.turns || []).length;
    this.sent = true;
    this.text.value = "";
    this.fit();
    this.draw();
    const own = this.number = (this.number || 0) + 1;
    if (!await this.send(words) && !this.text.value) this.text.value = words;
    if (this.number === own) { this.pending = null; this.draw(); }
  }

  show(turns, statements, blocked) {
    this.turns = turns;
    this.blocked = blocked;
    if (turns.length > this.before) this.pending = null; // from here on events tell
    const standing = statements.filter(one => !one.retracted);
    this.statements.hidden = !statements.length;
    this.statements.replaceChildren(el("h4", {}, "What you stated"), el("ul", {}, statements.map(one => el("li", { class: one.retracted && "gone" },
      el("span", {}, one.claim.replace(/^you say: /, "")),
      one.retracted ? el("small", {}, "taken back") : el("button", { type: "button", "aria-label": `take back: ${one.claim}`, onclick: () => this.takeBack(one.id) }, "take back")))));
    this.statements.classList.toggle("all-gone", !standing.length);
    this.draw();
  }

  draw() {
    const turns = [...(this.turns || [])];
    // Until the event comes that says so, what was just sent is shown from here.
    if (this.pending !== null) turns.push({ role: "user", text: this.pending });
    const waits = turns.at(-1)?.role === "user" && (this.pending !== null || this.blocked);
    const rows = turns.map(turn => el("li", { class: `${turn.role === "user" ? "mine" : "theirs"}${turn.refused ? " refused" : ""}` }, paragraphs(turn.text)));
    if (waits) rows.push(el("li", { class: "theirs working" }, el("i"), "Thinking…"));
    if (!rows.length) rows.push(el("li", { class: "none" }, "Ask about the answer, or say what you know: “it was taken in March”, “not in Spain”. What you state becomes evidence, and can be taken back."));
    const key = JSON.stringify([turns, waits]);
    if (key !== this.drawn) {
      this.drawn = key;
      this.messages.replaceChildren(...rows);
      this.messages.scrollTop = this.messages.scrollHeight;
      if (this.sent) this.messages.lastElementChild.scrollIntoView({ block: "nearest" });
    }
    for (const button of [...this.chips.children, this.form.querySelector("button")]) button.disabled = this.blocked || this.pending !== null;
  }
}

// Lines that begin with "- " are items of a list.
function paragraphs(text) {
  const parts = [];
  const together = text.replace(/(\d) (?=(?:\d{3}|%|km²?|m|bits|times)(?![\w]))/g, "$1\u00a0");
  for (const line of together.split("\n")) {
    if (line.startsWith("- ")) {
      if (parts.at(-1)?.tagName !== "UL") parts.push(el("ul"));
      parts.at(-1).append(el("li", {}, line.slice(2)));
    } else if (line.trim()) parts.push(el("p", {}, line));
  }
  return parts;
}
