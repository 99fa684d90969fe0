# What a new bucket has, and bodies of all kinds.
import hashlib
import io
import os

s3 = client("s3")
tags = [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "ü & <"}]
s3.create_bucket(Bucket="checked", CreateBucketConfiguration={"Tags": tags})
assert tags_of(s3.get_bucket_tagging(Bucket="checked")["TagSet"]) == tags_of(tags)
rules = s3.get_bucket_encryption(Bucket="checked")["ServerSideEncryptionConfiguration"]["Rules"]
assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
assert all(s3.get_public_access_block(Bucket="checked")["PublicAccessBlockConfiguration"].values())
owner = s3.get_bucket_ownership_controls(Bucket="checked")["OwnershipControls"]["Rules"]
assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}], owner

# Sent whole, after `100 Continue`, and in chunks whose trailer is a checksum.
for size in (0, 1, 5_000_000):
    content = os.urandom(size)
    s3.put_object(Bucket="checked", Key="whole", Body=content, ChecksumAlgorithm="CRC32")
    assert s3.get_object(Bucket="checked", Key="whole")["Body"].read() == content
    s3.put_object(Bucket="checked", Key="streamed", Body=io.BytesIO(content), ChecksumAlgorithm="SHA256")
    assert s3.get_object(Bucket="checked", Key="streamed")["Body"].read() == content
    assert s3.head_object(Bucket="checked", Key="streamed")["ContentLength"] == size

# Metadata that is not US-ASCII comes back in words.
s3.put_object(Bucket="checked", Key="whole", Body=b"x", Metadata={"a": "=?UTF-8?Q?Z=C3=BCrich?=", "b": "plain"})
metadata = s3.head_object(Bucket="checked", Key="whole")["Metadata"]
assert metadata == {"a": "=?UTF-8?B?WsO8cmljaA==?=", "b": "plain"}, metadata
for key in ("whole", "streamed"):
    s3.delete_object(Bucket="checked", Key=key)
s3.delete_bucket(Bucket="checked")
result = True
