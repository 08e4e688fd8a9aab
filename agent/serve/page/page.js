// The page: which case is open, what happens in it, and what the user does.
import { $, el, show } from "./elements.js";
import { call, caseAt, picture, upload, Problem } from "./api.js";
import { LiveMap, loadOutlines } from "./live_map.js";
import { PhotoView } from "./photo_view.js";
import { drawSteps } from "./steps_view.js";
import { drawAnswer, drawPlaces, EvidenceView, placesOfMap } from "./answer_view.js";
import { TalkView } from "./talk_view.js";

const EXPORTS = { report: "Report", geojson: "GeoJSON", kml: "KML", trajectory: "Trajectory" };
const EMPTY_MAP = { heat: [], bounds: null, points: [], towns: [] };
let settings = null, open = null, chosen = null, stream = null, map = null, drawnMap = null;
let asking = 0, meanwhile = [];

// ---- errors, in one line

function tell(words) { $("problem").firstElementChild.textContent = words; show($("problem"), Boolean(words)); }

function failed(problem) {
  if (problem instanceof Problem && problem.status === 401) { askForToken(); return; }
  if (problem instanceof Problem && problem.status === 404 && open) { home(); }
  tell(problem instanceof Problem ? problem.message : "Something went wrong in this page; reload it.");
  if (!(problem instanceof Problem)) console.error(problem);
}

const tried = work => async (...given) => {
  tell("");
  try { return await work(...given); } catch (problem) { failed(problem); return undefined; }
};

// ---- views

const photoView = new PhotoView($("photo"), $("strip"), { choose: number => { chosen = number; draw(); }, add: tried(addPhotos),
  shadow: tried((number, points, time) => say(`/shadow photo ${number} ${points.map(point => point.map(share => share.toFixed(4)).join(",")).join(" ")} ${time}`.trim())) });
const evidenceView = new EvidenceView($("evidence"), document.querySelector("#evidence-title small"));
const talkView = new TalkView(
  { messages: $("messages"), statements: $("statements"), chips: $("chips"), form: $("ask"), text: $("text"), commands: $("commands") },
  { send: words => say(words).then(() => true, problem => { failed(problem); return false; }), takeBack: tried(id => call("POST", caseAt(open.id, "retract"), { statement: id }).then(settle)) });

function view(name) {
  for (const one of ["login", "welcome", "case"]) show($(one), one === name);
  for (const id of ["show-cases", "new-case"]) show($(id), name === "case");
  show($("sign-out"), name !== "login" && settings?.by_tokens);
  closeDrawer();
}

function draw() {
  if (!open) return;
  const working = open.investigating;
  const photo = open.photos.find(one => one.number === chosen) || open.photos.find(one => one.state === "running") || open.photos.at(-1) || null;
  $("title").textContent = open.title;
  document.title = `${open.words?.sure ? `${open.words.large} · ` : ""}${open.title || "New case"} · Geosleuth`;
  drawState(working, photo);
  drawAnswer($("place"), $("facts"), open.words, working);
  photoView.show(open.id, open.photos, photo);
  drawSteps($("steps"), open.id, photo, working);
  drawPlaces($("places"), open.words && !open.map?.live ? open.words.places : placesOfMap(open.map || EMPTY_MAP));
  evidenceView.show(open.ledger, open.words?.withheld);
  talkView.show(open.turns, open.statements, open.busy);
  if (map && drawnMap !== (open.map || EMPTY_MAP)) { drawnMap = open.map || EMPTY_MAP; map.show(drawnMap); }
  show($("exports"), Boolean(open.words) && !open.words.withheld);
  $("exports").replaceChildren("Save as ", ...settings.exports.map(kind => el("a", { href: caseAt(open.id, "export", kind), download: "" }, EXPORTS[kind] || kind)));
}

function drawState(working, photo) {
  const waiting = open.photos.some(one => one.state === "waiting" || one.state === "failed");
  const several = open.photos.length > 1 && photo ? ` photo ${open.photos.find(one => one.state === "running")?.number ?? photo.number} of ${open.photos.length}` : "";
  const words = working ? `Investigating${several}` : open.uploading || (waiting ? "Not finished" : open.photos.length ? `Investigated${open.photos.length > 1 ? `, ${open.photos.length} photos` : ""}` : "No photo yet");
  const button = working ? el("button", { type: "button", onclick: tried(() => call("POST", caseAt(open.id, "stop"))) }, "Stop")
    : waiting && !open.uploading ? el("button", { type: "button", class: "strong", onclick: tried(start) }, open.photos.some(one => one.steps.length || one.state === "failed") ? "Go on" : "Investigate") : null;
  const key = `${open.id} ${words} ${Boolean(button)}`;
  if ($("state").drawn === key) return;
  $("state").drawn = key;
  $("state").replaceChildren(...[working && el("i", { class: "pulse" }), el("span", {}, words), button].filter(Boolean));
}

// ---- a case

