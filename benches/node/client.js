// Node's HTTP client: client.js rps|new URL CONNECTIONS SECONDS, as the clients in Rust.
const fs = require('fs');
const [what, address, connections, seconds] = process.argv.slice(2);
const url = new URL(address);
const library = require(url.protocol.slice(0, -1));
const isNew = what === 'new';
const agent = new library.Agent({
  keepAlive: !isNew,
  maxSockets: Number(connections),
  ca: fs.readFileSync(`${process.env.CERT_DIR}/ca.pem`),
  maxCachedSessions: process.env.RESUME === '1' ? 100 : 0,
});
const start = performance.now() + 200;
const end = start + Number(seconds) * 1000;
let began, cpu, operations = 0, bytes = 0, left = Number(connections);

function done(count) {
  if (began !== undefined) {
    operations += 1;
    bytes += count;
  } else if (performance.now() >= start) {
    began = performance.now();
    cpu = process.cpuUsage();
  }
}

function finish() {
  const passed = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const used = user + system;
  console.log(
    `ops=${operations} ops_s=${(operations / passed).toFixed(1)} mb_s=${(bytes / passed / 1e6).toFixed(2)} ` +
    `cpu_us=${(used / operations).toFixed(3)} busy=${(used / passed / 1e6).toFixed(2)}`);
  process.exit(0);
}

function get() {
  if (performance.now() >= end) {
    left -= 1;
    if (left === 0) finish();
    return;
  }
  library.get(url, { agent, headers: isNew ? { connection: 'close' } : {} }, (response) => {
    let count = 0;
    response.on('data', (data) => { count += data.length; });
    response.on('end', () => { done(count); get(); });
  });
}

for (let index = 0; index < Number(connections); index += 1) get();
