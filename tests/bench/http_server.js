// Node's http, for counting.py: http_server.js PORT [NEXT]. With NEXT, each request asks there first, over kept connections.
const http = require('http');

const [port, next] = process.argv.slice(2);
const agent = new http.Agent({keepAlive: true});

function answer(response) {
  response.writeHead(200, {'Content-Length': 12});
  response.end('hello world\n');
}

http.createServer((request, response) => {
  if (!next) return answer(response);
  http.get(next, {agent}, (asked) => asked.resume().on('end', () => answer(response)));
}).listen(Number(port), '127.0.0.1');