// Events have numbers, and the case says which it contains: those that come while it is asked for are applied again, and none twice.
async function refresh(id = open.id) {
  asking++;
  let found;
  try { found = await call("GET", caseAt(id)); } finally { asking--; }
  const later = meanwhile.filter(event => event.seq > found.seq);
  if (!asking) meanwhile = [];
  if (!open || open.id !== id || found.seq < open.seq) return;
  const turns = open?.id === id && open.turns.length > found.turns.length ? open.turns : found.turns;
  open = { ...found, turns, uploading: open?.uploading };
  for (const event of [...found.so_far, ...later]) happened(event, true);
  draw();
}

async function openCase(id) {
  tell("");
  if (stream) stream.close();
  open = null; chosen = null; drawnMap = null;
  talkView.sent = false;
  const found = await call("GET", caseAt(id));
  open = found;
  for (const event of found.so_far) happened(event, true);
  view("case");
  if (!map) map = new LiveMap($("map"), settings.tiles);
  map.touched = false;
  draw();
  watch(id);
}

function watch(id) {
  stream = new EventSource(caseAt(id, "events"));
  const own = stream;
  let first = true;
  stream.addEventListener("hello", () => { if (own === stream) { if (!first) tell(""); first = false; refresh(id).catch(failed); } });
  for (const name of ["photo", "start", "resumed", "step", "belief", "silent", "asked", "reply", "result", "problem", "stopped", "finished", "deleted"]) {
    stream.addEventListener(name, message => {
      const event = { ...JSON.parse(message.data), event: name };
      if (own !== stream || open?.id !== id || event.seq <= open.seq) return;
      if (asking) meanwhile.push(event);
      happened(event);
    });
  }
  stream.onerror = () => { if (own === stream && own.readyState === EventSource.CLOSED) setTimeout(() => { if (own === stream && open?.id === id) watch(id); }, 3000); };
}

// One event of the case; `again` for those that a page asks for when it is opened late.
function happened(event, again = false) {
  const photo = open.photos.find(one => one.number === event.photo), name = event.event;
  if (name === "start") { open.investigating = open.busy = true; if (photo) { photo.state = "running"; photo.error = null; } if (!again) chosen = null; }
  if (name === "resumed" && photo) photo.note = "It goes on where it was cut.";
  if (name === "step" && photo && !(again && photo.state === "done")) {
    photo.steps.push({ ...event, belief: null });
    photo.zooms.push(...event.zooms);
    photo.texts.push(...event.texts);
  }
  if (name === "belief") {
    if (photo?.steps.length && !(again && photo.state === "done")) photo.steps.at(-1).belief = event.line;
    if (event.map) open.map = { ...event.map, live: true };
  }
  if (name === "asked") { open.busy = true; open.turns.push({ role: "user", text: event.text }); }
  if (name === "reply") { open.busy = open.investigating; open.turns.push({ role: "geosleuth", text: event.text, refused: event.refused }); }
  if (name === "result") Object.assign(open, { result: event.result, words: event.words, map: event.map, ledger: event.ledger, statements: event.statements });
  if (name === "problem") { tell(event.text); if (photo) { photo.state = "failed"; photo.error = event.text; } }
  if (name === "deleted") { home(); tell("This case was deleted."); return; }
  if (again) return;
  if (["photo", "finished", "stopped"].includes(name) || (name === "reply" && (event.photo || open.turns.at(-2)?.role !== "user"))) { refresh().catch(failed); return; }
  draw();
}

async function start() {
  await call("POST", caseAt(open.id, "start"));
  await refresh();
}

async function say(words) {
  tell("");
  const id = open.id, before = open.turns.length;
  await call("POST", caseAt(id, "ask"), { text: words });
  await settle();
  if (open?.id === id && open.turns.length < before + 2) await refresh();
}

// The reply comes as an event, too; where the stream is broken it is read.
async function settle() {
  await new Promise(done => setTimeout(done, 150));
  if (!stream || stream.readyState !== EventSource.OPEN) await refresh();
}

async function addPhotos(files, address) {
  if (!settings || (!files.length && !address)) return; // what is dropped before the page is ready
  const fresh = !open;
  const id = open?.id || await newCase();
  const problems = [];
  for (const [row, file] of files.entries()) {
    open.uploading = `Adding ${files.length > 1 ? `photo ${row + 1} of ${files.length}` : "the photo"}…`;
    draw();
    await upload(id, file).catch(problem => problems.push(`${file.name}: ${problem.message}`));
    if (open?.id !== id) return;
  }
  if (address) await call("POST", caseAt(id, "photos"), { url: address }).catch(problem => problems.push(problem.message));
  if (open?.id !== id) return;
  open.uploading = "";
  await refresh(id);
  if (fresh && !open.photos.length) { stream.close(); await call("DELETE", caseAt(id)); home(); }
  tell(problems.join(" "));
  if (open?.photos.some(one => one.state === "waiting") && !open.investigating) await start();
}

