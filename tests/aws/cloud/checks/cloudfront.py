# What CloudFront refuses, and what it keeps.
cdn = client("cloudfront")


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error)
    else:
        raise AssertionError(f"{code} did not come")


control = {"Name": "checked", "SigningProtocol": "sigv4", "SigningBehavior": "always"}
control |= {"OriginAccessControlOriginType": "s3"}
made = cdn.create_origin_access_control(OriginAccessControlConfig=control)
keeper, version = made["OriginAccessControl"]["Id"], made["ETag"]
refused("OriginAccessControlAlreadyExists", cdn.create_origin_access_control, OriginAccessControlConfig=control)


def config(reference, alias, **more):
    origin = {"Id": "o", "DomainName": "x.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    origin |= {"OriginAccessControlId": more.pop("control", keeper)}
    behaviour = {"TargetOriginId": "o", "ViewerProtocolPolicy": "redirect-to-https"}
    behaviour |= {"CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}
    said = {"CallerReference": reference, "Comment": "", "Enabled": True, "DefaultCacheBehavior": behaviour}
    said |= {"Origins": {"Quantity": 1, "Items": [origin]}, "Aliases": {"Quantity": 1, "Items": [alias]}}
    return said | more


first = cdn.create_distribution(DistributionConfig=config("checked-1", "checked.example.org"))
id, etag = first["Distribution"]["Id"], first["ETag"]
got = cdn.get_distribution_config(Id=id)
assert got["ETag"] == etag
assert got["DistributionConfig"]["Origins"]["Items"][0]["OriginAccessControlId"] == keeper, got
taken = config("checked-2", "checked.example.org")
refused("CNAMEAlreadyExists", cdn.create_distribution, DistributionConfig=taken)
again = config("checked-1", "other.example.org")
refused("DistributionAlreadyExists", cdn.create_distribution, DistributionConfig=again)
missing = config("checked-3", "missing.example.org", control="E000")
refused("InvalidOriginAccessControl", cdn.create_distribution, DistributionConfig=missing)

changed = config("checked-1", "checked.example.org", Enabled=False)
refused("InvalidIfMatchVersion", cdn.update_distribution, Id=id, DistributionConfig=changed)
refused("PreconditionFailed", cdn.update_distribution, Id=id, DistributionConfig=changed, IfMatch="E0")
refused("DistributionNotDisabled", cdn.delete_distribution, Id=id, IfMatch=etag)
refused("OriginAccessControlInUse", cdn.delete_origin_access_control, Id=keeper, IfMatch=version)
newer = cdn.update_distribution(Id=id, DistributionConfig=changed, IfMatch=etag)["ETag"]
assert newer != etag
refused("PreconditionFailed", cdn.update_distribution, Id=id, DistributionConfig=changed, IfMatch=etag)
refused("PreconditionFailed", cdn.delete_distribution, Id=id, IfMatch=etag)
other = config("checked-4", "checked.example.org", Enabled=False)
refused("IllegalUpdate", cdn.update_distribution, Id=id, DistributionConfig=other, IfMatch=newer)
batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": "1"}
assert cdn.create_invalidation(DistributionId=id, InvalidationBatch=batch)["Invalidation"]["Status"] == "Completed"
cdn.delete_distribution(Id=id, IfMatch=newer)
refused("NoSuchDistribution", cdn.get_distribution, Id=id)
control |= {"Description": "new"}
refused("PreconditionFailed", cdn.delete_origin_access_control, Id=keeper, IfMatch="E0")
kept = cdn.update_origin_access_control(Id=keeper, OriginAccessControlConfig=control, IfMatch=version)["ETag"]
refused("PreconditionFailed", cdn.delete_origin_access_control, Id=keeper, IfMatch=version)
cdn.delete_origin_access_control(Id=keeper, IfMatch=kept)
result = True
