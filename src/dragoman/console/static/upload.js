// Sends a file in pieces and shows how far it is. Without this script the form sends it whole.

const form = document.getElementById("upload");
const state = document.getElementById("upload-state");
const bar = document.getElementById("upload-bar");
const PIECE = Number(form.dataset.pieceBytes);

async function send(piece) {
  const fields = new FormData();
  for (const [name, value] of Object.entries(piece)) fields.append(name, value);
  fields.append("form_token", form.elements.form_token.value);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await fetch(form.dataset.pieces, { method: "POST", body: fields });
      if (answer.ok) return await answer.json();
      if (answer.status === 401) return { problem: form.dataset.ended };
      if (answer.status < 500) return { problem: form.dataset.refused };
    } catch {
      // The connection broke; the same piece is sent again.
    }
    if (attempt === 5) return { problem: form.dataset.away };
    await new Promise((done) => setTimeout(done, 500 * attempt));
  }
}

async function upload(file) {
  let key = "";
  for (let at = 0; ; ) {
    const piece = file.slice(at, at + PIECE);
    const last = at + piece.size >= file.size ? "1" : "";
    const answer = await send({ key, at, last, name: file.name, file: piece });
    if (answer.problem) throw new Error(answer.problem);
    key = answer.key;
    at = answer.size;
    bar.value = (100 * at) / file.size;
    state.textContent = `${Math.round(bar.value)} %`;
    if (last) return answer.next;
  }
}

document.getElementById("upload-limit").textContent = form.dataset.most;
form.addEventListener("submit", async (event) => {
  const file = form.elements.file.files[0];
  if (!file || !file.size) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  bar.hidden = false;
  try {
    const list = form.elements.list.value;
    location.assign((await upload(file)) + (list ? `?list=${encodeURIComponent(list)}` : ""));
  } catch (problem) {
    state.textContent = problem.message;
    bar.hidden = true;
    button.disabled = false;
  }
});
