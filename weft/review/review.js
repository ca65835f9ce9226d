"use strict";
// The review page. Data enters the page by textContent and value only, never as HTML.
// What is changed goes to the server at once; while that is away, changes wait here and
// in localStorage, so neither a crash of the server nor a reload of the page loses one.

const HEIGHT = 52; // of one item in the list, as in review.css
const STORE = `weft-review:${location.pathname}`;
const $ = (id) => document.getElementById(id);

const state = {
  rows: [],        // [key, score, teaser]
  marks: {},       // remarks by position
  shown: [],       // positions that fit search and filter
  hits: null,      // positions that a search found, or null
  at: -1,          // position of the row on the right
  row: null,       // its whole content, null until it is there
  coming: null,    // the promise of it
  undo: [],        // [position, patch that goes back]
  waiting: {},     // patches by position that the server has not got
  sending: false,
  editing: null,   // the remark as it was when a field was entered
};

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function plain(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : asJson(value);
}

function asJson(value) {
  const line = JSON.stringify(value);
  return line.length > 60 ? JSON.stringify(value, null, 1) : line;
}

function points(score) {
  return score === null || score === undefined ? "–" : String(+score.toFixed(3));
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function ask(path) {
  const reply = await fetch(path);
  if (!reply.ok) throw new Error(`${reply.status}`);
  return reply.json();
}

// Saving -------------------------------------------------------------------------------

function remark(at) {
  return state.marks[at] || { score: null, note: "", module: "", expected: null };
}

function change(at, patch, { undoable = true } = {}) {
  const before = remark(at);
  const back = {};
  for (const name of Object.keys(patch)) {
    if (!same(before[name], patch[name])) back[name] = before[name];
  }
  if (!Object.keys(back).length) return;
  if (undoable) state.undo.push([at, back]);
  state.marks[at] = { ...before, ...patch };
  state.waiting[at] = { ...state.waiting[at], ...patch };
  remember();
  drawFigures();
  drawList();
  send();
}

// By key, since another evaluation may stand here when the page comes back.
function remember() {
  try {
    const waiting = Object.entries(state.waiting);
    if (waiting.length) {
      const byKey = waiting.map(([at, patch]) => [state.rows[at][0], patch]);
      localStorage.setItem(STORE, JSON.stringify(byKey));
    } else {
      localStorage.removeItem(STORE);
    }
  } catch { /* a full or forbidden store: the page still holds them */ }
}

async function send() {
  if (state.sending) return;
  state.sending = true;
  while (Object.keys(state.waiting).length) {
    const at = Object.keys(state.waiting)[0];
    const patch = state.waiting[at];
    try {
      const reply = await fetch(`api/row/${at}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ key: state.rows[at][0], change: patch }),
      });
      if (!reply.ok && ![409, 422].includes(reply.status)) throw new Error(`status ${reply.status}`);
      if (same(state.waiting[at], patch)) delete state.waiting[at];
      remember();
      if (reply.ok) told("saved");
      else told(`refused: ${(await reply.json()).error}`, true);
    } catch (error) {
      const many = Object.keys(state.waiting).length;
      told(`${many} not saved yet: the server does not answer; start weft review again`,
        true);
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
  state.sending = false;
}

function told(text, bad = false) {
  $("saved").textContent = text;
  $("saved").className = bad ? "bad" : "";
}

function undo() {
  const last = state.undo.pop();
  if (!last) return told("nothing to undo");
  const [at, patch] = last;
  change(at, patch, { undoable: false });
  show(at, { again: true });
}

// The list -----------------------------------------------------------------------------

function fits(at) {
  const [, score] = state.rows[at];
  const mark = state.marks[at];
  const done = Boolean(mark && (mark.score !== null || mark.note || mark.expected));
  switch ($("filter").value) {
    case "open": return !done;
    case "done": return done;
    case "low": return score !== null && score < 1;
    case "failed": return score === null;
    case "noted": return Boolean(mark && mark.note);
    case "differs":
      return Boolean(mark && mark.score !== null && score !== null && mark.score !== score);
    default: return true;
  }
}

function sift() {
  const from = state.hits || state.rows.keys();
  state.shown = [...from].filter(fits);
  $("count").textContent = `${state.shown.length} of ${state.rows.length} rows`;
  $("spacer").style.height = `${state.shown.length * HEIGHT}px`;
  const none = state.shown.length === 0;
  $("empty").hidden = !none;
  $("row").hidden = none;
  if (!none && !state.shown.includes(state.at)) show(state.shown[0]);
  reveal();
  drawList();
}

function drawList() {
  const list = $("list");
  const first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 5);
  const last = Math.min(state.shown.length,
    Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + 5);
  const items = [];
  for (let n = first; n < last; n += 1) items.push(item(n));
  $("spacer").replaceChildren(...items);
}

function item(n) {
  const at = state.shown[n];
  const [key, score, teaser] = state.rows[at];
  const made = make("div", at === state.at ? "item picked" : "item");
  made.style.top = `${n * HEIGHT}px`;
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", String(at === state.at));
  const mark = state.marks[at];
  const badge = make("span", "mark", score === null ? "failed" : points(score));
  badge.classList.add(score === 1 ? "good" : "bad");
  if (mark) {
    const words = [];
    const shade = mark.score === 1 ? "good" : mark.score === null ? "dim" : "bad";
    if (mark.score !== null) words.push(`you ${points(mark.score)}`);
    if (mark.expected) words.push("✎");
    if (mark.note) words.push("✉");
    badge.append(make("b", shade, words.length ? `  ${words.join(" ")}` : ""));
  }
  made.append(make("span", "name", key), badge, make("span", "teaser", teaser));
  made.addEventListener("click", () => show(at));
  return made;
}

function reveal() {
  const n = state.shown.indexOf(state.at);
  const list = $("list");
  if (n < 0) return;
  const top = n * HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  const over = top + HEIGHT - list.clientHeight;
  if (over > list.scrollTop) list.scrollTop = over;
}

function go(step) {
  const n = state.shown.indexOf(state.at) + step;
  const last = state.shown.length - 1;
  if (last >= 0) show(state.shown[Math.min(last, Math.max(0, n))]);
}

function nextOpen() {
  const all = state.shown;
  const start = all.indexOf(state.at) + 1;
  const order = [...all.slice(start), ...all.slice(0, start)];
  const found = order.find((at) => !state.marks[at] || state.marks[at].score === null);
  if (found === undefined) told("every row here has a score");
  else show(found);
}

let asked = 0;
async function search() {
  const words = $("search").value.trim();
  const turn = (asked += 1);
  try {
    const hits = words ? await ask(`api/search?q=${encodeURIComponent(words)}`) : null;
    if (turn !== asked) return; // an older answer than the last question's
    state.hits = hits;
  } catch {
    told("the search failed: the server does not answer", true);
  }
  sift();
}

// The row ------------------------------------------------------------------------------

const read = new Map(); // whole rows by position, the latest ones
function fetchRow(at) {
  if (!read.has(at)) {
    const coming = ask(`api/row/${at}`).then((row) => {
      read.set(at, row);
      return row;
    });
    coming.catch(() => read.delete(at));
    read.set(at, coming);
    if (read.size > 100) read.delete(read.keys().next().value);
  }
  return read.get(at);
}

function ahead(at) {
  if (at !== undefined) Promise.resolve(fetchRow(at)).catch(() => {});
}

// What is in hand is drawn at once, so that keys pressed now mean this row.
function show(at, { again = false } = {}) {
  if (at === state.at && !again) return state.coming;
  leave();
  state.at = at;
  history.replaceState(null, "", `#${encodeURIComponent(state.rows[at][0])}`);
  reveal();
  drawList();
  drawHead();
  const found = fetchRow(at);
  state.row = found instanceof Promise ? null : found;
  $("sides").classList.toggle("loading", !state.row);
  if (state.row) draw();
  else state.coming = arrive(at, found);
  const n = state.shown.indexOf(at);
  if (n >= 0) [1, -1].forEach((step) => ahead(state.shown[n + step]));
  return state.coming;
}

async function arrive(at, coming) {
  try {
    const row = await coming;
    if (at !== state.at) return;
    state.row = row;
    $("sides").classList.remove("loading");
    draw();
  } catch {
    told("the row cannot be read: the server does not answer", true);
  }
}

// What needs no more than the list and the remarks.
function drawHead() {
  const [key, score] = state.rows[state.at];
  $("row").hidden = false;
  $("key").textContent = key;
  $("metric").textContent = score === null ? "failed" : `metric ${points(score)}`;
  $("metric").className = score === 1 ? "chip good" : "chip bad";
  $("note").value = remark(state.at).note;
  drawScore();
  document.querySelector("main").scrollTop = 0;
}

function draw() {
  const { row } = state;
  $("told").textContent = row.told;
  pairs($("inputs"), row.inputs);
  pairs($("given"), row.given !== null && typeof row.given === "object"
    && !Array.isArray(row.given) ? row.given : { "": row.given });
  drawModules();
  drawPrompts();
  drawExpected();
}

function pairs(list, values) {
  list.replaceChildren();
  for (const [name, value] of Object.entries(values)) {
    if (name) list.append(make("dt", "", name));
    list.append(make("dd", "", plain(value)));
  }
}

function drawExpected() {
  const mark = remark(state.at);
  $("module").value = mark.module;
  const fields = { ...state.row.fields, ...mark.expected };
  $("expected").replaceChildren(...Object.keys(fields).map((name) => field(name, fields)));
}

function drawScore() {
  drawScoreButtons();
  const { score } = remark(state.at);
  $("score").value = score === null ? "" : String(score);
}

function field(name, values) {
  const label = make("label", "field", name);
  const area = make("textarea");
  const was = state.row.fields[name];
  const text = typeof was === "string" || was === undefined;
  area.value = text ? plain(values[name]) : asJson(values[name]);
  area.rows = Math.min(8, area.value.split("\n").length + Math.floor(area.value.length / 60));
  area.dataset.name = name;
  area.dataset.kind = text ? "text" : "json";
  label.classList.toggle("changed", !same(values[name], was));
  label.append(area);
  return label;
}

// What the fields say, null where that is what was expected anyway, undefined if broken.
function corrected() {
  const made = {};
  let broken = false;
  for (const area of $("expected").querySelectorAll("textarea")) {
    let value = area.value;
    let bad = false;
    if (area.dataset.kind === "json") {
      try { value = JSON.parse(value); } catch { bad = true; }
    }
    const { name } = area.dataset;
    area.parentElement.classList.toggle("broken", bad);
    area.parentElement.classList.toggle("changed",
      !bad && !same(value, state.row.fields[name]));
    broken = broken || bad;
    made[name] = value;
  }
  if (broken) return undefined;
  return same(made, state.row.fields) ? null : made;
}

function drawModules() {
  const paths = [...new Set(state.row.prompts.map((call) => call.path))];
  const kept = remark(state.at).module;
  if (kept && !paths.includes(kept)) paths.push(kept);
  const options = ["", ...paths].map((path) => {
    const option = make("option", "", path || "the whole program");
    option.value = path;
    return option;
  });
  $("module").replaceChildren(...options);
  $("about").hidden = paths.length < 2;
}

function drawPrompts() {
  const calls = state.row.prompts.map((call) => {
    const made = make("div", "call");
    made.append(make("h2", "", [call.path, call.model].filter(Boolean).join(" · ")));
    const sent = make("div", "sent");
    const prompt = make("div");
    for (const [role, content] of call.messages) {
      prompt.append(make("div", "role", role), make("pre", "", content));
    }
    const reply = make("div");
    reply.append(make("div", "role", "reply"), make("pre", "", call.reply));
    sent.append(prompt, reply);
    made.append(sent);
    return made;
  });
  if (!calls.length) {
    const why = "This file holds no prompts; weft eval --save FILE writes them too.";
    calls.push(make("div", "dim", why));
  }
  $("prompts").replaceChildren(...calls);
}

function drawFigures() {
  const marks = Object.values(state.marks);
  const scores = marks.map((mark) => mark.score).filter((score) => score !== null);
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const words = [`${scores.length} of ${state.rows.length} scored`];
  if (scores.length) words.push(`people ${(100 * mean).toFixed(1)}`);
  if (state.mean !== null) words.push(`${state.metric} ${(100 * state.mean).toFixed(1)}`);
  words.push(state.out);
  $("figures").textContent = words.join("  ·  ");
}

// Writing ------------------------------------------------------------------------------

let timer = 0;
function typed(event) {
  clearTimeout(timer);
  timer = setTimeout(take, 300, event.target);
}

// Take over what a field says now; one visit to a field is one step of undo.
function take(target) {
  if (state.at < 0) return;
  if (target.id === "note") {
    change(state.at, { note: target.value }, { undoable: false });
  } else if (target.id === "score") {
    const score = target.value === "" ? null : Number(target.value);
    if (!target.checkValidity()) return told("a score is from 0 to 1", true);
    change(state.at, { score }, { undoable: false });
    drawScoreButtons();
  } else if (state.row) {
    const expected = corrected();
    if (expected === undefined) return told("this field is JSON, and this is none", true);
    change(state.at, { expected }, { undoable: false });
  }
}

function drawScoreButtons() {
  const { score } = remark(state.at);
  $("right").classList.toggle("on", score === 1);
  $("wrong").classList.toggle("on", score === 0);
}

function enter(event) {
  state.editing = [state.at, event.target, remark(state.at)];
}

function leave() {
  if (!state.editing) return;
  clearTimeout(timer);
  const [at, target, before] = state.editing;
  state.editing = null;
  if (at !== state.at) return;
  take(target);
  const after = remark(at);
  const back = {};
  for (const name of Object.keys(before)) {
    if (!same(before[name], after[name])) back[name] = before[name];
  }
  if (Object.keys(back).length) state.undo.push([at, back]);
}

function score(value) {
  change(state.at, { score: value });
  drawScore();
}

function accept() {
  const { given, fields } = state.row;
  const whole = given !== null && typeof given === "object" && !Array.isArray(given);
  const made = { ...fields };
  for (const name of Object.keys(fields)) {
    if (!whole) made[name] = given;
    else if (name in given) made[name] = given[name];
  }
  change(state.at, { expected: same(made, fields) ? null : made });
  drawExpected();
}

function restore() {
  change(state.at, { expected: null });
  drawExpected();
}

// Keys ---------------------------------------------------------------------------------

const KEYS = {
  j: () => go(1), ArrowDown: () => go(1), k: () => go(-1), ArrowUp: () => go(-1),
  n: nextOpen, g: () => go(-Infinity), G: () => go(Infinity),
  1: () => score(1), 0: () => score(0), x: () => score(null), u: undo, a: accept,
  s: () => $("score").focus(), c: () => $("note").focus(),
  e: () => $("expected").querySelector("textarea")?.focus(),
  "/": () => $("search").focus(), "?": () => $("keys").showModal(),
};
const NEEDS_ROW = new Set(["a", "e"]);

function pressed(event) {
  const { target } = event;
  const inField = target.matches("input, textarea, select");
  if (inField) {
    const done = event.key === "Escape" || (event.key === "Enter" && event.ctrlKey);
    const found = event.key === "Enter" && target.id === "search";
    if (done || found) { target.blur(); event.preventDefault(); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  const act = KEYS[event.key];
  if (!act || !state.rows.length) return;
  event.preventDefault();
  if (NEEDS_ROW.has(event.key) && !state.row) state.coming.then(act);
  else act();
}

function listen() {
  document.addEventListener("keydown", pressed);
  $("list").addEventListener("scroll", drawList, { passive: true });
  addEventListener("resize", drawList);
  let pause = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(search, 120);
  });
  $("filter").addEventListener("change", (event) => { sift(); event.target.blur(); });
  const clicks = {
    undo, accept, restore, right: () => score(1), wrong: () => score(0),
    unscore: () => score(null), help: () => $("keys").showModal(),
  };
  for (const [id, act] of Object.entries(clicks)) {
    $(id).addEventListener("click", (event) => { act(); event.currentTarget.blur(); });
  }
  $("module").addEventListener("change", (event) => {
    change(state.at, { module: event.target.value });
    event.target.blur();
  });
  for (const id of ["note", "score", "expected"]) {
    $(id).addEventListener("focusin", enter);
    $(id).addEventListener("input", typed);
    $(id).addEventListener("focusout", leave);
  }
  addEventListener("pagehide", leave);
  addEventListener("beforeunload", (event) => {
    leave();
    if (Object.keys(state.waiting).length) event.preventDefault();
  });
}

// Changes that an earlier page could not send.
function resume() {
  let left = [];
  try { left = JSON.parse(localStorage.getItem(STORE) || "[]"); } catch { /* not ours */ }
  for (const [key, patch] of left) {
    const at = state.rows.findIndex(([name]) => name === key);
    if (at >= 0) change(at, patch, { undoable: false });
  }
}

async function start() {
  listen();
  let all;
  try {
    all = await ask("api/list");
  } catch {
    return told("the server does not answer; start weft review again", true);
  }
  Object.assign(state, all);
  $("title").textContent = all.program || "weft review";
  document.title = `review: ${all.program}`;
  $("report").hidden = !all.report;
  resume();
  drawFigures();
  const key = decodeURIComponent(location.hash.slice(1));
  const at = state.rows.findIndex(([name]) => name === key);
  if (at >= 0) await show(at);
  sift();
}

start();
