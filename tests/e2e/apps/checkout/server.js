// Express + axios: POST /checkout/ID asks NEXT/ID and answers with what it said.
'use strict';
const http = require('http');
const express = require('express');
const axios = require('axios');

const keepAlive = process.env.KEEP_ALIVE === '1';
const client = axios.create({ httpAgent: new http.Agent({ keepAlive }), proxy: false });
const app = express();
app.use(express.json());

app.post('/checkout/:id', async (request, response) => {
  try {
    const answer = await client.post(`${process.env.NEXT}/${request.params.id}`, request.body);
    response.json({ id: request.params.id, via: 'checkout', next: answer.data });
  } catch (error) {
    response.status(502).json({ error: String(error) });
  }
});

const server = app.listen(Number(process.env.PORT), '127.0.0.1');
server.keepAliveTimeout = 60000;
