"""What moto leaves out of the index of tags, and AWS has in it."""

from moto.core.resource_tagging import TaggedResource
from moto.ec2.models import EC2Backend
from moto.rds.models import RDSBackend
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend
from moto.s3.models import s3_backends

from rules import around


def entry(backend, service, kind, id, tags, sign="/"):
    arn = f"arn:{backend.partition}:{service}:{backend.region_name}:{backend.account_id}:{kind}{sign}{id}"
    tags = {tag.get("key", tag.get("Key")): tag.get("value", tag.get("Value")) for tag in tags}
    return TaggedResource(arn=arn, tags=tags, resource_type=f"{service}:{kind}")


@around(EC2Backend, "iter_tagged_resources")
def more_of_ec2(original, self):
    yield from original(self)
    for pair in list(self.key_pairs.values()):
        yield entry(self, "ec2", "key-pair", pair.id, pair.get_tags())
    for address in list(self.addresses):
        yield entry(self, "ec2", "elastic-ip", address.allocation_id, address.get_tags())
    for template in list(self.launch_templates.values()):
        yield entry(self, "ec2", "launch-template", template.id, template.get_tags())


@around(RDSBackend, "iter_tagged_resources")
def more_of_rds(original, self):
    yield from original(self)
    for kind, groups in [
        ("pg", self.db_parameter_groups),
        ("secgrp", self.security_groups),
        ("subgrp", self.subnet_groups),
    ]:
        for name, group in list(groups.items()):
            yield entry(self, "rds", kind, name, group.get_tags(), ":")


@around(ResourceGroupsTaggingAPIBackend, "_get_resources_generator")
def of_this_region(original, self, *arguments, **named):
    # Moto keeps S3 and CloudFront for all regions together.
    buckets = s3_backends[self.account_id]["aws"].buckets
    for resource in original(self, *arguments, **named):
        if resource.resource_type == "s3:bucket":
            region = buckets[resource.arn.split(":")[-1]].region_name
        else:
            region = "us-east-1" if resource.resource_type.startswith("cloudfront:") else self.region_name
        if region == self.region_name:
            yield resource
