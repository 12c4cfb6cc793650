// Keeps the figures of a campaign, or of a count, current. Without this script the page shows them
// as they were when it was loaded.

const EVERY_MS = 2000;
const counted = document.getElementById("campaign-state");
const figures = document.getElementById("campaign-figures");
const source = (counted ?? figures).dataset.progress;
const count = (number) => number.toLocaleString("en").replaceAll(",", "\u202f");

async function look() {
  try {
    const answer = await fetch(source, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const told = await answer.json();
    if (counted) {
      if (told.counted === null) return location.reload();
      counted.textContent = counted.dataset.counted.replace("{count}", count(told.counted));
    } else {
      if (told.state !== figures.dataset.state) return location.reload();
      if (told.counted_all && !("counted" in figures.dataset)) return location.reload();
      for (const place of figures.querySelectorAll("[data-figure]")) {
        place.textContent = count(told[place.dataset.figure]);
      }
    }
  } catch {
    // It is asked again.
  }
  setTimeout(look, EVERY_MS);
}

document.getElementById("campaign-again")?.remove();
setTimeout(look, counted ? 400 : EVERY_MS);
