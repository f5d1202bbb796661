// The S3 API as AWS' own client for JavaScript uses it, unmodified, with the project's keys and as a user.

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";

import { bytes, hashOf, MIB, sha256, sizes } from "./files.mjs";
import { backEnd, signUp } from "./project.mjs";
import { freePort, startWorker } from "./worker.mjs";

let worker;
let s3;
before(async () => {
  worker = await startWorker({ vars: { FILE_SIZE_LIMIT: String(400 * MIB), RATE_LIMITS: "false" } });
  const { S3_PROTOCOL_ACCESS_KEY_ID: accessKeyId, S3_PROTOCOL_ACCESS_KEY_SECRET: secretAccessKey } = worker.vars;
  s3 = client({ accessKeyId, secretAccessKey });
  await s3.send(new CreateBucketCommand({ Bucket: "files" }));
});
after(() => worker.dispose());

// One attempt, so that nothing of Edgeward's is hidden, and a connection for each: the local runtime closes those that were
// idle for five seconds, which a client that is busy with 300 MiB meanwhile learns by a request that fails.
const client = (credentials) =>
  new S3Client({
    endpoint: `${worker.url}/storage/v1/s3`,
    region: "local",
    forcePathStyle: true,
    credentials,
    maxAttempts: 1,
    requestHandler: { httpAgent: new Agent({ keepAlive: false }) },
  });

const Bucket = "files";

async function assertStored(Key, file, extra = {}) {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key, ...extra }));
  assert.equal(answer.ContentLength, file.length);
  assert.equal(await hashOf({ body: answer.Body }), sha256(file));
  return answer;
}

/** A stream whose length is told beside it. */
const stream = (file) => Readable.from((function* () {
  for (let at = 0; at < file.length; at += 100_000) yield file.subarray(at, at + 100_000);
})());

for (const [size, length] of Object.entries(sizes)) {
  test(`${size} go in and come out, from memory and as a stream`, async () => {
    const file = bytes(length);
    const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: `sized/${length}`, Body: file, ContentType: "text/css", Metadata: { a: "1" } }));
    const got = await assertStored(`sized/${length}`, file);
    assert.deepEqual([got.ContentType, got.Metadata, got.ETag], ["text/css", { a: "1" }, ETag]);
    const streamed = await s3.send(new PutObjectCommand({ Bucket, Key: `streamed/${length}`, Body: stream(file), ContentLength: length }));
    assert.equal(streamed.ETag, ETag, "the MD5 of the bytes");
    await assertStored(`streamed/${length}`, file);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: `sized/${length}` }));
    assert.deepEqual([head.ContentLength, head.ETag], [length, ETag]);
  });
}

test("a file of 300 MiB in parts", async () => {
  const file = bytes(300 * MIB);
  const Key = "parts";
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const part = 16 * MIB;
  const numbers = Array.from({ length: Math.ceil(file.length / part) }, (_, index) => index + 1);
  const Parts = [];
  for (let at = 0; at < numbers.length; at += 4) {
    const sent = numbers.slice(at, at + 4).map(async (PartNumber) => {
      const Body = file.subarray((PartNumber - 1) * part, PartNumber * part);
      const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
      return { PartNumber, ETag };
    });
    Parts.push(...(await Promise.all(sent)));
  }
  const listed = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
  assert.equal(listed.Parts.length, numbers.length);
  const { ETag } = await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  assert.match(ETag, new RegExp(`^"[0-9a-f]{32}-${numbers.length}"$`));
  await assertStored(Key, file);
  const range = await s3.send(new GetObjectCommand({ Bucket, Key, Range: `bytes=${100 * MIB - 3}-${100 * MIB + 3}` }));
  assert.ok(Buffer.from(await range.Body.transformToByteArray()).equals(file.subarray(100 * MIB - 3, 100 * MIB + 4)));
});

