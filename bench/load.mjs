// Requests at a server as fast as it answers them, over connections that stay open.

import { Agent, request } from "node:http";

import { workerdSeconds } from "./cpu.mjs";

/**
 * Calls `url` for `seconds` over `connections`. Headers and body may be functions of the connection's number; `answered` is
 * given each answer's text and that number. Gives requests per second, milliseconds at the median and the 99th percentile, and
 * milliseconds of workerd's processor time for each request.
 */
export async function load({ url, method = "GET", headers = {}, body, answered, expect, seconds, connections = 16 }) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times = [];
  const busyBefore = workerdSeconds();
  const started = performance.now();
  const end = started + seconds * 1000;
  const of = (given, connection) => (typeof given === "function" ? given(connection) : given);
  const oneConnection = async (_, connection) => {
    while (performance.now() < end) {
      const sent = performance.now();
      const asked = { agent, url, method, headers: of(headers, connection), body: of(body, connection), read: Boolean(answered) };
      const { status, text } = await call(asked);
      if (status !== expect) throw new Error(`${method} ${url}: ${status} instead of ${expect}`);
      times.push(performance.now() - sent);
      answered?.(text, connection);
    }
  };
  await Promise.all(Array.from({ length: connections }, oneConnection));
  const elapsed = (performance.now() - started) / 1000;
  const busy = workerdSeconds() - busyBefore;
  agent.destroy();
  times.sort((one, other) => one - other);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return { rps: times.length / elapsed, p50: at(0.5), p99: at(0.99), cpu: (busy * 1000) / times.length };
}

function call({ agent, url, method, headers, body, read }) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const sent = request(url, { agent, method, headers: { ...headers, ...length } }, (answer) => {
      const pieces = [];
      if (read) answer.on("data", (piece) => pieces.push(piece));
      answer.on("error", reject).on("end", () => resolve({ status: answer.statusCode, text: Buffer.concat(pieces).toString() })).resume();
    });
    sent.on("error", reject).end(body);
  });
}
