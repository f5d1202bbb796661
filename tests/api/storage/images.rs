//! Rendering images: what is made of what, for whom, and what is refused before a pixel is decoded.

use edgeward::ports::{Fit, Focus, PictureSize};
use http::StatusCode;
use serde_json::json;

use super::{assert_refused, make_bucket};
use crate::app::{Answer, Call, TestApp};

/// A PNG's first bytes, which is as far as they are looked at.
fn png(width: u32, height: u32) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x06"]
        .concat()
}

fn app_with_images() -> TestApp {
    app_with_vars(&[])
}

fn app_with_vars(vars: &[(&str, &str)]) -> TestApp {
    let app = TestApp::with_vars(vars);
    make_bucket(&app, &json!({"name": "open", "public": true}));
    make_bucket(&app, &json!({"name": "closed"}));
    for bucket in ["open", "closed"] {
        put(&app, &format!("{bucket}/cat.png"), png(400, 300));
    }
    app
}

fn put(app: &TestApp, path: &str, bytes: Vec<u8>) {
    // The declared type is not believed.
    let call = app.service_role().put(&format!("/storage/v1/object/{path}")).body(bytes);
    let answer = call.header("content-type", "text/plain").header("cache-control", "max-age=60").send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    app.run_late_work();
}

fn public<'a>(app: &'a TestApp, target: &str) -> Call<'a> {
    app.nobody().get(&format!("/storage/v1/render/image/public/{target}"))
}

fn signed_url(app: &TestApp, transform: &serde_json::Value) -> Answer {
    app.service_role()
        .post("/storage/v1/object/sign/closed/cat.png")
        .json(&json!({"expiresIn": 60, "transform": transform}))
        .send()
}

#[test]
fn an_image_comes_in_the_size_that_is_asked_for() {
    let app = app_with_images();
    let answer = public(&app, "open/cat.png?width=200&height=200&quality=60").send();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.text(), "Some((200, 200)) image/png of 26 bytes");
    assert_eq!(answer.header("content-type"), Some("image/png"));
    assert_eq!(
        answer.header("x-transformations"),
        Some("height:200,width:200,resizing_type:fill,quality:60")
    );
    assert_eq!(answer.header("cache-control"), Some("max-age=60"));
    assert_eq!(answer.header("vary"), Some("accept"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let fit = Fit::Crop(Focus::Point(0.5, 0.5));
    let made = app.images.made.borrow()[0].clone();
    assert_eq!(made.size, Some(PictureSize { width: 200, height: 200, fit }));
    assert_eq!(made.quality, 60);
}

#[test]
fn readers_of_webp_get_it_unless_they_want_the_original_format() {
    let app = app_with_images();
    #[rustfmt::skip]
    let rows = [
        ("width=10",               "image/avif,image/webp,*/*", "image/webp"),
        ("width=10",               "image/avif,*/*",            "image/png"),
        ("width=10&format=origin", "image/webp",                "image/png"),
        ("width=10&format=webp",   "*/*",                       "image/webp"),
        ("width=10&format=avif",   "*/*",                       "image/avif"),
    ];
    for (query, accept, mime_type) in rows {
        let answer = public(&app, &format!("open/cat.png?{query}")).header("accept", accept).send();
        assert_eq!(answer.header("content-type"), Some(mime_type), "{query} {accept}");
        assert_eq!(answer.header("vary").is_some(), !query.contains("format"), "{query}");
    }
}

#[test]
fn policies_decide_about_images_too() {
    let app = app_with_images();
    let target = "/storage/v1/render/image/authenticated/closed/cat.png?width=10";
    assert_refused(&app.user("ann").get(target).send(), "NoSuchKey", "404");
    assert_refused(&public(&app, "closed/cat.png?width=10").send(), "NoSuchBucket", "404");
    assert!(app.images.made.borrow().is_empty());
    let answer = app.service_role().get(target).send();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("cache-control"), Some("private, max-age=60"));
}

#[test]
fn a_signed_url_gives_the_image_it_is_for_and_nothing_else() {
    let app = app_with_images();
    let url = signed_url(&app, &json!({"width": 20, "height": 30, "resize": "contain", "quality": 80}));
    let url = url.json()["signedURL"].as_str().unwrap().to_string();
    assert!(url.starts_with("/render/image/sign/closed/cat.png?token="), "{url}");
    let answer = app.nobody().get(&format!("/storage/v1{url}&width=400")).send();
    assert_eq!(answer.text(), "Some((20, 15)) image/png of 26 bytes");
    assert_eq!(answer.header("x-transformations"), Some("height:30,width:20,resizing_type:fit,quality:80"));
    assert_eq!(answer.header("cache-control"), Some("private"));
    assert!(answer.header("expires").is_some());
    // The whole object, another object, and the image after its time.
    let whole = url.replace("/render/image/sign", "/object/sign");
    assert_refused(&app.nobody().get(&format!("/storage/v1{whole}")).send(), "InvalidSignature", "400");
    let other = url.replace("closed", "open");
    assert_refused(&app.nobody().get(&format!("/storage/v1{other}")).send(), "InvalidSignature", "400");
    app.clock.advance(61);
    assert_refused(&app.nobody().get(&format!("/storage/v1{url}")).send(), "InvalidJWT", "400");
    let plain = signed_url(&app, &json!({}));
    assert!(plain.json()["signedURL"].as_str().unwrap().starts_with("/object/sign/"));
    assert_refused(&signed_url(&app, &json!({"quality": 5})), "InvalidRequest", "400");
    assert_refused(&signed_url(&app, &json!({"width": [1]})), "InvalidRequest", "400");
}

