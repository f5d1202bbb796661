//! Buckets and objects as S3 has them.

use edgeward::crypto::{hex, md5};
use http::{Method, StatusCode};
use serde_json::json;

use super::super::{assert_no_orphans, sweep};
use super::{Ask, ask, assert_error, assert_ok, element, elements, put, s3_app};

#[test]
fn buckets_are_made_found_and_deleted() {
    let app = s3_app();
    let made = ask(&app, Method::PUT, "/photos").header("x-amz-acl", "public-read").send();
    assert_eq!((made.status, made.header("location")), (StatusCode::OK, Some("/photos")));
    assert_eq!(
        app.database.value("SELECT public FROM \"storage.buckets\" WHERE id = 'photos'").unwrap(),
        "1"
    );
    let body = "<CreateBucketConfiguration><LocationConstraint>local</LocationConstraint></CreateBucketConfiguration>";
    assert_ok(&ask(&app, Method::PUT, "/plain/").body(body).send());
    assert_error(&ask(&app, Method::PUT, "/photos").send(), 409, "BucketAlreadyExists");
    assert_error(&ask(&app, Method::PUT, "/a%2Fb").send(), 400, "InvalidBucketName");
    let head = ask(&app, Method::HEAD, "/photos").send();
    assert_eq!((head.status, head.header("x-amz-bucket-region")), (StatusCode::OK, Some("local")));
    assert_eq!(ask(&app, Method::HEAD, "/nowhere").send().status, StatusCode::NOT_FOUND);
    assert!(ask(&app, Method::GET, "/photos?location").send().text().contains(">local</LocationConstraint>"));
    let versioning = ask(&app, Method::GET, "/photos?versioning").send();
    assert_eq!(element(&versioning, "Status").as_deref(), Some("Suspended"));
    put(&app, "a", "text");
    assert_error(&ask(&app, Method::DELETE, "/files").send(), 409, "ResourceNotEmpty");
    assert_eq!(ask(&app, Method::DELETE, "/photos").send().status, StatusCode::NO_CONTENT);
    assert_error(&ask(&app, Method::DELETE, "/photos").send(), 404, "NoSuchBucket");
    for target in ["/nowhere", "/nowhere?list-type=2", "/nowhere?location", "/nowhere/a", "/nowhere?uploads"]
    {
        assert_error(&ask(&app, Method::GET, target).send(), 404, "NoSuchBucket");
    }
}

#[test]
fn an_object_is_stored_with_its_md5() {
    let app = s3_app();
    let stored = ask(&app, Method::PUT, "/files/a.txt")
        .header("content-type", "text/plain")
        .header("cache-control", "max-age=60")
        .header("x-amz-meta-colour", "blue")
        .body("hello")
        .send();
    let etag = format!("\"{}\"", hex(&md5(b"hello")));
    assert_eq!(stored.header("etag"), Some(etag.as_str()));
    for method in [Method::GET, Method::HEAD] {
        let answer = ask(&app, method.clone(), "/files/a.txt").send();
        assert_eq!(answer.text(), if method == Method::GET { "hello" } else { "" });
        let found = ["etag", "content-type", "cache-control", "x-amz-meta-colour", "accept-ranges"];
        let kept = if method == Method::GET { "private, max-age=60" } else { "max-age=60" };
        let expected = [etag.as_str(), "text/plain", kept, "blue", "bytes"];
        assert_eq!(found.map(|name| answer.header(name).unwrap()), expected);
        assert!(answer.header("last-modified").unwrap().ends_with("GMT"));
    }
    assert_eq!(ask(&app, Method::HEAD, "/files/a.txt").send().header("content-length"), Some("5"));
    let info = app.service_role().get("/storage/v1/object/info/files/a.txt").send().json();
    assert_eq!(info["metadata"]["colour"], "blue");
    assert_error(&ask(&app, Method::GET, "/files/b").send(), 404, "NoSuchKey");
    assert_eq!(ask(&app, Method::HEAD, "/files/b").send().status, StatusCode::NOT_FOUND);
    let tags = ask(&app, Method::GET, "/files/a.txt?tagging").send();
    assert!(tags.text().contains("<TagSet></TagSet>"));
}

