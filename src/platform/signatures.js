// The JavaScript half of signatures.rs.

/** What a key is imported as, and what it is used with. */
const parameters = {
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  ES384: [{ name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", hash: "SHA-384" }],
  ES512: [{ name: "ECDSA", namedCurve: "P-521" }, { name: "ECDSA", hash: "SHA-512" }],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, "RSASSA-PKCS1-v1_5"],
  RS384: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-384" }, "RSASSA-PKCS1-v1_5"],
  RS512: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-512" }, "RSASSA-PKCS1-v1_5"],
  PS256: [{ name: "RSA-PSS", hash: "SHA-256" }, { name: "RSA-PSS", saltLength: 32 }],
  PS384: [{ name: "RSA-PSS", hash: "SHA-384" }, { name: "RSA-PSS", saltLength: 48 }],
  PS512: [{ name: "RSA-PSS", hash: "SHA-512" }, { name: "RSA-PSS", saltLength: 64 }],
  EdDSA: [{ name: "Ed25519" }, "Ed25519"],
};

/** Keys that were imported already. Keys, not promises of them: a request must not wait for another's. */
const imported = new Map();
const mostImported = 100;

/** The key if it was imported already, else a promise of it. */
function keyOf(algorithm, text, usage) {
  return imported.get(`${usage} ${algorithm} ${text}`) ?? importKey(algorithm, text, usage);
}

async function importKey(algorithm, text, usage) {
  // Only the numbers: what else a key says of its use (`alg: "EdDSA"`, `key_ops`) WebCrypto would hold against it.
  const { kty, crv, x, y, n, e, d, p, q, dp, dq, qi } = JSON.parse(text);
  const key = await crypto.subtle.importKey("jwk", { kty, crv, x, y, n, e, d, p, q, dp, dq, qi }, parameters[algorithm][0], false, [usage]);
  if (imported.size >= mostImported) imported.clear();
  imported.set(`${usage} ${algorithm} ${text}`, key);
  return key;
}

/** The bytes lie in wasm's memory, which the next call may overwrite: they are copied before anything is awaited. */
export async function sign(algorithm, key, message) {
  const bytes = message.slice();
  return new Uint8Array(await crypto.subtle.sign(parameters[algorithm][1], await keyOf(algorithm, key, "sign"), bytes));
}

export function verify(algorithm, text, message, signature) {
  const [bytes, signed] = [message.slice(), signature.slice()];
  const by = (key) => crypto.subtle.verify(parameters[algorithm][1], key, signed, bytes);
  const key = keyOf(algorithm, text, "verify");
  return key instanceof Promise ? key.then(by) : by(key);
}
