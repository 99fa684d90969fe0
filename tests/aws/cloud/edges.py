"""What moto has not of CloudFront: cache policies, functions with their two stages, what runs at the edges of a
distribution. An invalidation is made once."""

import datetime

from moto.cloudfront import urls
from moto.cloudfront.models import CloudFrontBackend, CloudFrontFunction, DefaultCacheBehaviour, Origin, random_id
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.responses import ActionResult, EmptyResult

from cloudfront import of_version
from rules import around, before, refuse

PATHS = ["cache-policy$", "cache-policy/(?P<id>[^/]+)$", "function/(?P<name>[^/]+)/publish$"]
for path in PATHS:
    urls.url_paths["{0}/2020-05-31/" + path] = CloudFrontResponse.dispatch


def action(function):
    setattr(CloudFrontResponse, function.__name__, function)
    return function


def behaviours(call):
    for distribution in call.backend.distributions.values():
        config = distribution.distribution_config
        yield config.DefaultCacheBehavior
        yield from config.CacheBehaviors.get("Items") or []


# ---- distributions


@around(Origin, "__init__")
def of_a_bucket(original, self, origin):
    original(self, origin)
    if "S3OriginConfig" in origin:
        self.s3_origin_config = origin["S3OriginConfig"]


@around(DefaultCacheBehaviour, "__init__")
def with_functions(original, self, config):
    original(self, config)
    self.function_associations = config.get("FunctionAssociations") or {"Quantity": 0}


@around(CloudFrontBackend, "create_invalidation")
def once(original, self, dist_id, paths, caller_ref):
    for known in self.invalidations.get(dist_id) or []:
        if known.caller_ref == caller_ref:
            return known
    return original(self, dist_id, paths, caller_ref)


# ---- cache policies


class Policy:
    def __init__(self, config):
        self.id, self.config, self.etag = random_id(), config, random_id()
        self.time = datetime.datetime.now(datetime.timezone.utc)

    def told(self):
        return {"Id": self.id, "LastModifiedTime": self.time, "CachePolicyConfig": self.config}

    def answer(self):
        return ActionResult({"CachePolicy": self.told(), "ETag": self.etag})


def policies(call):
    if not hasattr(call.backend, "cache_policies"):
        call.backend.cache_policies = {}
    return call.backend.cache_policies


def policy(call):
    found = policies(call).get(call._get_param("Id"))
    return found or refuse("NoSuchCachePolicy", "The cache policy does not exist.")


@action
def create_cache_policy(self):
    config = self._get_param("CachePolicyConfig")
    if any(one.config["Name"] == config["Name"] for one in policies(self).values()):
        refuse("CachePolicyAlreadyExists", "A cache policy with this name already exists.")
    made = Policy(config)
    policies(self)[made.id] = made
    return made.answer()


@action
def get_cache_policy(self):
    return policy(self).answer()


@action
def list_cache_policies(self):
    items = [{"Type": "custom", "CachePolicy": one.told()} for one in policies(self).values()]
    return ActionResult({"CachePolicyList": {"MaxItems": 100, "Quantity": len(items), "Items": items}})


@action
def update_cache_policy(self):
    found = policy(self)
    of_version(self, found)
    found.config, found.etag = self._get_param("CachePolicyConfig"), random_id()
    return found.answer()


@action
def delete_cache_policy(self):
    found = policy(self)
    of_version(self, found)
    if found.id in [one.cache_policy_id for one in behaviours(self)]:
        refuse("CachePolicyInUse", "The cache policy is attached to one or more cache behaviors.")
    del policies(self)[found.id]
    return EmptyResult()


# ---- functions: what is stored, and beside it what is live


def function(call):
    found = call.backend.functions.get(call._get_param("Name"))
    if found and call._get_param("Stage") == "LIVE":
        found = getattr(found, "live", None)
    return found or refuse("NoSuchFunctionExists", "The specified function does not exist.")


def answer(found):
    return ActionResult({"FunctionSummary": found.function_summary, "ETag": found.etag})


@action
def describe_function(self):
    return answer(function(self))


@action
def get_function(self):
    found = function(self)
    told = {"FunctionCode": found.code, "ETag": found.etag, "ContentType": "application/octet-stream"}
    return ActionResult(told)


@action
def update_function(self):
    found = function(self)
    of_version(self, found)
    found.config, found.code = self._get_param("FunctionConfig"), self._get_param("FunctionCode")
    found.etag = random_id()
    return answer(found)


@action
def publish_function(self):
    found = function(self)
    of_version(self, found)
    live = CloudFrontFunction("", "us-east-1", found.name, found.config, found.code)
    live.arn, live.stage, live.status = found.arn, "LIVE", "UNASSOCIATED"
    found.live = live
    return ActionResult({"FunctionSummary": live.function_summary})


@before("cloudfront", "DeleteFunction")
def function_in_use(call):
    found = function(call)
    of_version(call, found)
    used = [one["FunctionARN"] for part in behaviours(call) for one in part.function_associations.get("Items") or []]
    if found.arn in used:
        refuse("FunctionInUse", "The function is associated with a cache behavior.")
