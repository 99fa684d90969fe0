"""What S3 does at the creation of a bucket, and moto does not."""

from xml.etree import ElementTree

from flask import request
from moto.s3.models import PublicAccessBlock, S3Backend

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
