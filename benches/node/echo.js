// An echo server: echo.js tcp|tls ADDRESS:PORT. With TLS on leaf.pem and leaf.key in the folder CERT_DIR.
const fs = require('fs');
const [what, address] = process.argv.slice(2);
const [host, port] = address.split(':');

function serve(socket) {
  socket.setNoDelay(true);
  socket.on('data', (data) => socket.write(data));
  socket.on('error', () => socket.destroy());
}

function listen(server) {
  server.listen({ host, port: Number(port), backlog: 1024 });
}

if (what === 'tls') {
  const read = (name) => fs.readFileSync(`${process.env.CERT_DIR}/${name}`);
  listen(require('tls').createServer({ key: read('leaf.key'), cert: read('leaf.pem') }, serve));
} else {
  listen(require('net').createServer(serve));
}
