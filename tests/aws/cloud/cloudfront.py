"""What CloudFront refuses, where moto carries it out, and what moto forgets."""

from moto.cloudfront.models import CloudFrontBackend, Distribution, Invalidation, Origin, random_id

from rules import around, before, refuse, slowly


def of_version(call, thing):
    match = call._get_param("IfMatch")
    if not match:
        refuse("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
    if match != thing.etag:
        text = "The request failed because it didn't meet the preconditions in one or more request-header fields."
        refuse("PreconditionFailed", text)


# ---- refusals


def free(call, config, itself):
    """That no other distribution has one of its names."""
    wanted = (config.get("Aliases") or {}).get("Items") or []
    for other in call.backend.distributions.values():
        taken = other.distribution_config.Aliases.get("Items") or []
        if other is not itself and set(taken) & set(wanted):
            text = "One or more of the CNAMEs you provided are already associated with a different resource."
            refuse("CNAMEAlreadyExists", text)


def controls(call, config):
    """That the access controls of its origins exist."""
    for origin in (config.get("Origins") or {}).get("Items") or []:
        control = origin.get("OriginAccessControlId")
        if control and control not in call.backend.origin_access_controls:
            refuse("InvalidOriginAccessControl", "The origin access control is not valid.")


@before("cloudfront", "CreateDistribution", "CreateDistributionWithTags")
def created(call):
    config = call._get_param("DistributionConfig") or call._get_param("DistributionConfigWithTags.DistributionConfig")
    free(call, config, None)
    controls(call, config)


@before("cloudfront", "UpdateDistribution")
def updated(call):
    distribution = call.backend.distributions.get(call._get_param("Id"))
    if distribution is None:
        return
    of_version(call, distribution)
    config = call._get_param("DistributionConfig")
    if config.get("CallerReference") != distribution.distribution_config.caller_reference:
        refuse("IllegalUpdate", "The caller reference cannot be changed.")
    free(call, config, distribution)
    controls(call, config)


@before("cloudfront", "DeleteDistribution")
def deleted(call):
    distribution = call.backend.distributions.get(call._get_param("Id"))
    if distribution is None:
        return
    of_version(call, distribution)
    if distribution.distribution_config.Enabled or distribution.status == "InProgress":
        text = "The distribution you are trying to delete has not been disabled."
        refuse("DistributionNotDisabled", text)


@before("cloudfront", "CreateOriginAccessControl")
def second_control(call):
    name = call._get_param("OriginAccessControlConfig.Name")
    if name in [one.name for one in call.backend.origin_access_controls.values()]:
        text = "An origin access control with this name already exists."
        refuse("OriginAccessControlAlreadyExists", text)


@before("cloudfront", "UpdateOriginAccessControl", "DeleteOriginAccessControl")
def control_of_version(call):
    control = call.backend.origin_access_controls.get(call._get_param("Id"))
    if control is None:
        refuse("NoSuchOriginAccessControl", "The specified origin access control does not exist.")
    of_version(call, control)


@before("cloudfront", "DeleteOriginAccessControl")
def control_in_use(call):
    control = call._get_param("Id")
    for distribution in call.backend.distributions.values():
        if control in [one.origin_access_control_id for one in distribution.distribution_config.Origins["Items"]]:
            text = "Cannot delete the origin access control because it's in use by one or more distributions."
            refuse("OriginAccessControlInUse", text)


# ---- what moto forgets


@around(Origin, "__init__")
def kept(original, self, origin):
    original(self, origin)
    self.origin_access_control_id = origin.get("OriginAccessControlId") or ""


@around(CloudFrontBackend, "update_distribution")
def next_version(original, self, *arguments, **named):
    distribution, location, _ = original(self, *arguments, **named)
    distribution.etag = random_id()
    slowly(distribution, "state", "InProgress")
    return distribution, location, distribution.etag


@around(CloudFrontBackend, "update_origin_access_control")
def next_version_of_control(original, self, *arguments, **named):
    control = original(self, *arguments, **named)
    control.etag = random_id()
    return control


# ---- states that last

Distribution.status = property(lambda self: self.state)


@around(Distribution, "__init__")
def deploying(original, self, *arguments, **named):
    original(self, *arguments, **named)
    self.state = "Deployed"
    slowly(self, "state", "InProgress")


@around(Invalidation, "__init__")
def invalidating(original, self, *arguments, **named):
    original(self, *arguments, **named)
    self.status = "Completed"
    slowly(self, "status", "InProgress")
