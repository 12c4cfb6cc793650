// Sends the calls of a page from the browser, as any program would: with the credentials at its top,
// which stay in the page. Without this script there are the examples for the shell.

const LIMIT_MS = 30_000;
const MOST_SHOWN = 50_000; // characters of an answer
const VARIABLE = /\$([A-Z_]+)/g;
const credentials = document.getElementById("credentials");
const known = new Map(
  Array.from(credentials.querySelectorAll("input"), (field) => [field.name, field]),
);

class Missing extends Error {}

// A text with what its variables stand for.
function fill(text, render = (value) => value) {
  return text.replace(VARIABLE, (whole, name) => {
    const field = known.get(name);
    if (!field) return whole;
    if (field.value) return render(field.value);
    field.focus();
    throw new Missing(`Enter ${name} at the top of the page first.`);
  });
}

function inBase64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function inJson(value) {
  return JSON.stringify(value).slice(1, -1);
}

function build(form) {
  const { method, kind, user } = form.dataset;
  const headers = new Headers();
  for (const [name, value] of Object.entries(JSON.parse(form.dataset.headers))) {
    headers.set(name, fill(value));
  }
  if (user) headers.set("Authorization", `Basic ${inBase64(fill(user))}`);
  const query = new URLSearchParams();
  const fields = kind === "multipart/form-data" ? new FormData() : new URLSearchParams();
  let path = form.dataset.path;
  let json = null;
  for (const field of form.querySelectorAll("[data-in]")) {
    const { in: place, name } = field.dataset;
    if (place === "json") {
      json = fill(field.value, inJson);
      continue;
    }
    const value = fill(field.value);
    if (place === "path") path = path.replace(`{${name}}`, () => encodeURIComponent(value));
    else if (!value) continue;
    else if (place === "query") query.append(name, value);
    else if (place === "header") headers.set(name, value);
    else fields.append(name, value);
  }
  if (json !== null) headers.set("Content-Type", kind);
  const body = json ?? (kind ? fields : undefined);
  return [query.size ? `${path}?${query}` : path, { method, headers, body }];
}

function element(kind, text, className = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function block(label, text) {
  const made = element("pre", "");
  made.tabIndex = 0;
  made.setAttribute("role", "group");
  made.setAttribute("aria-label", label);
  made.append(element("code", text));
  return made;
}

function tidy(answer, text) {
  if (!/json/.test(answer.headers.get("content-type") ?? "")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(form) {
  const [address, request] = build(form);
  const begin = performance.now();
  const answer = await fetch(address, {
    ...request,
    credentials: "omit",
    cache: "no-store",
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  const text = tidy(answer, await answer.text());
  const took = Math.round(performance.now() - begin);
  const line = element("p", "");
  line.append(element("span", String(answer.status), `status s${String(answer.status)[0]}`));
  line.append(` ${answer.statusText} in ${took} ms`);
  const headers = Array.from(answer.headers, ([name, value]) => `${name}: ${value}`).join("\n");
  const rest = text.length > MOST_SHOWN ? `\n… ${text.length - MOST_SHOWN} characters more` : "";
  const parts = [line, block("Headers of the answer", headers)];
  if (text) parts.push(block("Answer", text.slice(0, MOST_SHOWN) + rest));
  return parts;
}

function explain(error) {
  if (error instanceof Missing) return error.message;
  if (error.name === "TimeoutError") return `No answer within ${LIMIT_MS / 1000} seconds.`;
  return `The request could not be sent: ${error.message}`;
}

for (const form of document.querySelectorAll("form.call-form")) {
  const answer = form.querySelector(".answer");
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    answer.replaceChildren(element("p", "Waiting for the answer."));
    try {
      answer.replaceChildren(...(await send(form)));
    } catch (error) {
      answer.replaceChildren(element("p", explain(error), "wrong"));
    }
    button.disabled = false;
  });
}

credentials.addEventListener("submit", (event) => event.preventDefault());
for (const place of document.querySelectorAll(".scripted")) place.hidden = false;
if (credentials.dataset.demo) {
  const answer = await fetch(credentials.dataset.demo);
  if (answer.ok) {
    const { variables } = await answer.json();
    for (const [name, value] of Object.entries(variables)) {
      const field = known.get(name);
      if (field && !field.value) field.value = value;
    }
  }
}