#[test]
fn encoding_disposition_and_language_are_kept_and_given_back() {
    let app = s3_app();
    let said = [
        ("content-encoding", "gzip"),
        ("content-disposition", "attachment; filename=\"a.txt\""),
        ("content-language", "de"),
    ];
    let with =
        |ask: Ask<'_>| said.iter().fold(ask, |ask, (name, value)| ask.header(name, value)).send().status;
    assert_eq!(with(ask(&app, Method::PUT, "/files/a").body("zipped")), StatusCode::OK);
    let begun = said
        .iter()
        .fold(ask(&app, Method::POST, "/files/parts?uploads"), |ask, (name, value)| ask.header(name, value));
    let id = element(&begun.send(), "UploadId").unwrap();
    assert_ok(
        &ask(&app, Method::PUT, &format!("/files/parts?partNumber=1&uploadId={id}")).body("zipped").send(),
    );
    assert_ok(&ask(&app, Method::POST, &format!("/files/parts?uploadId={id}")).send());
    assert_ok(&ask(&app, Method::PUT, "/files/copy").header("x-amz-copy-source", "files/a").send());
    for name in ["a", "parts", "copy"] {
        let answers = [
            ask(&app, Method::GET, &format!("/files/{name}")).send(),
            ask(&app, Method::HEAD, &format!("/files/{name}")).send(),
            app.service_role().get(&format!("/storage/v1/object/files/{name}")).send(),
        ];
        for answer in answers {
            assert_eq!(
                said.map(|(header, _)| answer.header(header)),
                said.map(|(_, value)| Some(value)),
                "{name}"
            );
        }
    }
    let named = app.service_role().get("/storage/v1/object/files/a?download=b.txt").send();
    assert!(named.header("content-disposition").unwrap().contains("filename=b.txt"));
    let other = ask(&app, Method::PUT, "/files/copy")
        .header("x-amz-copy-source", "files/a")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("content-disposition", "inline");
    assert_ok(&other.send());
    let copied = ask(&app, Method::HEAD, "/files/copy").send();
    assert_eq!(copied.header("content-disposition"), Some("inline"));
    assert_eq!(copied.header("content-encoding"), Some("gzip"), "the bytes are the same");
    assert_eq!(copied.header("content-language"), None);
    // What frames a payload is no encoding of the object's.
    for (sent, kept) in [("aws-chunked", None), ("gzip, aws-chunked", Some("gzip"))] {
        assert_ok(&ask(&app, Method::PUT, "/files/framed").header("content-encoding", sent).body("x").send());
        assert_eq!(ask(&app, Method::HEAD, "/files/framed").send().header("content-encoding"), kept);
    }
}

