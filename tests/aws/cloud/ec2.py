"""What EC2 refuses, where moto carries it out, and states that EC2 passes through."""

import base64
import re

from moto.core.types import Base64EncodedString
from moto.ec2.models.amis import AmiBackend
from moto.ec2.models.elastic_block_store import EBSBackend, Snapshot, Volume, VolumeModification
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.responses import instances

from rules import around, before, refuse, slowly


def alive(backend):
    return [one for one in backend.all_instances() if one.state != "terminated"]


def nat_gateways(backend):
    return [one for one in backend.nat_gateways.values() if one.state not in ("deleted", "failed")]


def depends(on, by):
    refuse("DependencyViolation", f"{on} has a dependent object ({by}) and cannot be deleted.")


# ---- tokens


@before("repeated", "RunInstances")
def of_terminated_instances(call, asked, answer):
    ids = re.findall("<instanceId>(.*?)</instanceId>", answer[2])
    states = [call.ec2_backend.get_instance(one).state for one in ids]
    if all(state == "terminated" for state in states):
        refuse("IdempotentInstanceTerminated", "The instances of this client token are terminated.")


# ---- refusals


@before("ec2", "ModifyInstanceAttribute")
def only_while_stopped(call):
    for attribute in ("InstanceType", "UserData", "EbsOptimized", "Kernel"):
        if call._get_param(f"{attribute}.Value") is not None:
            instance = call.ec2_backend.get_instance(call._get_param("InstanceId"))
            if instance.state != "stopped":
                refuse("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")


@around(instances, "parse_user_data")
def decoded_once(original, value):
    # What comes as bytes has been decoded already.
    return Base64EncodedString(base64.b64encode(value).decode()) if isinstance(value, bytes) else original(value)


@before("ec2", "TerminateInstances")
def protected(call):
    for instance in call._get_param("InstanceIds", []):
        if str(call.ec2_backend.get_instance(instance).disable_api_termination).lower() == "true":
            text = f"The instance '{instance}' may not be terminated. Modify its 'disableApiTermination' attribute."
            refuse("OperationNotPermitted", text)


@before("ec2", "DeleteSecurityGroup")
def group_in_use(call):
    backend, group = call.ec2_backend, call._get_param("GroupId")
    if group is None:
        return
    for instance in alive(backend):
        for nic in instance.nics.values():
            if group in [one.id for one in nic.group_set]:
                depends(f"resource {group}", nic.id)
    for nic in backend.enis.values():
        if group in [one.id for one in nic.group_set] and (nic.instance is None or nic.instance.state != "terminated"):
            depends(f"resource {group}", nic.id)
    for groups in backend.groups.values():
        for other in groups.values():
            rules = other.ingress_rules + other.egress_rules
            if other.id != group and any(rule.source_group.get("GroupId") == group for rule in rules):
                depends(f"resource {group}", other.id)


@before("ec2", "DeleteSubnet")
def subnet_in_use(call):
    backend, subnet = call.ec2_backend, call._get_param("SubnetId")
    for instance in alive(backend):
        if instance.subnet_id == subnet:
            depends(f"The subnet '{subnet}'", instance.id)
    for gateway in nat_gateways(backend):
        if gateway.subnet_id == subnet:
            depends(f"The subnet '{subnet}'", gateway.id)
    for nic in backend.enis.values():
        if nic.subnet.id == subnet and (nic.instance is None or nic.instance.state != "terminated"):
            depends(f"The subnet '{subnet}'", nic.id)


@before("ec2", "DeleteVpc")
def vpc_in_use(call):
    backend, vpc = call.ec2_backend, call._get_param("VpcId")
    for gateway in backend.internet_gateways.values():
        if gateway.vpc and gateway.vpc.id == vpc:
            depends(f"The vpc '{vpc}'", gateway.id)
    for group in list(backend.groups[vpc].values()):
        if group.name != "default":
            depends(f"The vpc '{vpc}'", group.id)


@before("ec2", "AttachInternetGateway")
def second_gateway(call):
    vpc = call._get_param("VpcId")
    for gateway in call.ec2_backend.internet_gateways.values():
        if gateway.vpc and gateway.vpc.id == vpc and gateway.id != call._get_param("InternetGatewayId"):
            refuse("InvalidParameterValue", f"Network {vpc} already has an internet gateway attached")


@before("ec2", "DetachInternetGateway")
def addresses_behind_it(call):
    vpc = call._get_param("VpcId")
    for address in call.ec2_backend.addresses:
        if address.eni and address.eni.subnet.vpc_id == vpc:
            mapped(vpc)
    for instance in alive(call.ec2_backend):
        if instance.vpc_id == vpc and instance.public_ip and instance.state in ("pending", "running"):
            mapped(vpc)
    for gateway in nat_gateways(call.ec2_backend):
        if call.ec2_backend.get_subnet(gateway.subnet_id).vpc_id == vpc:
            mapped(vpc)


def mapped(vpc):
    text = f"Network {vpc} has some mapped public address(es). Please unmap those before detaching the gateway."
    refuse("DependencyViolation", text)


@before("ec2", "ReleaseAddress")
def associated(call):
    for address in call.ec2_backend.addresses:
        if address.allocation_id == call._get_param("AllocationId") and address.association_id:
            refuse("InvalidIPAddress.InUse", f"The address {address.public_ip} is in use.")


def mounted(volume):
    """Whether the system of a machine uses a disk, which is said by its tag `mounted`."""
    machine = volume.attachment and volume.attachment.instance
    tagged = any(tag["key"] == "mounted" for tag in volume.get_tags())
    return tagged and machine and machine.state in ("pending", "running", "stopping")


