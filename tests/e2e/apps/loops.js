// A Node server whose calls are made in every way that its event loop has. POST /WAY/ID asks NEXT/ID and
// answers what that answered: the id, which travels in the bodies. WAY says what comes before the call;
// with WAY=answer there is none.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const net = require('net');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const { PORT, NEXT, WAY } = process.env;
new Headers(); // loads undici, which compiles its parser on the thread pool: a fetch before that is done waits for it

const KINDS = {
  agent: () => new http.Agent({ keepAlive: true }),
  fresh: () => new http.Agent({ keepAlive: false }),
  four: () => new http.Agent({ keepAlive: true, maxSockets: 4 }),
  four_fresh: () => new http.Agent({ keepAlive: false, maxSockets: 4 }),
};
const agent = (KINDS[{ fresh: 'fresh', max_sockets: 'four', max_sockets_close: 'four_fresh' }[WAY]] || KINDS.agent)();

function post(url, id) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', agent }, (response) => {
      let text = '';
      response.on('data', (part) => (text += part));
      response.on('end', () => resolve(JSON.parse(text)));
    });
    request.on('error', reject);
    request.end(JSON.stringify({ id }));
  });
}

const next = (id) => post(`${NEXT}/${id}`, id);
const byFetch = async (id) => {
  const answer = await fetch(`${NEXT}/${id}`, { method: 'POST', body: JSON.stringify({ id }) });
  return answer.json();
};
const after = (wait) => async (id) => {
  await wait();
  return next(id);
};

// At most two at a time, as p-limit does it: an answer sets the next one free, whoever's it is.
const waiting = [];
let busy = 0;
function limited(work) {
  return new Promise((resolve, reject) => {
    waiting.push(() => work().then(resolve, reject).finally(() => (--busy, start())));
    start();
  });
}
function start() {
  if (busy < 2 && waiting.length) {
    ++busy;
    waiting.shift()();
  }
}

// The request is answered when its own call is; what it leaves in the limiter, to /left, comes later: it may be started
// by the answer to another request's call.
async function leaving(id) {
  const answer = limited(() => next(id));
  for (let i = 0; i < 2; ++i) limited(() => post(`${process.env.OTHER}/${id}-${i}`, id)).catch(() => {});
  return answer;
}

// One connection for all, one call at a time, written by hand.
let line = null;
const queue = [];
function onOneConnection(id) {
  return new Promise((resolve, reject) => {
    queue.push({ id, resolve, reject });
    if (queue.length === 1) ask();
  });
}
function ask() {
  const { hostname, port, pathname } = new URL(NEXT);
  if (!line) {
    line = net.connect(port, hostname).setEncoding('utf8');
    let text = '';
    line.on('data', (part) => {
      text += part;
      const head = text.indexOf('\r\n\r\n');
      const length = Number((/content-length: (\d+)/i.exec(text) || [])[1]);
      if (head < 0 || text.length < head + 4 + length) return;
      queue.shift().resolve(JSON.parse(text.slice(head + 4)));
      text = '';
      if (queue.length) ask();
    });
  }
  const body = JSON.stringify({ id: queue[0].id });
  line.write(`POST ${pathname}/${queue[0].id} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

// A queue that a timer pumps: whoever's job is first, in a timer that somebody else's request set.
const pumped = [];
const byTimer = (id) => new Promise((resolve, reject) => {
  pumped.push(() => next(id).then(resolve, reject));
  setTimeout(() => pumped.shift()(), Math.random() * 5);
});

// What requests leave is done step by step, each in an immediate that the one before has set: whichever request is read then.
const steps = [];
function step() {
  steps.shift()();
  if (steps.length) setImmediate(step);
}
async function leavingSteps(id) {
  if (!steps.length) setImmediate(step);
  for (let i = 0; i < 5; ++i) steps.push(() => {});
  steps.push(() => post(`${process.env.OTHER}/${id}-1`, id).catch(() => {}));
  return next(id);
}

// The call is made by another thread of the process, which has a loop of its own.
const results = new Map();
let worker = null;
function byWorker(id) {
  worker = worker || new Worker(__filename).on('message', ({ id, error }) => {
    const [resolve, reject] = results.get(id);
    results.delete(id);
    error ? reject(new Error(error)) : resolve({ id });
  });
  return new Promise((resolve, reject) => {
    results.set(id, [resolve, reject]);
    worker.postMessage(id);
  });
}

const WAYS = {
  answer: (id) => ({ id }),
  http: next,
  fresh: next,
  fetch: byFetch,
  later_tick: after(() => new Promise(process.nextTick)),
  microtask: after(() => null),
  timer: after(() => new Promise((go) => setTimeout(go, Math.random() * 5))),
  immediate: after(() => new Promise(setImmediate)),
  file: after(() => fs.promises.readFile(__filename)),
  random: after(() => new Promise((go) => crypto.randomBytes(1 << 12, go))),
  lookup: (id) => post(`${NEXT.replace('127.0.0.1', 'localhost')}/${id}`, id),
  max_sockets: next,
  max_sockets_close: next,
  limit: (id) => limited(() => next(id)),
  limit_fetch: (id) => limited(() => byFetch(id)),
  leftover: leaving,
  steps: leavingSteps,
  one_connection: onOneConnection,
  pump: byTimer,
  worker: byWorker,
  // Two calls in a row; what the second one is called by is an answer.
  twice: async (id) => (await post(`${process.env.OTHER}/${id}`, id), next(id)),
};

const server = http.createServer((request, response) => {
  let text = '';
  request.on('data', (part) => (text += part));
  request.on('end', async () => {
    try {
      const { id } = await WAYS[WAY](JSON.parse(text).id);
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ id }));
    } catch (error) {
      response.writeHead(502).end(JSON.stringify({ error: String(error) }));
    }
  });
});
server.keepAliveTimeout = 60000;
if (!isMainThread) {
  const answer = (id) => next(id).then(() => parentPort.postMessage({ id }), (error) => parentPort.postMessage({ id, error: String(error) }));
  parentPort.on('message', answer);
}
const listen = () => server.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 1024 });
if (isMainThread) setTimeout(listen, WAY.includes('fetch') ? 1000 : 0);
