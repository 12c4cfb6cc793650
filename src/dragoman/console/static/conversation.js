// Keeps a conversation, or the list of them, current, and says that it was read. Without this script
// the page shows what there was when it was loaded, and has a button for "read".

const EVERY_MS = 2000;
let watched = document.getElementById("watched");

async function look() {
  try {
    if (!document.hidden) {
      const answer = await fetch(watched.dataset.watch, { headers: { accept: "application/json" } });
      if (!answer.ok) return;
      const { version } = await answer.json();
      if (version !== watched.dataset.version) await refresh();
    }
  } catch {
    // It is asked again.
  }
  setTimeout(look, EVERY_MS);
}

async function refresh() {
  const answer = await fetch(location.pathname + location.search);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("watched");
  if (!fresh) return;
  watched.replaceWith(document.adoptNode(fresh));
  watched = fresh;
  for (const field of page.querySelectorAll("input[name=seen]")) {
    for (const own of document.querySelectorAll("input[name=seen]")) own.value = field.value;
  }
  await markRead();
}

async function markRead() {
  const form = document.getElementById("mark-read");
  if (!form || document.hidden) return;
  const fields = new URLSearchParams(new FormData(form));
  fields.set("do", "read");
  fields.set("script", "1");
  await fetch(form.action, { method: "POST", body: fields });
}

if (document.getElementById("read")) markRead();
setTimeout(look, EVERY_MS);
