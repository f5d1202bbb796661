// Servers as the clients' test suites expect them: one API alone at the root of a port, each a Worker of its own.

import { readFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";

import { localHost } from "./local.mjs";

/**
 * The auth servers of a suite's docker-compose.yml: port and settings. Ours have upstream's names without `GOTRUE_`. There as here
 * no text message can be sent.
 */
export function gotrueServers(path) {
  const services = readFileSync(path, "utf8").split(/^ {2}(?=\w)/m);
  return services.filter((service) => service.includes("supabase/auth")).map((service) => {
    const settings = [...service.matchAll(/^ {6}GOTRUE_(\w+): '?(.*?)'?$/gm)].map(([, name, value]) => [name, value.replace(/^\$\{\w+\}$/, "not set")]);
    return { port: Number(/^ {6}PORT: (\d+)$/m.exec(service)[1]), vars: { ...Object.fromEntries(settings), SMS_MAILBOX: "false", RATE_LIMITS: "false" } };
  });
}

/**
 * Starts servers over one database: for each a Worker with its `vars`, whose API under `prefix` (`/auth/v1`) is at the root of its
 * `port`. Every request has the server's `headers` unless it has them itself. Gives the Workers' own addresses, `urls`, and
 * `dispose()`.
 */
export async function serveUnder(prefix, servers) {
  const { applySystemMigrations, optionsOf } = await import("../tests/e2e/worker.mjs");
  const { Miniflare } = await import("miniflare");
  const workers = servers.map(({ vars }, index) => ({ ...optionsOf({ vars }), name: `server-${index}` }));
  const mf = new Miniflare({ workers, host: localHost, port: 0, handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) });
  await mf.ready;
  await applySystemMigrations(await mf.getD1Database("DB", workers[0].name));
  const urls = [];
  for (const { name } of workers) urls.push((await mf.unsafeGetDirectURL(name)).origin);
  const proxies = servers.map(({ headers = {} }, index) => proxyTo(`${urls[index]}${prefix}`, headers));
  await Promise.all(proxies.map((proxy, index) => new Promise((resolve) => proxy.listen(servers[index].port, localHost, resolve))));
  const dispose = async () => {
    for (const proxy of proxies) {
      proxy.close();
      proxy.closeAllConnections();
    }
    await mf.dispose();
  };
  return { urls, dispose };
}

function proxyTo(url, headers) {
  return createServer((asked, answer) => {
    const onward = httpRequest(`${url}${asked.url}`, { method: asked.method, headers: { ...headers, ...asked.headers } }, (answered) => {
      answer.writeHead(answered.statusCode, answered.headers);
      answered.pipe(answer);
    });
    asked.pipe(onward);
  });
}
