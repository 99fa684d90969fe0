"""A witness: boto3, which knows nothing of us. It reads one script a line, as JSON, and answers what the script
left behind. Loading boto3 takes longer than anything that it is asked."""

import functools
import json
import linecache
import sys
import traceback

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError  # noqa: F401: for scripts

endpoint = None


def client(service, region="us-east-1"):
    return connected(service, region, endpoint)


@functools.cache
def connected(service, region, endpoint):
    # The path says the bucket, so that no name has to be resolved.
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client(service, region_name=region, endpoint_url=endpoint, config=config)


def pages(service, operation, key, region="us-east-1", **arguments):
    found = client(service, region).get_paginator(operation).paginate(**arguments)
    return [item for page in found for item in page[key]]


def instances(**tags):
    filters = [{"Name": "tag:" + key, "Values": [value]} for key, value in tags.items()]
    found = client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [instance for page in found for instance in page["Instances"]]


def tags_of(thing):
    return {tag["Key"]: tag["Value"] for tag in thing}


known = dict(globals())
for line in sys.stdin:
    asked = json.loads(line)
    endpoint = asked["endpoint"]
    script = asked["script"]
    linecache.cache["script"] = (len(script), None, script.splitlines(True), "script")
    room = {**known, "result": None, "expected": True, **asked["given"]}
    try:
        exec(compile(script, "script", "exec"), room)
        answer = {"result": room["result"], "expected": room["expected"]}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer, default=str), flush=True)
