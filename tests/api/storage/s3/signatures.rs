//! Who may: signatures in headers and URLs, access keys, users' session tokens.

use http::{Method, StatusCode};

use super::{ask, assert_error, assert_ok, element, elements, put, s3_app};

#[test]
fn the_projects_keys_have_the_service_roles_rights() {
    let app = s3_app();
    let answer = ask(&app, Method::GET, "/").send();
    assert_ok(&answer);
    assert_eq!(elements(&answer, "Name"), ["files"]);
    for region in ["auto", "us-east-1", "local"] {
        assert_ok(&super::Ask { region: region.into(), ..ask(&app, Method::GET, "/files") }.send());
    }
}

#[test]
fn wrong_signatures_are_refused() {
    let app = s3_app();
    put(&app, "a", "text");
    let get = || ask(&app, Method::GET, "/files/a");
    type Ask<'a> = super::Ask<'a>;
    assert_error(&Ask { secret: "another".into(), ..get() }.send(), 403, "SignatureDoesNotMatch");
    assert_error(&Ask { key: "another".into(), ..get() }.send(), 403, "InvalidAccessKeyId");
    assert_error(&Ask { region: "mars".into(), ..get() }.send(), 403, "AccessDenied");
    assert_error(&Ask { service: "ec2".into(), ..get() }.send(), 403, "AccessDenied");
    for skew in [-16 * 60, 16 * 60] {
        assert_error(&Ask { skew, ..get() }.send(), 403, "RequestTimeTooSkewed");
    }
    assert_ok(&Ask { skew: 14 * 60, ..get() }.send());
    let unsigned = app.nobody().get("/storage/v1/s3/files/a").send();
    assert_error(&unsigned, 403, "AccessDenied");
    assert_eq!(element(&unsigned, "Resource").as_deref(), Some("files/a"));
    let bearer = app.service_role().get("/storage/v1/s3/files/a").send();
    assert_error(&bearer, 403, "AccessDenied");
    for authorization in
        ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=x"]
    {
        let call = app.nobody().get("/storage/v1/s3/files/a").header("authorization", authorization);
        assert_error(&call.header("x-amz-date", "20260101T000000Z").send(), 400, "InvalidSignature");
    }
    // A signature is for its method, its path, its query and its headers.
    let (headers, _) = get().signed();
    let replay = |method: Method, target: &str| {
        let call = app.nobody().call(method, &format!("/storage/v1/s3{target}"));
        headers.iter().fold(call, |call, (name, value)| call.header(name, value))
    };
    assert_ok(&replay(Method::GET, "/files/a").send());
    assert_error(&replay(Method::DELETE, "/files/a").send(), 403, "SignatureDoesNotMatch");
    assert_error(&replay(Method::GET, "/files/b").send(), 403, "SignatureDoesNotMatch");
    assert_error(
        &replay(Method::GET, "/files/a?response-content-type=text/html").send(),
        403,
        "SignatureDoesNotMatch",
    );
    assert_error(
        &replay(Method::GET, "/files/a").header("x-amz-copy-source", "files/b").send(),
        403,
        "AccessDenied",
    );
    assert_error(&replay(Method::GET, "/files/a").host("localhost").send(), 403, "SignatureDoesNotMatch");
}

#[test]
fn a_deployment_without_keys_takes_none() {
    let app = crate::app::TestApp::new();
    let get = super::Ask { region: "auto".into(), ..ask(&app, Method::GET, "/") };
    assert_error(&get.send(), 403, "InvalidAccessKeyId");
}

#[test]
fn a_presigned_url_does_one_thing_for_a_while() {
    let app = s3_app();
    let upload = ask(&app, Method::PUT, "/files/a").body("text");
    let url = upload.presigned(60);
    assert_error(&upload.by_url(&url).header("x-amz-copy-source", "files/b").send(), 403, "AccessDenied");
    assert_ok(&upload.by_url(&url).send());
    let get = ask(&app, Method::GET, "/files/a?response-content-type=text/css");
    let url = get.presigned(60);
    let answer = get.by_url(&url).send();
    assert_eq!((answer.text().as_str(), answer.header("content-type")), ("text", Some("text/css")));
    assert_error(&ask(&app, Method::DELETE, "/files/a").by_url(&url).send(), 403, "SignatureDoesNotMatch");
    assert_error(&ask(&app, Method::GET, "/files/b").by_url(&url).send(), 403, "SignatureDoesNotMatch");
    let longer: Vec<_> = url
        .iter()
        .map(|(key, value)| (key.clone(), if key == "X-Amz-Expires" { "3600".into() } else { value.clone() }))
        .collect();
    assert_error(&get.by_url(&longer).send(), 403, "SignatureDoesNotMatch");
    for seconds in [604_801, -1] {
        assert_error(&get.by_url(&get.presigned(seconds)).send(), 400, "InvalidSignature");
    }
    app.clock.advance(61);
    assert_error(&get.by_url(&url).send(), 400, "ExpiredToken");
}

