// Refreshes the messages of virtual phones when one received or sent something. Without this
// script, reload the page.

const place = document.querySelector("#fresh");
const GATHER_MS = 150;

let due = 0;

async function refresh() {
  const answer = await fetch(location.pathname + location.search);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = fresh.querySelector("#fresh");
  if (found) place.replaceChildren(...found.childNodes);
}

function soon() {
  clearTimeout(due);
  due = setTimeout(refresh, GATHER_MS);
}

const source = new EventSource(place.dataset.stream);
source.addEventListener("changed", soon);
source.addEventListener("open", soon); // what happened between two streams
addEventListener("pagehide", () => source.close());
