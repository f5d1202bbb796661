//! What each route does, as policies ask by `storage.operation()`: upstream's names.

use ::http::Method;

use crate::http::Context;

#[rustfmt::skip]
const OPERATIONS: &[(Method, &str, &str)] = &[
    (Method::POST,   "bucket",                                     "storage.bucket.create"),
    (Method::GET,    "bucket",                                     "storage.bucket.list"),
    (Method::GET,    "bucket/{bucket}",                            "storage.bucket.get"),
    (Method::PUT,    "bucket/{bucket}",                            "storage.bucket.update"),
    (Method::DELETE, "bucket/{bucket}",                            "storage.bucket.delete"),
    (Method::POST,   "bucket/{bucket}/empty",                      "storage.bucket.empty"),
    (Method::POST,   "object/{bucket}/{*path}",                    "storage.object.upload"),
    (Method::PUT,    "object/{bucket}/{*path}",                    "storage.object.upload_update"),
    (Method::DELETE, "object/{bucket}/{*path}",                    "storage.object.delete"),
    (Method::DELETE, "object/{bucket}",                            "storage.object.delete_many"),
    (Method::POST,   "object/move",                                "storage.object.move"),
    (Method::POST,   "object/copy",                                "storage.object.copy"),
    (Method::POST,   "object/list/{bucket}",                       "storage.object.list"),
    (Method::POST,   "object/list-v2/{bucket}",                    "storage.object.list_v2"),
    (Method::GET,    "object/public/{bucket}/{*path}",             "storage.object.get_public"),
    (Method::HEAD,   "object/public/{bucket}/{*path}",             "storage.object.info_public"),
    (Method::GET,    "object/authenticated/{bucket}/{*path}",      "storage.object.get_authenticated"),
    (Method::HEAD,   "object/authenticated/{bucket}/{*path}",      "object.head_authenticated_info"),
    (Method::GET,    "object/{bucket}/{*path}",                    "storage.object.get_authenticated"),
    (Method::HEAD,   "object/{bucket}/{*path}",                    "object.head_authenticated_info"),
    (Method::GET,    "object/info/public/{bucket}/{*path}",        "storage.object.info_public"),
    (Method::GET,    "object/info/authenticated/{bucket}/{*path}", "object.get_authenticated_info"),
    (Method::GET,    "object/info/{bucket}/{*path}",               "object.get_authenticated_info"),
    (Method::POST,   "object/sign/{bucket}",                       "storage.object.sign_many"),
    (Method::POST,   "object/sign/{bucket}/{*path}",               "storage.object.sign"),
    (Method::GET,    "object/sign/{bucket}/{*path}",               "storage.object.get_signed"),
    (Method::POST,   "object/upload/sign/{bucket}/{*path}",        "storage.object.sign_upload_url"),
    (Method::PUT,    "object/upload/sign/{bucket}/{*path}",        "storage.object.upload_signed"),
    (Method::POST,   "upload/resumable",                           "storage.tus.upload.create"),
    (Method::POST,   "upload/resumable/",                          "storage.tus.upload.create"),
    (Method::PATCH,  "upload/resumable/{upload}",                  "storage.tus.upload.part"),
    (Method::POST,   "upload/resumable/{upload}",                  "storage.tus.upload.part"),
    (Method::DELETE, "upload/resumable/{upload}",                  "storage.tus.upload.delete"),
    (Method::GET,    "render/image/public/{bucket}/{*path}",        "storage.render.image_public"),
    (Method::GET,    "render/image/authenticated/{bucket}/{*path}", "storage.render.image_authenticated"),
    (Method::GET,    "render/image/sign/{bucket}/{*path}",          "storage.render.image_sign"),
];

/// The operation of a request; a HEAD that has none of its own has GET's.
pub fn of(context: &Context) -> Option<&'static str> {
    let route = context.route.strip_prefix("/storage/v1/")?;
    let find = |method: &Method| {
        let row = OPERATIONS.iter().find(|(known, path, _)| known == method && *path == route);
        row.map(|(_, _, operation)| *operation)
    };
    match find(&context.method) {
        None if context.method == Method::HEAD => find(&Method::GET),
        found => found,
    }
}
