//! Payloads: hashed, unsigned, in chunks, with checksums; and those that lie.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgeward::crypto::{hex, hmac_sha256, md5, sha256};
use http::Method;

use super::super::{assert_no_orphans, read, sweep};
use super::{Ask, ask, assert_error, assert_ok, s3_app};
use crate::app::{Answer, TestApp};
use crate::double::Pieces;

fn crc32(bytes: &[u8]) -> String {
    let state = bytes.iter().fold(u32::MAX, |state, byte| {
        (0..8).fold(state ^ u32::from(*byte), |state, _| {
            if state & 1 == 1 { state >> 1 ^ 0xEDB8_8320 } else { state >> 1 }
        })
    });
    STANDARD.encode((!state).to_be_bytes())
}

/// The frame of chunks, signed or not, as the documentation has it.
fn frame(ask: &Ask<'_>, chunks: &[&[u8]], is_signed: bool, trailer: Option<(&str, &str)>) -> Vec<u8> {
    let (_, mut previous) = ask.signed();
    let empty = hex(&sha256(b""));
    let mut out = Vec::new();
    for chunk in chunks.iter().copied().chain([&b""[..]]) {
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{previous}\n{empty}\n{}",
            ask.date(),
            ask.scope(),
            hex(&sha256(chunk))
        );
        previous = hex(&hmac_sha256(&ask.signing_key(), text.as_bytes()));
        let signature = if is_signed { format!(";chunk-signature={previous}") } else { String::new() };
        out.extend(format!("{:x}{signature}\r\n", chunk.len()).bytes());
        if !chunk.is_empty() {
            out.extend(chunk.iter().chain(b"\r\n"));
        }
    }
    if let Some((name, value)) = trailer {
        out.extend(format!("{name}:{value}\r\n").bytes());
        if is_signed {
            let text = format!(
                "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{previous}\n{}",
                ask.date(),
                ask.scope(),
                hex(&sha256(format!("{name}:{value}\n").as_bytes()))
            );
            let signature = hex(&hmac_sha256(&ask.signing_key(), text.as_bytes()));
            out.extend(format!("x-amz-trailer-signature:{signature}\r\n").bytes());
        }
    }
    out.extend(b"\r\n");
    out
}

const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const CRC: &str = "x-amz-checksum-crc32";

fn chunked<'a>(app: &'a TestApp, mode: &str, length: usize) -> Ask<'a> {
    let ask = ask(app, Method::PUT, "/files/a")
        .payload(mode)
        .header("content-encoding", "aws-chunked")
        .header("x-amz-decoded-content-length", &length.to_string());
    if mode.ends_with("TRAILER") { ask.header("x-amz-trailer", CRC) } else { ask }
}

/// Sends a body in small pieces, its length not told.
fn send(ask: &Ask<'_>, body: &[u8]) -> Answer {
    ask.to_call().stream(Pieces::of(body, 7)).send()
}

#[test]
fn chunks_are_taken_out_of_their_frame() {
    let app = s3_app();
    let chunks: [&[u8]; 3] = [&[b'a'; 70_000], b"bb", b"c"];
    let whole = chunks.concat();
    for (mode, is_signed) in [(SIGNED, true), (SIGNED_TRAILER, true), (UNSIGNED_TRAILER, false)] {
        let ask = chunked(&app, mode, whole.len());
        let crc = crc32(&whole);
        let trailer = mode.ends_with("TRAILER").then_some((CRC, crc.as_str()));
        let body = frame(&ask, &chunks, is_signed, trailer);
        let answer = send(&ask, &body);
        assert_ok(&answer);
        assert_eq!(answer.header("etag"), Some(format!("\"{}\"", hex(&md5(&whole))).as_str()));
        assert_eq!(read(&app, "files/a").map(String::into_bytes), Some(whole.clone()));
        let empty = chunked(&app, mode, 0);
        let crc = crc32(b"");
        let trailer = mode.ends_with("TRAILER").then_some((CRC, crc.as_str()));
        assert_ok(&send(&empty, &frame(&empty, &[], is_signed, trailer)));
        assert_eq!(read(&app, "files/a").as_deref(), Some(""));
    }
}

