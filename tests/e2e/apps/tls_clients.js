// Asks for URLs, one after another on one connection, by a library of Node: LIBRARY URL...
const http = require('http');
const http2 = require('http2');
const https = require('https');

const [library, ...urls] = process.argv.slice(2);
const libraries = {
  https: (url) => new Promise((resolve, reject) => {
    const scheme = url.startsWith('https') ? https : http;
    const agent = scheme.sharedAgent ??= new scheme.Agent({ keepAlive: true, maxSockets: 1 });
    scheme.get(url, { agent }, (response) => response.resume().on('end', resolve)).on('error', reject);
  }),
  fetch: async (url) => (await fetch(url)).text(),
  http2: (url) => new Promise((resolve, reject) => {
    const { origin, pathname } = new URL(url);
    const session = libraries.session ??= http2.connect(origin);
    session.on('error', reject).request({ ':path': pathname }).on('error', reject).on('end', resolve).resume().end();
  }),
};
(async () => {
  for (const url of urls) await libraries[library](url);
  process.exit(0);
})();
