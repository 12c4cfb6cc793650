// Shows how far work in the background is. Without this script the page has a link that shows it.

const EVERY_MS = 1000;
const state = document.getElementById("progress");
const bar = document.getElementById("progress-bar");
const again = document.getElementById("progress-again");
const count = (number) => number.toLocaleString("en").replaceAll(",", "\u202f");

async function look() {
  try {
    const answer = await fetch(state.dataset.progress, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const { read, rows, faulty, ended } = await answer.json();
    if (ended) return location.reload();
    bar.value = rows ? (100 * read) / rows : 0;
    const text = faulty ? state.dataset.faulty : state.dataset.running;
    const counts = { read, rows, faulty };
    state.textContent = text.replace(/\{(\w+)\}/g, (_, name) => count(counts[name]));
  } catch {
    // It is asked again.
  }
  setTimeout(look, EVERY_MS);
}

if (again) again.hidden = true;
setTimeout(look, EVERY_MS);
