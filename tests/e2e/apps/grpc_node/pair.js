// gRPC in Node, with bytes for messages and any method: what ../grpc_pair.py does, and its arguments. By TLS
// where $TLS names a directory of cert.pem and key.pem. demo.Chain asks $NEXT first.
const fs = require('fs');
const readline = require('readline');
const grpc = require('@grpc/grpc-js');

const MESSAGE = Buffer.from('hello');
const same = (bytes) => bytes;
const read = (name) => fs.readFileSync(`${process.env.TLS}/${name}.pem`);
const next = process.env.NEXT && new grpc.Client(process.env.NEXT, grpc.credentials.createInsecure());
const answers = {
  Chain: ['unary', (call, callback) => {
    const identity = call.getPath().split('/')[2];
    next.makeUnaryRequest(`/demo.Unary/${identity}`, same, same, MESSAGE, (error) => callback(error, MESSAGE));
  }],
  Unary: ['unary', (call, callback) => callback(null, MESSAGE)],
  NotFound: ['unary', (call, callback) => callback({ code: grpc.status.NOT_FOUND })],
  Slow: ['unary', () => {}],
  ServerStream: ['serverStream', (call) => { for (let i = 0; i < 3; i++) call.write(MESSAGE); call.end(); }],
  ClientStream: ['clientStream', (call, callback) => call.on('data', () => {}).on('end', () => callback(null, MESSAGE))],
  Bidi: ['bidi', (call) => call.on('data', (message) => call.write(message)).on('end', () => call.end())],
};

function serve() {
  const server = new grpc.Server();
  server.handlers.get = (path) => {  // any method, by its service
    const [type, func] = answers[path.split('/')[1].replace('demo.', '')];
    return { type, func, path, serialize: same, deserialize: same };
  };
  const credentials = process.env.TLS
    ? grpc.ServerCredentials.createSsl(null, [{ cert_chain: read('cert'), private_key: read('key') }])
    : grpc.ServerCredentials.createInsecure();
  server.bindAsync(`127.0.0.1:${process.env.PORT}`, credentials, (error) => { if (error) throw error; });
}

// Resolves to the status code's number.
function call(client, service, identity) {
  const path = `/demo.${service}/${identity}`;
  return new Promise((resolve) => {
    const unary = () => client.makeUnaryRequest(path, same, same, MESSAGE, () => {});
    const started = {
      ServerStream: () => client.makeServerStreamRequest(path, same, same, MESSAGE),
      ClientStream: () => client.makeClientStreamRequest(path, same, same, () => {}),
      Bidi: () => client.makeBidiStreamRequest(path, same, same),
    }[service] ?? unary;
    const pending = started().on('status', (status) => resolve(status.code)).on('error', () => {}).on('data', () => {});
    if (service === 'Slow') setTimeout(() => pending.cancel(), 20);
    if (!pending.write) return;
    for (let i = 0; i < 3; i++) pending.write(MESSAGE);
    pending.end();
  });
}

async function run(address) {
  const credentials = process.env.TLS ? grpc.credentials.createSsl(read('cert')) : grpc.credentials.createInsecure();
  const client = new grpc.Client(address, credentials);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [prefix, calls, concurrency, ...services] = line.split(' ');
    let next = 0;
    const work = async () => {
      for (let i = next++; i < Number(calls); i = next++) {
        const service = services[i % services.length];
        console.log(service, `${prefix}-${i}`, await call(client, service, `${prefix}-${i}`));
      }
    };
    await Promise.all(Array.from({ length: Number(concurrency) }, work));
    console.log();
  }
}

const [role, address] = process.argv.slice(2);
if (role === 'server') serve(); else run(address);