#[test]
fn ranges_and_conditions() {
    let app = s3_app();
    put(&app, "a", "0123456789");
    let etag = format!("\"{}\"", hex(&md5(b"0123456789")));
    let get = |name: &str, value: &str| ask(&app, Method::GET, "/files/a").header(name, value).send();
    let part = get("range", "bytes=2-4");
    assert_eq!((part.status.as_u16(), part.text().as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(get("range", "bytes=-3").text(), "789");
    assert_error(&get("range", "bytes=10-"), 416, "InvalidRange");
    assert_eq!(get("if-none-match", &etag).status, StatusCode::NOT_MODIFIED);
    assert_eq!(get("if-none-match", "\"x\"").status, StatusCode::OK);
    assert_eq!(get("if-match", &etag).status, StatusCode::OK);
    assert_error(&get("if-match", "\"x\""), 412, "PreconditionFailed");
    assert_error(&get("if-unmodified-since", "Fri, 02 Jan 1970 03:04:05 GMT"), 412, "PreconditionFailed");
    assert_eq!(get("if-modified-since", "Fri, 02 Jan 2099 03:04:05 GMT").status, StatusCode::NOT_MODIFIED);
    // Every object is its own first part, and has no other.
    for method in [Method::GET, Method::HEAD] {
        let part = |number: &str| ask(&app, method.clone(), &format!("/files/a?partNumber={number}")).send();
        let first = part("1");
        assert_eq!((first.status, first.header("etag")), (StatusCode::OK, Some(etag.as_str())));
        for (number, status) in [("2", 416), ("0", 400), ("10001", 400), ("x", 400)] {
            assert_eq!(part(number).status.as_u16(), status, "{method} {number}");
        }
    }
    let new_only = |key: &str| {
        ask(&app, Method::PUT, &format!("/files/{key}")).header("if-none-match", "*").body("x").send()
    };
    assert_error(&new_only("a"), 412, "PreconditionFailed");
    assert_ok(&new_only("b"));
    let overridden = ask(&app, Method::GET, "/files/a?response-cache-control=no-store&response-content-disposition=attachment&response-content-type=text/html").send();
    let found = ["cache-control", "content-disposition", "content-type", "content-security-policy"];
    assert_eq!(
        found.map(|name| overridden.header(name).unwrap()),
        ["private, no-store", "attachment", "text/html", "sandbox"]
    );
}

#[test]
fn lists_come_in_pages_and_folders() {
    let app = s3_app();
    for key in ["a", "a/1", "a/2", "b/x/1", "b/y", "c&d", "z"] {
        put(&app, &super::encode(key, "/"), key);
    }
    let all = ask(&app, Method::GET, "/files?list-type=2").send();
    assert_eq!(elements(&all, "Key"), ["a", "a/1", "a/2", "b/x/1", "b/y", "c&d", "z"]);
    assert_eq!(element(&all, "KeyCount").as_deref(), Some("7"));
    assert_eq!(elements(&all, "Size")[0], "1");
    assert_eq!(elements(&all, "ETag")[0], format!("\"{}\"", hex(&md5(b"a"))));
    assert_eq!(element(&all, "IsTruncated").as_deref(), Some("false"));
    // Prefixes and names, one to a page.
    for (version, token) in [("list-type=2&", "NextContinuationToken"), ("", "NextMarker")] {
        let mut seen = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let name = if version.is_empty() { "marker" } else { "continuation-token" };
            let mut page = ask(&app, Method::GET, &format!("/files?{version}max-keys=1&delimiter=/"));
            page.query.extend(after.clone().map(|value| (name.to_string(), value)));
            let page = page.send();
            assert_ok(&page);
            seen.extend(elements(&page, "Key"));
            // The page's own prefix is empty; those of folders follow.
            seen.extend(elements(&page, "Prefix").into_iter().filter(|prefix| !prefix.is_empty()));
            after = element(&page, token);
            assert_eq!(after.is_some(), element(&page, "IsTruncated").as_deref() == Some("true"));
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a", "a/", "b/", "c&d", "z"]);
    }
    let folder = ask(&app, Method::GET, "/files?list-type=2&prefix=b/&delimiter=/").send();
    assert_eq!(
        (elements(&folder, "Key"), elements(&folder, "Prefix")),
        (vec!["b/y".into()], vec!["b/".into(), "b/x/".into()])
    );
    let after = ask(&app, Method::GET, "/files?list-type=2&start-after=a/1").send();
    assert_eq!(elements(&after, "Key")[0], "a/2");
    let long = ask(&app, Method::GET, "/files?list-type=2&delimiter=/x/").send();
    assert_eq!(elements(&long, "Prefix"), ["", "b/x/"]);
    let none = ask(&app, Method::GET, "/files?list-type=2&max-keys=0").send();
    assert_eq!((elements(&none, "Key").len(), element(&none, "IsTruncated").as_deref()), (0, Some("false")));
    for target in ["max-keys=x", "list-type=3", "encoding-type=base64", "list-type=2&continuation-token=x"] {
        assert_error(&ask(&app, Method::GET, &format!("/files?{target}")).send(), 400, "InvalidParameter");
    }
}

#[test]
fn a_page_may_end_with_an_object_called_as_its_prefix() {
    let app = s3_app();
    for key in ["a/", "a/1", "a/b/2", "a/b/3"] {
        put(&app, key, "text");
    }
    let mut seen = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut page = ask(&app, Method::GET, "/files?list-type=2&max-keys=1&delimiter=/&prefix=a/");
        page.query.extend(token.map(|token| ("continuation-token".to_string(), token)));
        let page = page.send();
        seen.extend(elements(&page, "Key"));
        seen.extend(elements(&page, "Prefix").into_iter().filter(|prefix| prefix != "a/"));
        token = element(&page, "NextContinuationToken");
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a/", "a/1", "a/b/"]);

    let mut seen = Vec::new();
    let mut body = json!({"prefix": "a/", "limit": 1, "with_delimiter": true});
    loop {
        let page = app.service_role().post("/storage/v1/object/list-v2/files").json(&body).send().json();
        for kind in ["objects", "folders"] {
            let entries = page[kind].as_array().unwrap();
            seen.extend(entries.iter().map(|entry| entry["name"].as_str().unwrap().to_string()));
        }
        if page["hasNext"] == json!(false) {
            break;
        }
        body["cursor"] = page["nextCursor"].clone();
    }
    assert_eq!(seen, ["a/", "a/1", "a/b/"]);
}

#[test]
fn an_object_is_its_only_version() {
    let app = s3_app();
    for key in ["a", "b", "dir/c"] {
        put(&app, key, key);
    }
    let first = ask(&app, Method::GET, "/files?versions&max-keys=2").send();
    assert_eq!(
        (elements(&first, "Key"), elements(&first, "VersionId")),
        (vec!["a".into(), "b".into()], vec!["null".into(); 2])
    );
    assert_eq!(element(&first, "NextKeyMarker").as_deref(), Some("b"));
    let rest =
        ask(&app, Method::GET, "/files?versions&key-marker=b&version-id-marker=null&delimiter=/").send();
    assert_eq!(
        (elements(&rest, "Key"), element(&rest, "IsTruncated").as_deref()),
        (Vec::new(), Some("false"))
    );
    assert!(rest.text().contains("<CommonPrefixes><Prefix>dir/</Prefix></CommonPrefixes>"));
    assert_eq!(ask(&app, Method::GET, "/files/a?versionId=null").send().text(), "a");
    assert_error(&ask(&app, Method::GET, "/files/a?versionId=1").send(), 501, "NotImplemented");
    let copy = |version: &str| {
        let source = format!("files/b?versionId={version}");
        ask(&app, Method::PUT, "/files/copy").header("x-amz-copy-source", &source).send()
    };
    assert_ok(&copy("null"));
    assert_eq!(ask(&app, Method::GET, "/files/copy").send().text(), "b");
    assert_error(&copy("1"), 501, "NotImplemented");
    let delete = |what: &str| {
        let body = format!("<Delete><Object><Key>copy</Key>{what}</Object></Delete>");
        ask(&app, Method::POST, "/files?delete").body(body).send()
    };
    for what in ["<VersionId>1</VersionId>", "<ETag>\"x\"</ETag>"] {
        assert_error(&delete(what), 501, "NotImplemented");
    }
    assert_eq!(ask(&app, Method::GET, "/files/copy").send().text(), "b");
    assert_ok(&delete("<VersionId>null</VersionId>"));
    assert_error(&ask(&app, Method::GET, "/files/copy").send(), 404, "NoSuchKey");
    assert_ok(&ask(&app, Method::DELETE, "/files/a?versionId=null").send());
    assert_error(&ask(&app, Method::GET, "/files/a").send(), 404, "NoSuchKey");
}

#[test]
fn objects_are_removed_one_or_many() {
    let app = s3_app();
    for key in ["a", "b", "c"] {
        put(&app, key, key);
    }
    for _ in 0..2 {
        assert_eq!(ask(&app, Method::DELETE, "/files/a").send().status, StatusCode::NO_CONTENT);
    }
    let delete = |body: &str| ask(&app, Method::POST, "/files?delete").body(body).send();
    let answer = delete("<Delete><Object><Key>b</Key></Object><Object><Key>x</Key></Object></Delete>");
    assert_eq!(elements(&answer, "Key"), ["b", "x"]);
    let quiet = delete("<Delete><Quiet>true</Quiet><Object><Key>c</Key></Object></Delete>");
    assert_eq!(elements(&quiet, "Key").len(), 0);
    let many = "<Object><Key>x</Key></Object>".repeat(1001);
    for body in ["", "text", "<Other/>", "<Delete><Object/></Delete>", &format!("<Delete>{many}</Delete>")] {
        assert_error(&delete(body), 400, "MalformedXML");
    }
    assert_eq!(elements(&ask(&app, Method::GET, "/files").send(), "Key").len(), 0);
    assert_error(&ask(&app, Method::DELETE, "/nowhere/a").send(), 404, "NoSuchBucket");
    put(&app, "kept", "text");
    let conditional = ask(&app, Method::DELETE, "/files/kept").header("if-match", "\"x\"");
    assert_error(&conditional.send(), 501, "NotImplemented");
    assert_ok(&ask(&app, Method::HEAD, "/files/kept").send());
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn copies_keep_or_replace_what_is_said_of_them() {
    let app = s3_app();
    let stored = ask(&app, Method::PUT, "/files/a")
        .header("content-type", "text/css")
        .header("cache-control", "max-age=9")
        .header("content-language", "de")
        .header("x-amz-meta-a", "1")
        .body("text")
        .send();
    let etag = stored.header("etag").unwrap().to_string();
    let copy = |key: &str, source: &str| {
        ask(&app, Method::PUT, &format!("/files/{key}")).header("x-amz-copy-source", source)
    };
    let copied = copy("b", "/files/a").send();
    assert_eq!(element(&copied, "ETag"), Some(etag.clone()));
    let head = ask(&app, Method::HEAD, "/files/b").send();
    assert_eq!((head.header("content-type"), head.header("x-amz-meta-a")), (Some("text/css"), Some("1")));
    let replaced = copy("a", "files/a")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("content-type", "text/plain")
        .header("x-amz-meta-b", "2");
    assert_ok(&replaced.send());
    let head = ask(&app, Method::HEAD, "/files/a").send();
    let found = ["content-type", "x-amz-meta-b"].map(|name| head.header(name));
    assert_eq!((found, head.header("x-amz-meta-a")), ([Some("text/plain"), Some("2")], None));
    let bare = copy("bare", "files/a").header("x-amz-metadata-directive", "REPLACE");
    assert_ok(&bare.send());
    let head = ask(&app, Method::HEAD, "/files/bare").send();
    let found =
        ["content-type", "cache-control", "x-amz-meta-b", "content-language"].map(|name| head.header(name));
    assert_eq!(
        found,
        [Some("application/octet-stream"), Some("no-cache"), None, None],
        "nothing is inherited"
    );
    assert_ok(&copy("c", "files/a").header("x-amz-copy-source-if-match", &etag).send());
    assert_error(
        &copy("d", "files/a").header("x-amz-copy-source-if-match", "\"x\"").send(),
        412,
        "PreconditionFailed",
    );
    assert_error(
        &copy("d", "files/a").header("x-amz-copy-source-if-none-match", &etag).send(),
        412,
        "PreconditionFailed",
    );
    assert_error(&copy("c", "files/a").header("if-none-match", "*").send(), 412, "PreconditionFailed");
    assert_error(&copy("c", "files/a").header("if-match", &etag).send(), 501, "NotImplemented");
    assert_ok(&copy("new", "files/a").header("if-none-match", "*").send());
    assert_error(&copy("d", "files/nothing").send(), 404, "NoSuchKey");
    assert_error(&copy("d", "files").send(), 400, "InvalidParameter");
    assert_error(
        &ask(&app, Method::PUT, "/nowhere/d").header("x-amz-copy-source", "files/a").send(),
        404,
        "NoSuchBucket",
    );
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn names_are_supabases() {
    let app = s3_app();
    let long = "x".repeat(1025);
    for key in ["a%5Cb", "%E2%82%AC", "a%0Ab", "a%00b", "a%7Eb", "..", "..%2F..%2Fetc%2Fpasswd", &long] {
        assert_error(&ask(&app, Method::PUT, &format!("/files/{key}")).body("x").send(), 400, "InvalidKey");
    }
    for key in ["...", "a/.hidden", &"x".repeat(1024)] {
        assert_ok(&ask(&app, Method::PUT, &format!("/files/{key}")).body("x").send());
    }
    assert_error(&ask(&app, Method::PUT, "/nowhere/a").body("x").send(), 404, "NoSuchBucket");
    // An empty folder is what Supabase makes of it.
    assert_ok(&ask(&app, Method::PUT, "/files/folder/").send());
    assert!(
        elements(&ask(&app, Method::GET, "/files").send(), "Key")
            .contains(&"folder/.emptyFolderPlaceholder".to_string())
    );
}
