"""What a boto3 user does, against a Worker: every size in and out, ranges, multipart, lists, copies, removals, presigned URLs."""

import hashlib
import io
import os
import sys
import time
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

MIB = 1024 * 1024
url = sys.argv[1]
s3 = boto3.client(
    "s3",
    endpoint_url=f"{url}/storage/v1/s3",
    region_name="local",
    aws_access_key_id=os.environ["S3_KEY_ID"],
    aws_secret_access_key=os.environ["S3_KEY_SECRET"],
    config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
)
sha = lambda data: hashlib.sha256(data).hexdigest()


def content(length):
    block = hashlib.shake_256(b"block").digest(MIB)
    return b"".join(hashlib.sha256(str(at).encode()).digest() + block[32:] for at in range(length // MIB + 1))[:length]


copying = TransferConfig(multipart_threshold=64 * MIB, multipart_chunksize=64 * MIB)


def comes_back(name, data):
    target = io.BytesIO()
    s3.download_fileobj("boto3", name, target)
    assert sha(target.getvalue()) == sha(data), name


s3.create_bucket(Bucket="boto3")
assert "boto3" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
s3.head_bucket(Bucket="boto3")

large = TransferConfig(multipart_chunksize=16 * MIB)
for length in (0, 1, 5 * MIB, 50 * MIB, 300 * MIB):
    started = time.monotonic()
    data = content(length)
    if length <= 50 * MIB:
        etag = s3.put_object(Bucket="boto3", Key=f"put/{length}", Body=data, Metadata={"a": "1"})["ETag"]
        assert etag == f'"{hashlib.md5(data).hexdigest()}"', etag
        answer = s3.get_object(Bucket="boto3", Key=f"put/{length}")
        assert sha(answer["Body"].read()) == sha(data) and answer["Metadata"] == {"a": "1"}, length
    name = f"managed/{length}"
    s3.upload_fileobj(io.BytesIO(data), "boto3", name, Config=large)
    comes_back(name, data)
    if length > 0:
        first, last = length // 2, min(length // 2 + 999, length - 1)
        part = s3.get_object(Bucket="boto3", Key=name, Range=f"bytes={first}-{last}")
        assert part["Body"].read() == data[first : last + 1] and part["ContentRange"] == f"bytes {first}-{last}/{length}"
    # In one request up to 64 MiB, in parts above.
    s3.copy({"Bucket": "boto3", "Key": name}, "boto3", f"copies/{length}", Config=copying)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="boto3", Prefix="copies/")["Contents"]] == [f"copies/{length}"]
    comes_back(f"copies/{length}", data)
    s3.delete_object(Bucket="boto3", Key=f"copies/{length}")
    try:
        s3.head_object(Bucket="boto3", Key=f"copies/{length}")
        raise AssertionError("it is there still")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "404", error
    print(f"boto3: {length} bytes in {time.monotonic() - started:.1f} s", flush=True)

pages = s3.get_paginator("list_objects_v2").paginate(Bucket="boto3", PaginationConfig={"PageSize": 2})
names = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
assert len(names) == 9 and names == sorted(names), names
folders = s3.list_objects(Bucket="boto3", Delimiter="/")
assert [prefix["Prefix"] for prefix in folders["CommonPrefixes"]] == ["managed/", "put/"]

# Parts by hand, seen and given up.
upload = s3.create_multipart_upload(Bucket="boto3", Key="given up")["UploadId"]
part = s3.upload_part(Bucket="boto3", Key="given up", UploadId=upload, PartNumber=1, Body=b"text")
parts = s3.list_parts(Bucket="boto3", Key="given up", UploadId=upload)["Parts"]
assert [(entry["Size"], entry["ETag"]) for entry in parts] == [(4, part["ETag"])], parts
assert [entry["UploadId"] for entry in s3.list_multipart_uploads(Bucket="boto3")["Uploads"]] == [upload]
s3.abort_multipart_upload(Bucket="boto3", Key="given up", UploadId=upload)
assert "Uploads" not in s3.list_multipart_uploads(Bucket="boto3")

described = dict(ContentType="text/css", ContentEncoding="gzip", ContentDisposition='attachment; filename="a"', ContentLanguage="de")
s3.put_object(Bucket="boto3", Key="described", Body=b"zipped", **described)
head = s3.head_object(Bucket="boto3", Key="described")
assert {name: head[name] for name in described} == described, head
assert s3.get_object(Bucket="boto3", Key="described")["Body"].read() == b"zipped"

key = "a b!'()*+,=@;:&$.txt"
put = s3.generate_presigned_url("put_object", Params={"Bucket": "boto3", "Key": key}, ExpiresIn=60)
urllib.request.urlopen(urllib.request.Request(put, data=b"presigned", method="PUT", headers={"content-type": ""})).read()
get = s3.generate_presigned_url("get_object", Params={"Bucket": "boto3", "Key": key}, ExpiresIn=60)
assert urllib.request.urlopen(get).read() == b"presigned"
form = s3.generate_presigned_post("boto3", "form", Conditions=[["content-length-range", 1, 100]], ExpiresIn=60)
fields = "".join(f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in form["fields"].items())
fields += '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nposted\r\n--x--\r\n'
post = urllib.request.Request(form["url"], data=fields.encode(), headers={"content-type": "multipart/form-data; boundary=x"})
urllib.request.urlopen(post).read()
assert s3.get_object(Bucket="boto3", Key="form")["Body"].read() == b"posted"

keys = [{"Key": entry["Key"]} for entry in s3.list_objects_v2(Bucket="boto3")["Contents"]]
assert "Errors" not in s3.delete_objects(Bucket="boto3", Delete={"Objects": keys})
s3.delete_bucket(Bucket="boto3")
print("boto3", boto3.__version__)
