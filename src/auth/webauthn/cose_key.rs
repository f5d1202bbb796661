//! COSE keys (RFC 9052 §7), as authenticators write public keys, into JSON Web Keys.

use minicbor::Decoder;
use serde_json::{Value, json};

use super::Unverified;
use crate::crypto;
use crate::ports::SignatureAlgorithm;

/// The algorithms that are asked for, the best liked first, by their numbers in IANA's COSE registry.
#[rustfmt::skip]
pub const ALGORITHMS: &[(i64, SignatureAlgorithm)] = &[
    (-7,   SignatureAlgorithm::Es256),
    (-35,  SignatureAlgorithm::Es384),
    (-36,  SignatureAlgorithm::Es512),
    (-257, SignatureAlgorithm::Rs256),
    (-258, SignatureAlgorithm::Rs384),
    (-259, SignatureAlgorithm::Rs512),
    (-37,  SignatureAlgorithm::Ps256),
    (-38,  SignatureAlgorithm::Ps384),
    (-39,  SignatureAlgorithm::Ps512),
    (-8,   SignatureAlgorithm::EdDsa),
];

/// Key types and curves by their numbers there.
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;

#[rustfmt::skip]
const CURVES: &[(i64, i64, &str)] = &[
    (EC2, 1, "P-256"),
    (EC2, 2, "P-384"),
    (EC2, 3, "P-521"),
    (OKP, 6, "Ed25519"),
];

/// The members of a key that count: 1 is the type, 3 the algorithm, the others are the type's own.
#[derive(Default)]
struct Members<'a> {
    key_type: i64,
    algorithm: i64,
    curve: i64,
    /// -1, -2 and -3 where they are bytes.
    bytes: [Option<&'a [u8]>; 3],
}

/// Reads the key at the decoder's place; gives it with its `alg`.
pub fn read(decoder: &mut Decoder<'_>) -> Result<Value, Unverified> {
    let members =
        members(decoder).map_err(|error| Unverified(format!("the public key is no CBOR: {error}")))?;
    let algorithm = ALGORITHMS.iter().find(|(number, _)| *number == members.algorithm);
    let Some((_, algorithm)) = algorithm else {
        return Unverified::because(format!("the key is for algorithm {}", members.algorithm));
    };
    let curve = CURVES.iter().find(|row| row.0 == members.key_type && row.1 == members.curve);
    let curve = curve.map(|row| row.2);
    let part = |index: usize| {
        let bytes = members.bytes.get(index).copied().flatten();
        bytes.map(crypto::base64url).ok_or_else(|| Unverified("the public key is incomplete".into()))
    };
    let name = algorithm.name();
    let (kind, key) = match members.key_type {
        OKP => ("OKP", json!({"kty": "OKP", "alg": name, "crv": curve, "x": part(1)?})),
        EC2 => ("EC", json!({"kty": "EC", "alg": name, "crv": curve, "x": part(1)?, "y": part(2)?})),
        RSA => ("RSA", json!({"kty": "RSA", "alg": name, "n": part(0)?, "e": part(1)?})),
        other => return Unverified::because(format!("the key is of type {other}")),
    };
    if algorithm.takes(kind, curve) {
        return Ok(key);
    }
    Unverified::because(format!("the key does not fit {name}"))
}

fn members<'a>(decoder: &mut Decoder<'a>) -> Result<Members<'a>, minicbor::decode::Error> {
    use minicbor::data::Type;
    let mut members = Members::default();
    let count = decoder.map()?.ok_or(minicbor::decode::Error::message("a map without a length"))?;
    for _ in 0..count {
        let name = decoder.i64()?;
        let is_bytes = decoder.datatype()? == Type::Bytes;
        match (name, is_bytes) {
            (1, false) => members.key_type = decoder.i64()?,
            (3, false) => members.algorithm = decoder.i64()?,
            (-1, false) => members.curve = decoder.i64()?,
            (-3..=-1, true) => {
                let place = usize::try_from(-1 - name).unwrap_or_default();
                if let Some(slot) = members.bytes.get_mut(place) {
                    *slot = Some(decoder.bytes()?);
                }
            }
            _ => decoder.skip()?,
        }
    }
    Ok(members)
}
