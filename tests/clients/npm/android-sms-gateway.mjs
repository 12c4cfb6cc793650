// Runs one call of the client after another: a JSON list [name, argument …] a line on standard
// input, its JSON answer, or its failure, a line on standard output.
import { createInterface } from "node:readline";
import Client from "./client.mjs";

const [, , login, password, baseUrl] = process.argv;

async function ask(method, url, headers, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const answer = await fetch(url, { method, headers, body: text });
  const written = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${written}`);
  return written ? JSON.parse(written) : null;
}

const client = new Client(
  login,
  password,
  {
    get: (url, headers) => ask("GET", url, headers),
    post: (url, body, headers) => ask("POST", url, headers, body),
    put: (url, body, headers) => ask("PUT", url, headers, body),
    patch: (url, body, headers) => ask("PATCH", url, headers, body),
    delete: (url, headers) => ask("DELETE", url, headers),
  },
  baseUrl,
);

const dates = (name, value) => (["since", "until"].includes(name) ? new Date(value) : value);

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line, dates);
  try {
    console.log(JSON.stringify({ answer: (await client[name](...given)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}