test("parts as streams, and parts of other objects", async () => {
  const file = bytes(12 * MIB);
  await s3.send(new PutObjectCommand({ Bucket, Key: "source", Body: file }));
  const Key = "copied in parts";
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const copied = await s3.send(
    new UploadPartCopyCommand({ Bucket, Key, UploadId, PartNumber: 1, CopySource: "files/source", CopySourceRange: `bytes=0-${6 * MIB - 1}` }),
  );
  const sent = await s3.send(
    new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 2, Body: stream(file.subarray(6 * MIB)), ContentLength: 6 * MIB }),
  );
  const Parts = [{ PartNumber: 1, ETag: copied.CopyPartResult.ETag }, { PartNumber: 2, ETag: sent.ETag }];
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  await assertStored(Key, file);
});

test("an upload is given up", async () => {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: "given up" }));
  await s3.send(new UploadPartCommand({ Bucket, Key: "given up", UploadId, PartNumber: 1, Body: "text" }));
  const open = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
  assert.deepEqual(open.Uploads.map(({ Key }) => Key), ["given up"]);
  await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: "given up", UploadId }));
  assert.equal((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads, undefined);
});

test("names, lists, copies and removals", async () => {
  const keys = ["list/a b!'()*+,=@;:&$.txt", "list/b/1", "list/b/2", "list/c"];
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  const all = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "list/" }));
  assert.deepEqual(all.Contents.map(({ Key }) => Key), keys);
  const folders = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "list/", Delimiter: "/", MaxKeys: 2 }));
  assert.deepEqual([folders.Contents.map(({ Key }) => Key), folders.CommonPrefixes], [[keys[0]], [{ Prefix: "list/b/" }]]);
  const rest = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "list/", Delimiter: "/", ContinuationToken: folders.NextContinuationToken }));
  assert.deepEqual(rest.Contents.map(({ Key }) => Key), ["list/c"]);
  const first = await s3.send(new ListObjectsCommand({ Bucket, Prefix: "list/", Delimiter: "/", EncodingType: "url" }));
  assert.equal(first.CommonPrefixes.length, 1);

  await s3.send(new CopyObjectCommand({ Bucket, Key: "list/copy", CopySource: `files/${encodeURIComponent(keys[0])}` }));
  await assertStored("list/copy", Buffer.from(keys[0]));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: "list/copy" }));
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: "list/copy" })), { name: "NoSuchKey" });
  await assert.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: "list/copy" })), { name: "NotFound" });
  const removed = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }));
  assert.equal(removed.Deleted.length, keys.length);
  assert.equal((await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "list/" }))).KeyCount, 0);
});

test("buckets are made, found and deleted", async () => {
  await s3.send(new CreateBucketCommand({ Bucket: "another" }));
  const { Buckets } = await s3.send(new ListBucketsCommand({}));
  assert.deepEqual(Buckets.map(({ Name }) => Name), ["files", "another"]);
  assert.equal((await s3.send(new GetBucketLocationCommand({ Bucket: "another" }))).LocationConstraint, "local");
  await s3.send(new DeleteBucketCommand({ Bucket: "another" }));
  await assert.rejects(s3.send(new HeadBucketCommand({ Bucket: "another" })), { name: "NotFound" });
});

test("a body that breaks off stores nothing", async () => {
  const before = (await (await worker.mf.getR2Bucket("BUCKET")).list()).objects.length;
  const stalls = new Readable({ read() {} });
  stalls.push(Buffer.alloc(MIB));
  const put = new PutObjectCommand({ Bucket, Key: "broken", Body: stalls, ContentLength: 2 * MIB });
  await assert.rejects(s3.send(put, { abortSignal: AbortSignal.timeout(1000) }));
  await new Promise((resolve) => setTimeout(resolve, 500));
  await assert.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: "broken" })), { name: "NotFound" });
  assert.equal((await (await worker.mf.getR2Bucket("BUCKET")).list()).objects.length, before);
});