#[test]
fn a_frame_that_is_wrong_stores_nothing() {
    let app = s3_app();
    let length = 10;
    let good: [&[u8]; 2] = [b"hello", b"world"];
    let signed = || chunked(&app, SIGNED, length);
    let body = frame(&signed(), &good, true, None);
    let text = String::from_utf8(body.clone()).unwrap();
    let cut = |at: &str| text.split_once(at).unwrap().0.as_bytes().to_vec();
    let rows: Vec<(Vec<u8>, u16, &str)> = vec![
        (text.replace("world", "w0rld").into_bytes(), 403, "SignatureDoesNotMatch"),
        (
            text.replacen("chunk-signature=", "chunk-signature=0", 1).into_bytes(),
            403,
            "SignatureDoesNotMatch",
        ),
        (text.replacen(";chunk-signature=", ";other=", 1).into_bytes(), 400, "InvalidRequest"),
        (text.replacen("5;", "x;", 1).into_bytes(), 400, "InvalidRequest"),
        (text.replacen("5;", "4;", 1).into_bytes(), 400, "InvalidRequest"),
        (cut("world"), 400, "IncompleteBody"),
        (cut("\r\n0;"), 400, "IncompleteBody"),
        (b"hello".to_vec(), 400, "IncompleteBody"),
        (vec![b'5'; 20_000], 400, "InvalidRequest"),
        (frame(&signed(), &[b"hello"], true, None), 400, "IncompleteBody"),
        (frame(&signed(), &[b"hello", b"world", b"!"], true, None), 400, "IncompleteBody"),
    ];
    for (body, status, code) in rows {
        assert_error(&send(&signed(), &body), status, code);
    }
    let trailed = |mode: &str, trailer: Option<(&str, &str)>| {
        let ask = chunked(&app, mode, length);
        let body = frame(&ask, &good, mode == SIGNED_TRAILER, trailer);
        send(&ask, &body)
    };
    let (right, wrong) = (crc32(b"helloworld"), crc32(b"something"));
    for mode in [SIGNED_TRAILER, UNSIGNED_TRAILER] {
        assert_error(&trailed(mode, Some((CRC, &wrong))), 400, "BadDigest");
        assert_error(&trailed(mode, Some((CRC, "x"))), 400, "InvalidDigest");
    }
    assert_error(&trailed(UNSIGNED_TRAILER, None), 400, "InvalidRequest");
    assert_error(&trailed(SIGNED_TRAILER, None), 403, "SignatureDoesNotMatch");
    let ask = chunked(&app, SIGNED_TRAILER, length);
    let forged = String::from_utf8(frame(&ask, &good, true, Some((CRC, &right)))).unwrap();
    let forged = forged.replace("x-amz-trailer-signature:", "x-amz-trailer-signature:0");
    assert_error(&send(&ask, forged.as_bytes()), 403, "SignatureDoesNotMatch");
    let unsized_body = super::ask(&app, Method::PUT, "/files/a").payload(SIGNED);
    assert_error(&send(&unsized_body, &body), 411, "MissingContentLength");
    let unknown = chunked(&app, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", length);
    assert_error(&send(&unknown, &body), 501, "NotImplemented");

    assert_eq!(read(&app, "files/a"), None);
    sweep(&app);
    assert_no_orphans(&app);
    assert!(app.blobs.keys().is_empty());
}

#[test]
fn hashes_and_lengths_are_compared() {
    let app = s3_app();
    let put = || ask(&app, Method::PUT, "/files/a").body("hello");
    let other = hex(&sha256(b"other"));
    assert_error(&put().payload(&other).send(), 400, "XAmzContentSHA256Mismatch");
    assert_error(&put().payload("nonsense").send(), 400, "InvalidParameter");
    let digest = |bytes: &[u8]| STANDARD.encode(md5(bytes));
    assert_error(&put().header("content-md5", &digest(b"other")).send(), 400, "BadDigest");
    assert_error(&put().header("content-md5", "x").send(), 400, "InvalidDigest");
    assert_error(&put().payload("UNSIGNED-PAYLOAD").header(CRC, &crc32(b"other")).send(), 400, "BadDigest");
    let long = put().payload("UNSIGNED-PAYLOAD");
    let lying =
        |length: u64| long.to_call().stream(Pieces::of(b"hello", 2).with_length(length).then_break()).send();
    assert_error(&lying(9), 400, "IncompleteBody");
    assert_error(&long.to_call().stream(Pieces::of(b"hello", 2)).send(), 411, "MissingContentLength");
    assert_error(
        &long.to_call().stream(Pieces::of(b"hello", 2).with_length(1 << 40)).send(),
        413,
        "EntityTooLarge",
    );
    sweep(&app);
    assert!(app.blobs.keys().is_empty());
    assert_no_orphans(&app);

    assert_ok(&put().header("content-md5", &digest(b"hello")).send());
    assert_ok(&put().payload("UNSIGNED-PAYLOAD").header("content-md5", &digest(b"hello")).send());
    assert_ok(&put().payload("UNSIGNED-PAYLOAD").header(CRC, &crc32(b"hello")).send());
    assert_ok(
        &put()
            .payload("UNSIGNED-PAYLOAD")
            .header("x-amz-checksum-sha256", &STANDARD.encode(sha256(b"hello")))
            .send(),
    );
    assert_eq!(read(&app, "files/a").as_deref(), Some("hello"));
}
