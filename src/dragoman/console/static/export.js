// Shows how far a download is. Without this script the page has a link that shows it.

const EVERY_MS = 500;
const file = document.getElementById('export-file');
const state = document.getElementById('export-state');
const again = document.getElementById('export-again');

const count = (number) => number.toLocaleString('en').replaceAll(',', '\u202f');

async function look() {
  const answer = await fetch(file.dataset.progress, { headers: { accept: 'application/json' } });
  if (!answer.ok) return;
  const { rows, ended } = await answer.json();
  if (rows === null) {
    setTimeout(look, EVERY_MS);
    return;
  }
  const { running, done, stopped } = state.dataset;
  const text = ended === 'done' ? done : ended ? stopped : running;
  state.textContent = text.replace('{count}', count(rows));
  if (!ended) setTimeout(look, EVERY_MS);
}

again.hidden = true;
file.addEventListener('click', () => {
  state.textContent = state.dataset.begun;
  setTimeout(look, EVERY_MS);
});