#[test]
fn names_of_all_characters_are_signed_as_they_are_sent() {
    let app = s3_app();
    let key = "a b!'()*+,=@;:&$.txt";
    for encoded in [super::encode(key, "/"), super::encode(key, "/!'()*")] {
        let put = ask(&app, Method::PUT, &format!("/files/dir/{encoded}")).body("text");
        assert_ok(&put.send());
    }
    let list = ask(&app, Method::GET, "/files?list-type=2&prefix=dir/").send();
    assert_eq!(elements(&list, "Key"), [format!("dir/{key}")]);
    let list = ask(&app, Method::GET, "/files?list-type=2&encoding-type=url").send();
    assert_eq!(elements(&list, "Key"), [format!("dir/{}", super::encode(key, ""))]);
}

#[test]
fn a_users_token_brings_their_policies() {
    let app = s3_app();
    put(&app, "ann/a", "text");
    put(&app, "bob/b", "text");
    assert_ok(&ask(&app, Method::PUT, "/hidden").send());
    app.migrate(
        "1",
        "
        CREATE POLICY own ON storage.objects FOR ALL TO authenticated
          USING (bucket_id = 'files' AND (storage.foldername(name))[1] = auth.jwt() ->> 'folder')
          WITH CHECK (bucket_id = 'files' AND (storage.foldername(name))[1] = auth.jwt() ->> 'folder');
        CREATE POLICY buckets ON storage.buckets FOR SELECT TO authenticated USING (id = 'files');
    ",
    );
    let id = "00000000-0000-4000-8000-00000000000a";
    let ann = app.token(&serde_json::json!({"role": "authenticated", "sub": id, "folder": "ann"}));
    let as_ann = |method: Method, target: &str| ask(&app, method, target).for_user(&ann);
    assert_eq!(as_ann(Method::GET, "/files/ann/a").send().text(), "text");
    assert_error(&as_ann(Method::GET, "/files/bob/b").send(), 404, "NoSuchKey");
    assert_eq!(elements(&as_ann(Method::GET, "/files").send(), "Key"), ["ann/a"]);
    assert_eq!(elements(&as_ann(Method::GET, "/").send(), "Name"), ["files"]);
    for question in ["location", "versioning"] {
        assert_ok(&as_ann(Method::GET, &format!("/files?{question}")).send());
        assert_error(&as_ann(Method::GET, &format!("/hidden?{question}")).send(), 404, "NoSuchBucket");
    }
    assert_error(&as_ann(Method::PUT, "/files/bob/c").body("x").send(), 403, "AccessDenied");
    assert_error(&as_ann(Method::PUT, "/files/bob/b").body("x").send(), 403, "AccessDenied");
    assert_error(&as_ann(Method::PUT, "/new").send(), 403, "AccessDenied");
    assert_error(&as_ann(Method::POST, "/files/bob/c?uploads").send(), 403, "AccessDenied");
    let copy = as_ann(Method::PUT, "/files/ann/c").header("x-amz-copy-source", "files/bob/b");
    assert_error(&copy.send(), 404, "NoSuchKey");
    assert_ok(&as_ann(Method::PUT, "/files/ann/c").body("new").send());
    let owner = app.database.value("SELECT owner_id FROM \"storage.objects\" WHERE name = 'ann/c'");
    assert_eq!(owner.as_deref(), Some(id));
    // What a policy protects is told from what is not there.
    let body = "<Delete><Object><Key>ann/c</Key></Object><Object><Key>bob/b</Key></Object><Object><Key>x</Key></Object></Delete>";
    let answer = as_ann(Method::POST, "/files?delete").body(body).send();
    assert_eq!(elements(&answer, "Key"), ["ann/c", "x", "bob/b"]);
    assert_eq!(elements(&answer, "Code"), ["AccessDenied"]);
    // The anon key alone is nobody's; a token of another is none.
    assert_error(&ask(&app, Method::GET, "/files/ann/a").for_user("nonsense").send(), 403, "AccessDenied");
    let forged =
        edgeward::jwt::sign(&serde_json::json!({"role": "service_role"}), b"another secret").unwrap();
    assert_error(&ask(&app, Method::GET, "/files/ann/a").for_user(&forged).send(), 403, "AccessDenied");
    let late = app.token(&serde_json::json!({"role": "authenticated", "exp": 1}));
    assert_error(&ask(&app, Method::GET, "/files/ann/a").for_user(&late).send(), 403, "AccessDenied");
    let anon = super::Ask {
        key: "project".into(),
        secret: "the-anon-key-of-the-project".into(),
        ..ask(&app, Method::GET, "/files/ann/a")
    };
    assert_error(&anon.send(), 403, "InvalidAccessKeyId");
}

#[test]
fn what_is_not_implemented_is_said() {
    let app = s3_app();
    put(&app, "a", "text");
    for (method, target) in [
        (Method::PUT, "/files/a?acl"),
        (Method::PUT, "/files/a?tagging"),
        (Method::GET, "/files/a?acl"),
        (Method::GET, "/files/a?attributes"),
        (Method::GET, "/files?policy"),
        (Method::PUT, "/files?lifecycle"),
        (Method::DELETE, "/files?cors"),
        (Method::GET, "/files/a?versionId=1"),
        (Method::POST, "/files/a?select"),
    ] {
        assert_error(&ask(&app, method.clone(), target).body("<x/>").send(), 501, "NotImplemented");
    }
    assert_eq!(ask(&app, Method::GET, "/files/a").send().text(), "text");
    assert_error(&ask(&app, Method::POST, "/files/a").send(), 501, "NotImplemented");
    assert_eq!(ask(&app, Method::PATCH, "/files/a").send().status, StatusCode::METHOD_NOT_ALLOWED);
}
