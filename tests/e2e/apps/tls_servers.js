// Answers "hello" by a library of Node: LIBRARY PORT [DIRECTORY of cert.pem and key.pem]
const fs = require('fs');

const [library, port, directory] = process.argv.slice(2);
const options = directory && { key: fs.readFileSync(`${directory}/key.pem`), cert: fs.readFileSync(`${directory}/cert.pem`) };
const answer = (request, response) => response.end('hello');
const server = {
  https: () => (options ? require('https').createServer(options, answer) : require('http').createServer(answer)),
  http2: () => (options ? require('http2').createSecureServer(options, answer) : require('http2').createServer(answer)),
}[library]();
server.listen(port, '127.0.0.1');
