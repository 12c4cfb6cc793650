// Adds changes to the live log as they happen, newest first. Without this script the table shows
// the newest messages each time the page is loaded.

const table = document.querySelector("#live");
const body = table?.tBodies[0];
const status = document.querySelector("#live-state");
const pause = document.querySelector("#live-pause");
const dropped = document.querySelector("#live-dropped");
const KEPT = Number(table?.dataset.kept);

let held = []; // changes that arrived while paused
let paused = false;
let lost = 0;

function cell(kind, text, className) {
  const made = document.createElement(kind);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function row(change) {
  const made = document.createElement("tr");
  const time = cell("th", "", "nowrap");
  time.scope = "row";
  const link = cell("a", change.time);
  link.href = table.dataset.messages + change.id;
  time.append(link);
  const state = document.createElement("td");
  state.append(cell("span", change.state, `state ${change.kind}`));
  const sender = cell("td", "", "end");
  sender.append(cell("bdi", change.from));
  made.append(
    time,
    cell("td", change.to, "nowrap end"),
    state,
    sender,
    cell("td", change.route, "route"),
    cell("td", change.why, "clip"),
  );
  return made;
}

function show(changes) {
  document.querySelector("#live-none")?.remove();
  body.prepend(...changes.slice(-KEPT).reverse().map(row));
  while (body.rows.length > KEPT) body.lastElementChild.remove();
}

function setStatus(text) {
  if (status.textContent !== text) status.textContent = text;
}

function take(event) {
  const { rows, dropped: missed, skipped } = JSON.parse(event.data);
  lost += missed + skipped;
  if (lost) {
    dropped.hidden = false;
    dropped.textContent = dropped.dataset.dropped.replace("{count}", lost);
  }
  if (!paused) return show(rows);
  held = held.concat(rows).slice(-KEPT);
  const text = held.length === KEPT ? status.dataset.full : status.dataset.held;
  setStatus(text.replace("{count}", held.length));
}

function toggle() {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? pause.dataset.resume : pause.dataset.pause;
  setStatus(paused ? status.dataset.paused : status.dataset.live);
  if (!paused) show(held);
  held = [];
}

if (table) {
  const source = new EventSource(table.dataset.stream);
  source.addEventListener("open", () => paused || setStatus(status.dataset.live));
  source.addEventListener("changes", take);
  source.addEventListener("error", () => {
    // The browser reconnects a stream that ended, but not one that was refused.
    if (source.readyState === EventSource.CLOSED) setStatus(status.dataset.ended);
  });
  pause.hidden = false;
  pause.addEventListener("click", toggle);
  addEventListener("pagehide", () => source.close());
}