#[test]
fn bombs_and_what_is_no_image_are_refused_undecoded() {
    let app = app_with_vars(&[("IMAGE_SOURCE_MAX_BYTES", "1000"), ("IMAGE_SOURCE_MAX_PIXELS", "1000000")]);
    #[rustfmt::skip]
    let rows = [
        ("bomb.png",  png(60_000, 60_000),                       "The source image resolution is too large to process"),
        ("wide.png",  png(u32::MAX, u32::MAX),                   "The source image resolution is too large to process"),
        ("large.png", [png(10, 10), vec![0; 1000]].concat(),     "The source image file is too large to process"),
        ("zero.png",  png(0, 10),                                "The source image is invalid or unsupported for rendering"),
        ("short.png", png(10, 10)[..18].to_vec(),                "The source image is invalid or unsupported for rendering"),
        ("text.png",  b"not an image".to_vec(),                  "The source image is invalid or unsupported for rendering"),
        ("empty.png", Vec::new(),                                "The source image is invalid or unsupported for rendering"),
    ];
    for (name, bytes, message) in rows {
        put(&app, &format!("open/{name}"), bytes);
        let answer = public(&app, &format!("open/{name}?width=10")).send();
        assert_refused(&answer, "InvalidRequest", "400");
        assert_eq!(answer.json()["message"], message, "{name}");
    }
    assert!(app.images.made.borrow().is_empty());
    assert!(app.edge_cache.keys().is_empty());
}

#[test]
fn a_size_behind_a_large_profile_is_found() {
    let app = app_with_images();
    let profile = |length: usize| {
        let segment = [&[0xff, 0xe2, 0xff, 0xff], vec![0; 0xffff - 2].as_slice()].concat();
        let frame = [0xff, 0xc0, 0, 17, 8, 0, 30, 0, 40, 3];
        [&[0xff, 0xd8], segment.repeat(length).as_slice(), &frame].concat()
    };
    put(&app, "open/deep.jpg", profile(8));
    assert_eq!(public(&app, "open/deep.jpg?width=20").send().status, StatusCode::OK);
    put(&app, "open/deeper.jpg", profile(17));
    assert_refused(&public(&app, "open/deeper.jpg?width=20").send(), "InvalidRequest", "400");
}

#[test]
fn a_drawing_is_handed_on_as_it_is() {
    let app = app_with_images();
    put(&app, "open/logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec());
    let answer = public(&app, "open/logo.svg?width=10").send();
    assert_eq!(answer.text(), "<svg xmlns='http://www.w3.org/2000/svg'/>");
    assert_eq!(answer.header("content-type"), Some("image/svg+xml"));
    assert_eq!(answer.header("content-security-policy"), Some("sandbox"));
}

#[test]
fn a_reader_who_has_the_image_gets_it_again_only_when_it_changed() {
    let app = app_with_images();
    let target = "open/cat.png?width=10";
    let etag = public(&app, target).send().header("etag").unwrap().to_string();
    assert!(etag.starts_with("W/\""), "{etag}");
    let again = public(&app, target).header("if-none-match", &etag).send();
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.header("etag"), Some(etag.as_str()));
    let other = public(&app, "open/cat.png?width=11").header("if-none-match", &etag).send();
    assert_eq!(other.status, StatusCode::OK);
    put(&app, "open/cat.png", png(500, 300));
    let newer = public(&app, target).header("if-none-match", &etag).send();
    assert_eq!(newer.text(), "Some((10, 6)) image/png of 26 bytes");
}

#[test]
fn a_small_source_is_read_once() {
    let app = app_with_images();
    let reads = |target: &str| {
        let before = app.blobs.fault.calls();
        assert_eq!(public(&app, target).send().status, StatusCode::OK, "{target}");
        app.blobs.fault.calls() - before
    };
    assert_eq!(reads("open/cat.png?width=11"), 1);
    put(&app, "open/large.png", [png(500, 300), vec![0; 64 * 1024]].concat());
    assert_eq!(reads("open/large.png?width=11"), 2, "its first bytes, and then all");
}

#[test]
fn failures_of_the_renderer_have_their_codes() {
    let app = app_with_images();
    app.images.broken_source.fail_at(1);
    assert_refused(&public(&app, "open/cat.png?width=10").send(), "InvalidRequest", "400");
    app.images.fault.fail_at(1);
    assert_eq!(public(&app, "open/cat.png?width=10").send().status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(app.edge_cache.keys().is_empty());
    assert_eq!(public(&app, "open/cat.png?width=10").send().status, StatusCode::OK);
    let off = app_with_vars(&[("IMAGE_TRANSFORMATION", "false")]);
    let refused = public(&off, "open/cat.png?width=10").send();
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(
        refused.json(),
        json!({"statusCode": "403", "error": "FeatureNotEnabled", "code": "FeatureNotEnabled", "message": "feature not enabled for this tenant"})
    );
    let plain = signed_url(&off, &json!({"width": 5}));
    assert!(plain.json()["signedURL"].as_str().unwrap().starts_with("/object/sign/"));
}

#[test]
fn without_cloudflare_images_the_refusal_says_what_to_bind() {
    let app = app_with_images().without_optional_bindings();
    let answer = public(&app, "open/cat.png?width=10").send();
    let body = answer.json();
    assert_eq!((answer.status, &body["statusCode"]), (StatusCode::FORBIDDEN, &json!("403")));
    assert_eq!((&body["code"], &body["error"]), (&json!("FeatureNotEnabled"), &json!("FeatureNotEnabled")));
    assert!(body["message"].as_str().unwrap().contains("IMAGES"));
}