# "Make sure to unmount any file systems on the device ... failure to do so can result in the volume becoming stuck in
# the busy state while detaching" (DetachVolume).
@around(EBSBackend, "detach_volume")
def only_what_is_not_mounted(original, self, volume_id, instance_id, device_path):
    volume = self.get_volume(volume_id)
    if not mounted(volume):
        return original(self, volume_id, instance_id, device_path)
    volume.attachment.status = "busy"
    return volume.attachment


@around(EBSBackend, "create_volume")
def encrypted_by_default(original, self, *arguments, **named):
    volume = original(self, *arguments, **named)
    # "Enable Amazon EBS encryption by default", Amazon EBS user guide.
    volume.encrypted = volume.encrypted or getattr(self, "ebs_encryption_by_default", False)
    return volume


@before("ec2", "AttachVolume")
def other_zone(call):
    volume = call.ec2_backend.get_volume(call._get_param("VolumeId"))
    instance = call.ec2_backend.get_instance(call._get_param("InstanceId"))
    if volume.zone.name != instance.availability_zone:
        text = f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'"
        refuse("InvalidVolume.ZoneMismatch", text)
    if volume.attachment:
        refuse("VolumeInUse", f"{volume.id} is already attached to an instance")
    if volume.status != "available":
        refuse("IncorrectState", f"The volume '{volume.id}' is not 'available'.")
    if instance.state not in ("running", "stopped", "stopping"):
        refuse("IncorrectState", f"The instance '{instance.id}' is not 'running'.")
    if call._get_param("Device") in instance.block_device_mapping:
        text = f"Invalid value '{call._get_param('Device')}' for unixDevice. Attachment point is already in use"
        refuse("InvalidParameterValue", text)


@around(EBSBackend, "detach_volume")
def of_the_one_instance(original, self, volume_id, instance_id, device_path):
    volume = self.get_volume(volume_id)
    if instance_id is None and volume.attachment is None:
        refuse("IncorrectState", f"Volume '{volume_id}' is in the 'available' state.")
    return original(self, volume_id, instance_id or volume.attachment.instance.id, device_path)


@before("ec2", "ModifyVolume")
def only_larger(call):
    volume, size = call.ec2_backend.get_volume(call._get_param("VolumeId")), call._get_param("Size")
    if size is not None and int(size) < int(volume.size):
        refuse("InvalidParameterValue", f"New size cannot be smaller than existing size {volume.size}")
    if any(one.modification_state == "modifying" for one in volume.modifications):
        text = f"Volume {volume.id} has a modification that is not completed yet."
        refuse("IncorrectModificationState", text)


@before("ec2", "DeleteNatGateway")
def unknown_gateway(call):
    gateway = call._get_param("NatGatewayId")
    if gateway not in call.ec2_backend.nat_gateways:
        refuse("NatGatewayNotFound", f"The Nat Gateway {gateway} was not found")


# ---- states that last


@around(InstanceBackend, "run_instances")
def starting(original, *arguments, **named):
    reservation = original(*arguments, **named)
    for instance in reservation.instances:
        slowly(instance, "_state", InstanceState("pending", 0))
    return reservation


def changing(method, name, code):
    @around(Instance, method)
    def changed(original, self):
        before = original(self)
        # The same object would change with the state that it stands for.
        self._state = InstanceState(self._state.name, self._state.code)
        if before.name != self._state.name:
            slowly(self, "_state", InstanceState(name, code))
        return before


changing("start", "pending", 0)
changing("stop", "stopping", 64)
changing("terminate", "shutting-down", 32)


def overlaid(owner, name):
    """Makes a computed attribute one that can be another for a while."""
    computed = getattr(owner, name)
    kept = f"_slow_{name}"

    def get(self):
        return getattr(self, kept, None) or computed.fget(self)

    def put(self, value):
        setattr(self, kept, None if value == computed.fget(self) else value)

    setattr(owner, name, property(get, put))


overlaid(Volume, "status")
overlaid(VolumeModification, "modification_state")


@around(EBSBackend, "create_volume")
def creating(original, *arguments, **named):
    volume = original(*arguments, **named)
    slowly(volume, "status", "creating")
    return volume


@around(EBSBackend, "modify_volume")
def modifying(original, *arguments, **named):
    volume = original(*arguments, **named)
    slowly(volume.modifications[-1], "modification_state", "modifying")
    return volume


@around(EBSBackend, "attach_volume")
def attaching(original, *arguments, **named):
    attachment = original(*arguments, **named)
    slowly(attachment, "status", "attaching")
    return attachment


@around(Snapshot, "__init__")
def snapping(original, self, *arguments, **named):
    original(self, *arguments, **named)
    slowly(self, "status", "pending")


@around(AmiBackend, "create_image")
def imaging(original, *arguments, **named):
    image = original(*arguments, **named)
    slowly(image, "state", "pending")
    return image


@around(NatGatewayBackend, "create_nat_gateway")
def building(original, *arguments, **named):
    gateway = original(*arguments, **named)
    slowly(gateway, "state", "pending")
    return gateway


@around(NatGatewayBackend, "delete_nat_gateway")
def tearing_down(original, self, nat_gateway_id):
    gateway = original(self, nat_gateway_id)

    def finish():
        for address in self.addresses:
            if address.eni is gateway._eni:
                self.disassociate_address(association_id=address.association_id)
        if gateway._eni.id in self.enis:
            self.delete_network_interface(gateway._eni.id)

    slowly(gateway, "state", "deleting", finish)
    return gateway


# ---- what moto gets wrong

# For ever it tells the tags that a template was made with.
LaunchTemplate.tags = property(lambda self: self.get_tags(), lambda self, made_with: None)
