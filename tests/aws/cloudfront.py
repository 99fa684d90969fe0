# What the emulator leaves out of CloudFront, as Amazon documents it: versions that must match, changes that take
# time to reach all places, distributions that must be off before they are deleted, names that only one distribution has, access controls and functions
# of distributions, cache policies, stages of functions, invalidations that are made once.
import datetime

from moto.cloudfront import exceptions, models, urls
from moto.cloudfront.responses import CloudFrontResponse as Response
from moto.core.responses import ActionResult, EmptyResult


def refuse(code, message):
    raise exceptions.CloudFrontException(code, message)


def matching(response, thing):
    if response._get_param("IfMatch") != thing.etag:
        refuse("PreconditionFailed", "The request failed because it didn't meet the preconditions.")


def changed(thing):
    thing.etag = models.random_id()


def named(config):
    names = config.get("Aliases", {}).get("Items") or []
    return {name.lower() for name in names}


def distributions(response):
    return response.backend.distributions


def check_names(response, config, own=None):
    for other in distributions(response).values():
        taken = {name.lower() for name in other.distribution_config.Aliases.get("Items") or []}
        if other.id != own and taken & named(config):
            refuse("CNAMEAlreadyExists", "One or more of the CNAMEs you provided are already associated with a different resource.")


# Distributions

class Origin(models.Origin):
    def __init__(self, origin):
        super().__init__(origin)
        self.origin_access_control_id = origin.get("OriginAccessControlId") or ""
        if "S3OriginConfig" in origin:
            self.s3_origin_config = origin["S3OriginConfig"]


class Default(models.DefaultCacheBehaviour):
    def __init__(self, config):
        super().__init__(config)
        self.function_associations = config.get("FunctionAssociations") or {"Quantity": 0}


class Behaviour(models.CacheBehaviour):
    def __init__(self, config):
        super().__init__(config)
        self.function_associations = config.get("FunctionAssociations") or {"Quantity": 0}


models.Origin, models.DefaultCacheBehaviour, models.CacheBehaviour = Origin, Default, Behaviour

create_distribution = Response.create_distribution_with_tags
update_distribution = Response.update_distribution
delete_distribution = Response.delete_distribution


def create(self):
    check_names(self, self._get_param("DistributionConfigWithTags.DistributionConfig", {}))
    return create_distribution(self)


def update(self):
    thing = distributions(self).get(self._get_param("Id"))
    if thing:
        matching(self, thing)
        check_names(self, self._get_param("DistributionConfig", {}), thing.id)
        changed(thing)
        thing.status, thing._tick = "InProgress", 0
    return update_distribution(self)


def delete(self):
    thing = distributions(self).get(self._get_param("Id"))
    if thing:
        matching(self, thing)
        if thing.distribution_config.Enabled:
            refuse("DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.")
    return delete_distribution(self)


Response.create_distribution_with_tags = create
Response.update_distribution = update
Response.delete_distribution = delete

create_invalidation = models.CloudFrontBackend.create_invalidation


def invalidate(self, dist_id, paths, caller_ref):
    for known in self.invalidations.get(dist_id) or []:
        if known.caller_ref == caller_ref:
            return known
    return create_invalidation(self, dist_id, paths, caller_ref)


models.CloudFrontBackend.create_invalidation = invalidate


# Origin access controls

def controls(response):
    return response.backend.origin_access_controls


def origins(response):
    for one in distributions(response).values():
        yield from one.distribution_config.Origins["Items"]


update_control = Response.update_origin_access_control
create_control = Response.create_origin_access_control
delete_control = Response.delete_origin_access_control


def create_one(self):
    name = self._get_param("OriginAccessControlConfig", {}).get("Name")
    if any(one.name == name for one in controls(self).values()):
        refuse("OriginAccessControlAlreadyExists", "An origin access control with the same name already exists.")
    return create_control(self)


def update_one(self):
    thing = self.backend.get_origin_access_control(self._get_param("Id"))
    matching(self, thing)
    changed(thing)
    return update_control(self)


def delete_one(self):
    thing = self.backend.get_origin_access_control(self._get_param("Id"))
    matching(self, thing)
    if any(origin.origin_access_control_id == thing.id for origin in origins(self)):
        refuse("OriginAccessControlInUse", "The origin access control is being used by one or more distributions.")
    return delete_control(self)


Response.create_origin_access_control = create_one
Response.update_origin_access_control = update_one
Response.delete_origin_access_control = delete_one


# Cache policies

