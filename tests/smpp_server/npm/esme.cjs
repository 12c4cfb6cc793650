// Binds and answers deliver_sm; a JSON list [command, fields] a line on standard input is a request,
// its answer and what is delivered are JSON lines on standard output.
const { createInterface } = require("node:readline");
const smpp = require("smpp");

const [, , port, systemId, password, enquireMs] = process.argv;
const session = smpp.connect({
  url: `smpp://127.0.0.1:${port}`,
  auto_enquire_link_period: Number(enquireMs),
});

const say = (kind, pdu) => {
  const { command, command_status, message_id, sc_interface_version } = pdu;
  const text = pdu.short_message && pdu.short_message.message;
  const tlvs = { receipted_message_id: pdu.receipted_message_id, message_state: pdu.message_state };
  const from = pdu.source_addr;
  console.log(
    JSON.stringify({ kind, command, command_status, message_id, sc_interface_version, text, from, ...tlvs }),
  );
};

session.on("deliver_sm", (pdu) => {
  say("delivered", pdu);
  session.send(pdu.response());
});
session.on("unbind", (pdu) => {
  say("unbound", pdu);
  session.send(pdu.response());
  session.close();
});
session.on("close", () => process.exit(0));
session.on("error", (error) => console.log(JSON.stringify({ kind: "error", text: error.message })));
session.on("connect", () => {
  session.bind_transceiver({ system_id: systemId, password }, (pdu) => say("bound", pdu));
});
createInterface({ input: process.stdin }).on("line", (line) => {
  const [command, fields] = JSON.parse(line);
  session[command](fields, (pdu) => say("answer", pdu));
});
