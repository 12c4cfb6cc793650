// Keyboard shortcuts: one key after the other, while nothing is being typed. The page says which
// there are, and a browser that wants none gets none.
const targets = JSON.parse(document.body.dataset.shortcuts);
const PAUSE_MS = 1500;
let before = "";
let since = 0;

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

function search() {
  const field = document.querySelector("main input[type=search]");
  if (field === null) location.assign(targets["g m"]);
  else field.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const both = event.timeStamp - since < PAUSE_MS ? `${before} ${event.key}` : "";
  const keys = both in targets ? both : event.key;
  before = event.key;
  since = event.timeStamp;
  if (!(keys in targets)) return;
  event.preventDefault();
  before = "";
  if (targets[keys] === "search") search();
  else location.assign(targets[keys]);
});