class Policy:
    def __init__(self, config):
        self.id = models.random_id()
        self.config = config
        self.etag = models.random_id()
        self.time = datetime.datetime.now(datetime.timezone.utc)

    def shown(self):
        return {"Id": self.id, "LastModifiedTime": self.time, "CachePolicyConfig": self.config}


def policies(response):
    backend = response.backend
    if not hasattr(backend, "cache_policies"):
        backend.cache_policies = {}
    return backend.cache_policies


def policy(response):
    found = policies(response).get(response._get_param("Id"))
    return found or refuse("NoSuchCachePolicy", "The cache policy does not exist.")


def create_policy(self):
    config = self._get_param("CachePolicyConfig", {})
    if any(one.config["Name"] == config["Name"] for one in policies(self).values()):
        refuse("CachePolicyAlreadyExists", "A cache policy with this name already exists.")
    made = Policy(config)
    policies(self)[made.id] = made
    return ActionResult({"CachePolicy": made.shown(), "ETag": made.etag})


def get_policy(self):
    found = policy(self)
    return ActionResult({"CachePolicy": found.shown(), "ETag": found.etag})


def list_policies(self):
    items = [{"Type": "custom", "CachePolicy": one.shown()} for one in policies(self).values()]
    return ActionResult({"CachePolicyList": {"MaxItems": 100, "Quantity": len(items), "Items": items}})


def update_policy(self):
    found = policy(self)
    matching(self, found)
    found.config = self._get_param("CachePolicyConfig", {})
    changed(found)
    return ActionResult({"CachePolicy": found.shown(), "ETag": found.etag})


def delete_policy(self):
    found = policy(self)
    matching(self, found)
    for one in distributions(self).values():
        config = one.distribution_config
        parts = [config.DefaultCacheBehavior, *(config.CacheBehaviors.get("Items") or [])]
        if any(part.cache_policy_id == found.id for part in parts):
            refuse("CachePolicyInUse", "The cache policy is attached to one or more cache behaviors.")
    del policies(self)[found.id]
    return EmptyResult()


Response.create_cache_policy = create_policy
Response.get_cache_policy = get_policy
Response.list_cache_policies = list_policies
Response.update_cache_policy = update_policy
Response.delete_cache_policy = delete_policy


# Functions: what is stored, and beside it what is live

def function(response, stage="DEVELOPMENT"):
    found = response.backend.functions.get(response._get_param("Name"))
    if found and stage == "LIVE":
        found = getattr(found, "live", None)
    return found or refuse("NoSuchFunctionExists", "The specified function does not exist.")


def staged(self):
    return function(self, self._get_param("Stage") or "DEVELOPMENT")


def describe_function(self):
    found = staged(self)
    return ActionResult({"FunctionSummary": found.function_summary, "ETag": found.etag})


def get_function(self):
    found = staged(self)
    return ActionResult({"FunctionCode": found.code, "ETag": found.etag, "ContentType": "application/octet-stream"})


def update_function(self):
    found = function(self)
    matching(self, found)
    found.config, found.code = self._get_param("FunctionConfig", {}), self._get_param("FunctionCode")
    changed(found)
    return ActionResult({"FunctionSummary": found.function_summary, "ETag": found.etag})


def publish_function(self):
    found = function(self)
    matching(self, found)
    live = models.CloudFrontFunction("", "us-east-1", found.name, found.config, found.code)
    live.arn, live.stage, live.status = found.arn, "LIVE", "UNASSOCIATED"
    found.live = live
    return ActionResult({"FunctionSummary": live.function_summary})


def delete_function(self):
    found = function(self)
    matching(self, found)
    for one in distributions(self).values():
        config = one.distribution_config
        for part in [config.DefaultCacheBehavior, *(config.CacheBehaviors.get("Items") or [])]:
            if any(used["FunctionARN"] == found.arn for used in part.function_associations.get("Items") or []):
                refuse("FunctionInUse", "The function is associated with a cache behavior.")
    del self.backend.functions[found.name]
    return EmptyResult()


Response.describe_function = describe_function
Response.get_function = get_function
Response.update_function = update_function
Response.publish_function = publish_function
Response.delete_function = delete_function

for path in ["cache-policy$", "cache-policy/(?P<id>[^/]+)$", "cache-policy/(?P<id>[^/]+)/config$",
             "function/(?P<name>[^/]+)/publish$"]:
    urls.url_paths["{0}/2020-05-31/" + path] = Response.dispatch
