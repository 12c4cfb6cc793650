// Asks the gateway for length, cost and route of the message as it is typed.
// Without this script the "Check" button does the same.

const form = document.querySelector("form[data-check]");
const places = new Map(
  Array.from(form.querySelectorAll("[data-preview]"), (place) => [place.dataset.preview, place]),
);
const PAUSE_MS = 250;

let timer = 0;
let asking = null;

async function ask() {
  asking?.abort();
  asking = new AbortController();
  const body = new URLSearchParams(new FormData(form));
  try {
    const answer = await fetch(form.dataset.check, { method: "POST", body, signal: asking.signal });
    if (!answer.ok) return;
    const preview = await answer.json();
    for (const [name, place] of places) {
      const text = preview[name] || (name === "problem" ? "" : "–");
      if (place.textContent !== text) place.textContent = text;
    }
  } catch (error) {
    if (error.name !== "AbortError") return; // the button still works
  }
}

form.addEventListener("input", (event) => {
  if (event.target.name === "due") form.elements.when.value = "later";
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE_MS);
});

if (form.elements.text.value) ask();
