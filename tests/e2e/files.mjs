// Files of any size without a file: bytes that can be made again from their place, and their SHA-256.

import { createHash } from "node:crypto";

export const MIB = 1024 * 1024;

/** The sizes that every client is put through; 300 MiB for uploads in parts. */
export const sizes = { "0 B": 0, "1 B": 1, "5 MiB": 5 * MIB, "50 MiB": 50 * MIB };
export const largest = 300 * MIB;

/** Bytes that differ from MiB to MiB. */
export function bytes(length) {
  const file = Buffer.alloc(length);
  for (let at = 0; at < length; at += MIB) {
    const block = createHash("sha512").update(String(at)).digest();
    for (let place = at; place < Math.min(at + MIB, length); place += block.length) block.copy(file, place);
    file.writeUInt8(at / MIB % 251, Math.min(at + 77, length - 1));
  }
  return file;
}

export const sha256 = (data) => createHash("sha256").update(data).digest("hex");

/** The SHA-256 of a response's body, read as it comes. */
export async function hashOf(answer) {
  const hash = createHash("sha256");
  for await (const piece of answer.body) hash.update(piece);
  return hash.digest("hex");
}