test("a user's session token brings their policies", async () => {
  const ann = await signUp(worker.url, "ann");
  const key = worker.vars.SERVICE_ROLE_KEY;
  const sql = `CREATE POLICY own ON storage.objects FOR ALL TO authenticated
    USING (bucket_id = 'files' AND (storage.foldername(name))[1] = auth.uid()::text)
    WITH CHECK (bucket_id = 'files' AND (storage.foldername(name))[1] = auth.uid()::text)`;
  const applied = await fetch(`${worker.url}/admin/v1/migrations`, {
    method: "POST",
    headers: { apikey: key, "content-type": "application/json" },
    body: JSON.stringify({ version: "1", name: "own", sql }),
  });
  assert.equal(applied.status, 200, await applied.text());
  const hers = client({ accessKeyId: "project", secretAccessKey: worker.vars.ANON_KEY, sessionToken: ann.session.access_token });
  const Key = `${ann.user.id}/file`;
  await hers.send(new PutObjectCommand({ Bucket, Key, Body: "text" }));
  await assert.rejects(hers.send(new PutObjectCommand({ Bucket, Key: "other/file", Body: "text" })), { name: "AccessDenied" });
  assert.deepEqual((await hers.send(new ListObjectsV2Command({ Bucket }))).Contents.map(({ Key }) => Key), [Key]);
  const { data } = await backEnd(worker.url).storage.from("files").info(Key);
  assert.equal(data.size, 4);
});

test("a host of its own answers at its root, and has its buckets before its name", async () => {
  const port = await freePort();
  const host = `s3.localhost:${port}`;
  // Another host than loopback is served with secrets of its own alone; the app's assets would answer for objects of the same name.
  const [accessKeyId, secretAccessKey] = ["own-key", "the secret of this deployment"];
  const keys = { JWT_SECRET: "a secret of this deployment, known to nobody", PUBLISHABLE_KEYS: undefined, SECRET_KEYS: undefined };
  const vars = { ...keys, S3_HOST: host, S3_PROTOCOL_ACCESS_KEY_ID: accessKeyId, S3_PROTOCOL_ACCESS_KEY_SECRET: secretAccessKey };
  const own = await startWorker({ port, vars, more: { assets: undefined } });
  try {
    // Names under localhost are this machine, whether its resolver knows or not.
    const httpAgent = new Agent({ lookup: (_, options, found) => (options.all ? found(null, [{ address: "127.0.0.1", family: 4 }]) : found(null, "127.0.0.1", 4)) });
    const at = (forcePathStyle) =>
      new S3Client({ endpoint: `http://${host}`, region: "local", forcePathStyle, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1, requestHandler: { httpAgent } });
    const [byPath, byHost] = [at(true), at(false)];
    await byPath.send(new CreateBucketCommand({ Bucket }));
    const file = bytes(6 * MIB);
    await byHost.send(new PutObjectCommand({ Bucket, Key: "storage/v1/a b.txt", Body: file }));
    for (const s3 of [byPath, byHost]) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: "storage/v1/a b.txt" }));
      assert.equal(await hashOf({ body: Body }), sha256(file));
      assert.deepEqual((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents.map(({ Key }) => Key), ["storage/v1/a b.txt"]);
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: "parts" }));
      const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key: "parts", UploadId, PartNumber: 1, Body: "text" }));
      await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: "parts", UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }));
      await s3.send(new DeleteObjectCommand({ Bucket, Key: "parts" }));
      await assert.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: "parts" })), { name: "NotFound" });
    }
    assert.deepEqual((await byPath.send(new ListBucketsCommand({}))).Buckets.map(({ Name }) => Name), [Bucket]);
    // Elsewhere the same Worker is what it always is.
    assert.equal((await fetch(`${own.url}/health`)).status, 200);
    assert.equal((await fetch(`${own.url}/storage/v1/object/public/${Bucket}/parts`)).status, 400);
  } finally {
    await own.dispose();
  }
});
