// The JavaScript half of key_value.rs.

export function get(namespace, key) {
  return namespace.get(key);
}

export function put(namespace, key, value, seconds) {
  return namespace.put(key, value, { expirationTtl: seconds });
}

export function remove(namespace, key) {
  return namespace.delete(key);
}
