"use strict";
// The blind page. Data enters the page by textContent only. A choice is shown as kept
// once the server says that it is on the disk; names come with the result alone.

const $ = (id) => document.getElementById(id);
const state = { rows: [], at: -1, row: null, coming: null, turn: 0 };

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function plain(value) {
  if (value === null || value === undefined) return "(no answer)";
  return typeof value === "string" ? value : JSON.stringify(value, null, 1);
}

function told(text, bad = false) {
  $("saved").textContent = text;
  $("saved").className = bad ? "bad" : "";
}

async function ask(path, body) {
  const sent = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const reply = await fetch(path, sent);
  const data = await reply.json();
  if (!reply.ok) throw new Error(data.error || String(reply.status));
  return data;
}

function pairs(list, values) {
  list.replaceChildren();
  const fields = values !== null && typeof values === "object" && !Array.isArray(values)
    ? Object.entries(values) : [["", values]];
  for (const [name, value] of fields) {
    if (name) list.append(make("dt", "", name));
    list.append(make("dd", "", plain(value)));
  }
}

function show(at) {
  if (!state.rows.length) return undefined;
  state.at = Math.min(state.rows.length - 1, Math.max(0, at));
  state.row = null;
  const turn = (state.turn += 1);
  state.coming = ask(`api/row/${state.at}`).then((row) => {
    if (turn !== state.turn) return; // somebody has moved on
    state.row = row;
    draw();
  });
  return state.coming;
}

function draw() {
  const { row } = state;
  $("row").hidden = false;
  $("key").textContent = row.key;
  pairs($("inputs"), row.inputs);
  $("answers").replaceChildren(...row.answers.map((answer, number) => {
    const letter = String.fromCharCode(65 + number);
    const made = make("section", "answer");
    const pick = make("button", "", `${letter} is better`);
    pick.id = `pick-${letter}`;
    pick.classList.toggle("on", row.choice === letter);
    pick.addEventListener("click", () => choose(letter));
    const list = make("dl");
    pairs(list, answer);
    made.append(make("h2", "", `Answer ${letter}`), list, pick);
    return made;
  }));
  $("tie").classList.toggle("on", row.choice === "tie");
  figures();
}

function figures() {
  const done = state.rows.filter(([, choice]) => choice !== null).length;
  $("figures").textContent = `row ${state.at + 1} of ${state.rows.length}  ·  ${done} judged`;
}

async function choose(choice) {
  await state.coming; // a key that is pressed early means the row that is coming
  const { at, row } = state;
  if (!row) return;
  if (choice !== null && choice !== "tie" && choice.charCodeAt(0) - 65 >= row.answers.length) return;
  try {
    const kept = await ask(`api/row/${at}`, { key: row.key, choice });
    state.rows[at][1] = kept.choice;
    row.choice = kept.choice;
    told("saved");
    if (at === state.at) draw();
    if (kept.left === 0) await result();
    else { $("result").hidden = true; if (choice !== null && at === state.at) await next(); }
  } catch (error) {
    told(`not saved: ${error.message}`, true);
  }
}

async function next() {
  const order = [...state.rows.keys()];
  const turned = [...order.slice(state.at + 1), ...order.slice(0, state.at + 1)];
  const found = turned.find((at) => state.rows[at][1] === null);
  if (found !== undefined) await show(found);
}

async function result() {
  const data = await ask("api/result");
  if (!data.duels) return;
  $("result").hidden = false;
  $("told").replaceChildren(...data.duels.map((duel) => {
    const [low, high] = duel.interval.map((end) => (100 * end).toFixed(1));
    const n = duel.wins + duel.losses;
    return make("p", "", `${duel.first} won ${duel.wins} of ${n} against ${duel.second}: `
      + `${(100 * duel.rate).toFixed(1)} [${low}, ${high}], p = ${duel.p.toPrecision(2)}`);
  }), make("p", "dim", `${data.ties} of ${data.rows} rows are ties`));
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  const acts = {
    j: () => show(state.at + 1), arrowdown: () => show(state.at + 1),
    k: () => show(state.at - 1), arrowup: () => show(state.at - 1),
    n: next, t: () => choose("tie"), x: () => choose(null),
  };
  const act = acts[key] || (/^[a-z]$/.test(key) ? () => choose(key.toUpperCase()) : undefined);
  if (!act) return;
  event.preventDefault();
  Promise.resolve(act()).catch((error) => told(`the server does not answer: ${error.message}`, true));
}

async function start() {
  document.addEventListener("keydown", pressed);
  $("tie").addEventListener("click", () => choose("tie"));
  $("unscore").addEventListener("click", () => choose(null));
  try {
    state.rows = (await ask("api/list")).rows;
    const open = state.rows.findIndex(([, choice]) => choice === null);
    await show(Math.max(0, open));
    if (open < 0) await result();
  } catch (error) {
    told(`the server does not answer: ${error.message}`, true);
  }
}

start();
