// Serves TLS on $PORT and answers with what was asked; with a URL as argument it asks that, often, at once.
const fs = require('fs');
const https = require('https');

const [directory, url, count] = process.argv.slice(2);
if (!url) {
  const options = { key: fs.readFileSync(`${directory}/key.pem`), cert: fs.readFileSync(`${directory}/cert.pem`) };
  https.createServer(options, (request, response) => response.end(request.url)).listen(process.env.PORT, '127.0.0.1');
} else {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 4, ca: fs.readFileSync(`${directory}/cert.pem`) });
  const ask = (path) => new Promise((resolve, reject) => {
    https.get(url + path, { agent }, (response) => {
      let body = '';
      response.on('data', (piece) => { body += piece; });
      response.on('end', () => (body === path ? resolve() : reject(new Error(`${path}: ${body}`))));
    }).on('error', reject);
  });
  Promise.all(Array.from({ length: Number(count) }, (_, i) => ask(`/node/${i}`))).then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
  });
}
