"""What S3 does at the creation of a bucket and with metadata, and moto does not."""

import base64
from email.header import decode_header, make_header
from xml.etree import ElementTree

from flask import request
from moto.s3.models import FakeKey, PublicAccessBlock, S3Backend

from rules import around


@around(S3Backend, "create_bucket")
def with_tags_and_defaults(original, self, name, *arguments, **named):
    bucket = original(self, name, *arguments, **named)
    # Since 2023 a new bucket is encrypted, closed to the public, and its owner's alone.
    bucket.encryption = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}}
    bucket.public_access_block = PublicAccessBlock(True, True, True, True)
    bucket.ownership_rule = "BucketOwnerEnforced"
    body = request.get_data()
    if b"<Tags>" in body:
        tags = ElementTree.fromstring(body).iterfind(".//{*}Tags/{*}Tag")
        self.put_bucket_tagging(name, {tag.findtext("{*}Key"): tag.findtext("{*}Value") or "" for tag in tags})
    return bucket


@around(FakeKey, "set_metadata")
def decoded_and_encoded(original, self, metadata, *arguments, **named):
    """User metadata is decoded as per RFC 2047 before it is stored, and encoded again when it is told."""
    kept = {key: told(value) if key.lower().startswith("x-amz-meta-") else value for key, value in metadata.items()}
    original(self, kept, *arguments, **named)


def told(value):
    text = str(make_header(decode_header(value)))
    return text if text.isascii() else f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="