async function newCase() {
  const { id } = await call("POST", "/cases", { area: $("area").value.trim() || null, context: $("context").value.trim() });
  location.hash = id;
  await openCase(id);
  return id;
}

// ---- cases

function caseRow(row) {
  const when = new Date(row.updated), name = row.title || "Without a photo";
  return el("li", {}, el("a", { href: `#${row.id}` }, el("b", {}, name), el("small", {}, when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }))),
    el("button", { type: "button", class: "quiet", "aria-label": `delete ${name}`, onclick: tried(() => remove(row.id, name)) }, "Delete"));
}

async function listCases(box) {
  const rows = await call("GET", "/cases");
  box.replaceChildren(...rows.map(caseRow));
  if (!rows.length) box.replaceChildren(el("li", { class: "none" }, "There are none yet."));
  return rows.length;
}

async function remove(id, name) {
  $("sure-words").textContent = `“${name}”, its photos and all that was said about them are removed for good.`;
  $("sure").returnValue = "no";
  $("sure").showModal();
  await new Promise(done => $("sure").addEventListener("close", done, { once: true }));
  if ($("sure").returnValue !== "yes") return;
  if (open?.id === id && stream) { stream.close(); stream = null; }
  await call("DELETE", caseAt(id));
  if (open?.id === id || !open) home();
  else await listCases($("cases").querySelector("ol"));
}

function closeDrawer() { show($("cases"), false); $("show-cases").setAttribute("aria-expanded", "false"); }

async function toggleDrawer() {
  if (!$("cases").hidden) { closeDrawer(); return; }
  await listCases($("cases").querySelector("ol"));
  show($("cases"), true);
  $("show-cases").setAttribute("aria-expanded", "true");
  $("cases").querySelector("a")?.focus();
}

// ---- where the page is

function home() {
  if (stream) stream.close();
  stream = open = null;
  if (location.hash.length > 1) history.pushState(null, "", location.pathname);
  $("title").textContent = "";
  document.title = "Geosleuth";
  view("welcome");
  listCases($("earlier").querySelector("ol")).then(count => show($("earlier"), count > 0)).catch(failed);
}

async function route() {
  const id = location.hash.slice(1);
  if (!id) { home(); return; }
  if (open?.id === id) return;
  try { await openCase(id); }
  catch (problem) { open = null; home(); failed(problem); }
}

function askForToken() {
  if (stream) stream.close();
  stream = open = null;
  view("login");
  $("token").focus();
}

async function begin() {
  settings = await call("GET", "/settings");
  show($("address-form"), settings.urls);
  talkView.offer(settings.commands);
  $("credit").textContent = settings.tiles ? settings.tiles.credit : "";
  if (settings.login) { askForToken(); return; }
  call("GET", "/policy").then(said => { $("policy").textContent = `${said.policy} ${said.storage}`; }).catch(failed);
  await route();
}

function listen() {
  $("files").addEventListener("change", tried(event => { const files = [...event.target.files]; event.target.value = ""; return addPhotos(files); }));
  $("address-form").addEventListener("submit", tried(event => { event.preventDefault(); return addPhotos([], $("address").value.trim()); }));
  $("login-form").addEventListener("submit", tried(async event => {
    event.preventDefault();
    await call("POST", "/login", { token: $("token").value }).catch(problem => { throw problem.status === 401 ? new Problem(403, problem.message) : problem; });
    $("token").value = "";
    await begin();
  }));
  $("sign-out").addEventListener("click", tried(async () => { await call("POST", "/logout"); askForToken(); }));
  $("new-case").addEventListener("click", () => { tell(""); home(); });
  document.querySelector(".brand").addEventListener("click", event => { event.preventDefault(); if (!settings?.login) { tell(""); home(); } });
  $("show-cases").addEventListener("click", tried(toggleDrawer));
  $("delete").addEventListener("click", tried(() => remove(open.id, open.title || "Without a photo")));
  $("problem").lastElementChild.addEventListener("click", () => tell(""));
  document.addEventListener("keydown", event => { if (event.key === "Escape" && !$("cases").hidden) { closeDrawer(); $("show-cases").focus(); } });
  document.addEventListener("paste", event => {
    const files = [...(event.clipboardData?.files || [])];
    if (files.length && $("login").hidden) tried(addPhotos)(files);
  });
  let inside = 0;
  const over = on => document.body.classList.toggle("dropping", on);
  document.addEventListener("dragenter", event => { if (event.dataTransfer?.types.includes("Files")) { inside++; over(true); } });
  document.addEventListener("dragleave", () => { inside = Math.max(0, inside - 1); if (!inside) over(false); });
  document.addEventListener("dragover", event => event.preventDefault());
  document.addEventListener("drop", event => {
    event.preventDefault();
    inside = 0; over(false);
    if ($("login").hidden) tried(addPhotos)([...event.dataTransfer.files]);
  });
  addEventListener("hashchange", tried(route));
  addEventListener("popstate", tried(route));
}

listen();
tried(async () => { await loadOutlines(); await begin(); })();
