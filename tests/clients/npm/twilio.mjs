// Runs one call of the client after another: a JSON list [name, argument …] a line on standard
// input, its JSON answer, or its failure, a line on standard output.
import { createInterface } from "node:readline";
import twilio from "twilio";

const [, , sid, token, url] = process.argv;

function make(name, secret, options) {
  const made = twilio(name, secret, options);
  for (const domain of [made.api, made.messaging, made.lookups, made.verify]) domain.baseUrl = url;
  return made;
}

const client = make(sid, token);
const { messaging, verify, lookups } = client;

const calls = {
  create: (given) =>
    client.messages.create(given.sendAt ? { ...given, sendAt: new Date(given.sendAt) } : given),
  fetch: (one) => client.messages(one).fetch(),
  list: (given) => client.messages.list(given),
  update: (one, given) => client.messages(one).update(given),
  remove: (one) => client.messages(one).remove(),
  createKey: (given) => client.newKeys.create(given),
  listKeys: () => client.keys.list(),
  removeKey: (one) => client.keys(one).remove(),
  createWith: (key, secret, given) =>
    make(key, secret, { accountSid: sid }).messages.create(given),
  createService: (given) => messaging.v1.services.create(given),
  addName: (one, alphaSender) => messaging.v1.services(one).alphaSenders.create({ alphaSender }),
  listServices: () => messaging.v1.services.list({ pageSize: 1 }),
  removeService: (one) => messaging.v1.services(one).remove(),
  lookUp: (number) => lookups.v2.phoneNumbers(number).fetch(),
  createVerify: (given) => verify.v2.services.create(given),
  start: (one, to) => verify.v2.services(one).verifications.create({ to, channel: "sms" }),
  check: (one, to, code) => verify.v2.services(one).verificationChecks.create({ to, code }),
  account: () => client.api.accounts(sid).fetch(),
  numbers: () => client.incomingPhoneNumbers.list(),
  validate: (...given) => twilio.validateRequest(token, ...given),
  validateWithBody: (...given) => twilio.validateRequestWithBody(token, ...given),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  let answer;
  try {
    answer = { answer: (await calls[name](...given)) ?? null };
  } catch (error) {
    answer = { error: `${error.status} ${error.code} ${error.message}` };
  }
  console.log(JSON.stringify(answer));
}
