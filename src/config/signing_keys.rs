//! The key pairs that sign access tokens: `JWT_KEYS`, in the form of the Supabase CLI's `signing_keys.json`.

use serde_json::{Map, Value};

use super::read::Reader;

/// One JSON Web Key.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// `kid`.
    pub id: String,
    /// The algorithm it is for.
    pub algorithm: &'static str,
    /// Its members, private ones included.
    pub jwk: Map<String, Value>,
    /// Whether it signs; exactly one does.
    pub signs: bool,
}

/// Members of a JSON Web Key that anyone may see.
const PUBLIC_MEMBERS: &[&str] = &["kty", "kid", "alg", "crv", "x", "y", "n", "e"];

/// Algorithm, key type, curve, what has to be there to verify, and further to sign.
type Kind =
    (&'static str, &'static str, Option<&'static str>, &'static [&'static str], &'static [&'static str]);

/// The kinds of keys; one that does not say its algorithm is of the first kind it fits.
#[rustfmt::skip]
const KINDS: &[Kind] = &[
    ("RS256", "RSA", None,            &["n", "e"], &["d", "p", "q", "dp", "dq", "qi"]),
    ("RS512", "RSA", None,            &["n", "e"], &["d", "p", "q", "dp", "dq", "qi"]),
    ("ES256", "EC",  Some("P-256"),   &["x", "y"], &["d"]),
    ("ES512", "EC",  Some("P-521"),   &["x", "y"], &["d"]),
    ("EdDSA", "OKP", Some("Ed25519"), &["x"],      &["d"]),
    ("HS256", "oct", None,            &["k"],      &[]),
];

/// `status`, which hosted Supabase knows a key by: whether such a key verifies, and whether it signs.
#[rustfmt::skip]
const STATUSES: &[(&str, bool, bool)] = &[
    ("in_use",          true,  true),
    ("standby",         true,  false),
    ("previously_used", true,  false),
    ("revoked",         false, false),
];

impl SigningKey {
    /// A member that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.jwk.get(name).and_then(Value::as_str)
    }

    /// The half of the key that anyone may have, as JWKS publish it; a shared secret has none.
    pub fn public(&self) -> Option<Value> {
        if self.text("kty") == Some("oct") {
            return None;
        }
        let shown = PUBLIC_MEMBERS
            .iter()
            .filter_map(|name| Some(((*name).to_string(), self.jwk.get(*name)?.clone())));
        let mut shown: Map<String, Value> = shown.collect();
        shown.insert("key_ops".into(), Value::from(vec!["verify"]));
        shown.insert("use".into(), "sig".into());
        Some(Value::Object(shown))
    }
}

/// Reads `JWT_KEYS`; without it there are none, and `JWT_SECRET` signs.
pub fn read(reader: &mut Reader<'_>) -> Vec<SigningKey> {
    let text = reader.text("JWT_KEYS", "");
    if text.is_empty() {
        return Vec::new();
    }
    match parse(&text) {
        Ok(keys) => keys,
        Err(mistake) => reader.refuse(format!("JWT_KEYS: {mistake}")),
    }
}

/// Mistakes name keys by their ids and never quote them.
fn parse(text: &str) -> Result<Vec<SigningKey>, String> {
    let keys: Vec<Map<String, Value>> =
        serde_json::from_str(text).map_err(|_| "must be a JSON array of JSON Web Keys".to_string())?;
    let keys: Vec<Option<SigningKey>> = keys.into_iter().map(key).collect::<Result<_, _>>()?;
    let keys: Vec<SigningKey> = keys.into_iter().flatten().collect();
    for (index, key) in keys.iter().enumerate() {
        if keys.iter().skip(index + 1).any(|other| other.id == key.id) {
            return Err(format!("two keys are called {:?}", key.id));
        }
    }
    match keys.iter().filter(|key| key.signs).count() {
        1 => Ok(keys),
        0 => Err("no signing key: one has to have \"sign\" among its key_ops".into()),
        _ => Err("several signing keys: only one may have \"sign\" among its key_ops".into()),
    }
}

/// `None` for a key that is revoked.
fn key(jwk: Map<String, Value>) -> Result<Option<SigningKey>, String> {
    let id = jwk.get("kid").and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.ok_or("every key needs a kid")?.to_string();
    let operations = jwk.get("key_ops").and_then(Value::as_array);
    let may_sign =
        operations.is_some_and(|operations| operations.iter().any(|operation| operation == "sign"));
    let (verifies, signs) = match jwk.get("status").map(|status| status.as_str().unwrap_or_default()) {
        None => (true, may_sign),
        Some(status) => {
            let row = STATUSES.iter().find(|(name, _, _)| *name == status);
            let (_, verifies, signs) = row.ok_or(format!("key {id:?} has an unknown status"))?;
            (*verifies, *signs)
        }
    };
    if !verifies {
        return Ok(None);
    }
    let algorithm = kind_of(&id, &jwk, signs)?;
    Ok(Some(SigningKey { id, algorithm, jwk, signs }))
}

fn kind_of(id: &str, jwk: &Map<String, Value>, signs: bool) -> Result<&'static str, String> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let fits = |kind: &&Kind| {
        let (algorithm, key_type, curve, ..) = **kind;
        text("kty") == Some(key_type)
            && text("alg").is_none_or(|said| said == algorithm)
            && (curve.is_none() || text("crv") == curve)
    };
    let kind = KINDS.iter().find(fits);
    let (algorithm, _, _, public, private) =
        kind.ok_or(format!("key {id:?}: kty, alg and crv are none that tokens are signed with"))?;
    let needed = public.iter().chain(private.iter().filter(|_| signs));
    let missing: Vec<&str> = needed.filter(|name| text(name).is_none()).copied().collect();
    if missing.is_empty() { Ok(algorithm) } else { Err(format!("key {id:?} lacks {}", missing.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pair(id: &str) -> Value {
        json!({"kty": "EC", "kid": id, "alg": "ES256", "crv": "P-256", "x": "x", "y": "y", "d": "secret", "key_ops": ["sign", "verify"]})
    }

    fn with(id: &str, name: &str, value: Value) -> Value {
        let mut key = pair(id);
        key[name] = value;
        key
    }

    #[test]
    fn one_key_signs_and_revoked_ones_are_gone() {
        let keys = json!([
            pair("now"),
            with("next", "key_ops", json!(["verify"])),
            with("before", "status", json!("previously_used")),
            with("stolen", "status", json!("revoked")),
        ]);
        let keys = parse(&keys.to_string()).unwrap();
        let found: Vec<(&str, bool)> = keys.iter().map(|key| (key.id.as_str(), key.signs)).collect();
        assert_eq!(found, [("now", true), ("next", false), ("before", false)]);
        let shown = keys[0].public().unwrap();
        assert!(!shown.to_string().contains("secret"), "{shown}");
        assert_eq!((&shown["use"], &shown["key_ops"]), (&json!("sig"), &json!(["verify"])));
    }

    #[test]
    fn what_cannot_sign_or_be_told_apart_is_refused_without_being_quoted() {
        let rows = [
            (json!({}), "array"),
            (json!([]), "no signing key"),
            (json!([with("a", "key_ops", json!(["verify"]))]), "no signing key"),
            (json!([pair("a"), pair("b")]), "several signing keys"),
            (json!([pair("a"), with("a", "key_ops", json!(["verify"]))]), "two keys"),
            (json!([with("a", "kid", json!(""))]), "kid"),
            (json!([with("a", "kty", json!("DSA"))]), "none that tokens"),
            (json!([with("a", "alg", json!("none"))]), "none that tokens"),
            (json!([with("a", "alg", json!("RS256"))]), "none that tokens"),
            (json!([with("a", "crv", json!("P-521"))]), "none that tokens"),
            (json!([with("a", "d", json!(null))]), "lacks d"),
            (json!([with("a", "status", json!("lost"))]), "status"),
        ];
        for (keys, expected) in rows {
            let mistake = parse(&keys.to_string()).unwrap_err();
            assert!(mistake.contains(expected) && !mistake.contains("secret"), "{mistake}");
        }
    }
}
