# What moto leaves out of RDS, or does otherwise than AWS documents, put right inside of it: things in use are not
# deleted, names are not taken twice, static parameters wait for a reboot, and a database with "slow" in its name
# takes its time over everything, one state a look at it.

import copy
import uuid

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.rds.exceptions import RDSClientError
from moto.rds.models import DBInstance, DBParameterGroup, RDSBackend
from moto.rds.responses import RDSResponse

# Some of what every family has: name, type of its value, how it applies, the value of the family.
FAMILY = [
    ("slow_query_log", "boolean", "dynamic", "0"),
    ("long_query_time", "float", "dynamic", "10"),
    ("max_connections", "integer", "dynamic", "100"),
    ("performance_schema", "boolean", "static", "0"),
]


def replaced(owner):
    def put(function):
        function.before = getattr(owner, function.__name__, None)
        setattr(owner, function.__name__, function)
        return function

    return put


def group_of(response):
    name = response.params["DBParameterGroupName"]
    found = response.backend.describe_db_parameter_groups({"db_parameter_group_name": name})
    if not found:
        raise RDSClientError("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    return found[0]


@replaced(RDSResponse)
def describe_db_parameters(self):
    group = group_of(self)
    known = {name: (data, apply, value) for name, data, apply, value in FAMILY}
    told = []
    for name in sorted({*known, *group.parameters}):
        data, apply, value = known.get(name, ("string", "dynamic", None))
        told.append({"ParameterName": name, "DataType": data, "ApplyType": apply, "IsModifiable": True, "Source": "engine-default"})
        if value is not None:
            told[-1]["ParameterValue"] = value
        if name in group.parameters:
            told[-1].update(group.parameters[name])
            # One that is set to the family's value is not marked.
            told[-1]["Source"] = "system" if group.parameters[name]["ParameterValue"] == value else "user"
    source = self.params.get("Source")
    return ActionResult({"Parameters": [one for one in told if source in (None, one["Source"])]})


@replaced(RDSResponse)
def modify_db_parameter_group(self):
    group = group_of(self)
    changes = [one.original_dict() for one in self.params["Parameters"]]
    if len(changes) > 20:
        raise RDSClientError("InvalidParameterValue", "At most 20 parameters can be modified at once.")
    static = {name for name, _, apply, _ in FAMILY if apply == "static"}
    for change in changes:
        if change["ParameterName"] in static and change["ApplyMethod"] == "immediate":
            raise RDSClientError("InvalidParameterCombination", "cannot use immediate apply method for static parameter")
        group.parameters[change["ParameterName"]] = change
    pending(self.backend, group, changes)
    return ActionResult({"DBParameterGroupName": group.name})


@replaced(RDSResponse)
def reset_db_parameter_group(self):
    group = group_of(self)
    changes = [one.original_dict() for one in self.params["Parameters"]]
    for change in changes:
        group.parameters.pop(change["ParameterName"], None)
    pending(self.backend, group, changes)
    return ActionResult({"DBParameterGroupName": group.name})


def pending(backend, group, changes):
    if any(change["ApplyMethod"] == "pending-reboot" for change in changes):
        for database in backend.databases.values():
            if database.db_parameter_group_name == group.name:
                database.apply_status = "pending-reboot"


@replaced(RDSResponse)
def delete_db_parameter_group(self):
    name = self.params["DBParameterGroupName"]
    if any(database.db_parameter_group_name == name for database in self.backend.databases.values()):
        raise RDSClientError("InvalidDBParameterGroupState", "One or more database instances are still members of this parameter group.")
    return delete_db_parameter_group.before(self)


@replaced(RDSBackend)
def create_subnet_group(self, subnet_name, description, subnets, tags):
    if subnet_name in self.subnet_groups:
        raise RDSClientError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{subnet_name}' already exists.")
    if len({subnet.availability_zone for subnet in subnets}) < 2:
        raise RDSClientError("DBSubnetGroupDoesNotCoverEnoughAZs", "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement.")
    return create_subnet_group.before(self, subnet_name, description, subnets, tags)


@replaced(RDSBackend)
def modify_db_subnet_group(self, subnet_name, description, subnets):
    # moto forgets the group when it is changed.
    group = modify_db_subnet_group.before(self, subnet_name, description, subnets)
    self.subnet_groups[subnet_name] = group
    return group


@replaced(RDSBackend)
def delete_subnet_group(self, subnet_name):
    groups = [getattr(database, "db_subnet_group", None) for database in self.databases.values()]
    if any(group is not None and group.name == subnet_name for group in groups):
        raise RDSClientError("InvalidDBSubnetGroupStateFault", f"Cannot delete the subnet group '{subnet_name}' because at least one database instance is still using it.")
    return delete_subnet_group.before(self, subnet_name)


@replaced(RDSBackend)
def create_db_security_group(self, group_name, description, tags):
    if group_name in self.security_groups:
        raise RDSClientError("DBSecurityGroupAlreadyExists", f"{group_name} already exists")
    return create_db_security_group.before(self, group_name, description, tags)


class Ec2Group:
    def __init__(self, id):
        self.id, self.name, self.owner_id = id, "", "123456789012"


@replaced(RDSResponse)
def authorize_db_security_group_ingress(self):
    group = self.backend.describe_security_groups(self.params["DBSecurityGroupName"])[0]
    if self.params.get("CIDRIP"):
        group.authorize_cidr(self.params["CIDRIP"])
    else:
        group.authorize_security_group(Ec2Group(self.params["EC2SecurityGroupId"]))
    return ActionResult({"DBSecurityGroup": group})


@replaced(RDSResponse)
def revoke_db_security_group_ingress(self):
    group = self.backend.describe_security_groups(self.params["DBSecurityGroupName"])[0]
    if self.params.get("CIDRIP"):
        group._ip_ranges.remove(self.params["CIDRIP"])
    else:
        group._ec2_security_groups = [one for one in group._ec2_security_groups if one.id != self.params["EC2SecurityGroupId"]]
    return ActionResult({"DBSecurityGroup": group})


# ---- the states of a database

DBInstance.apply_status = "in-sync"
DBInstance.states = ()


@replaced(DBInstance)
def db_parameter_group_status_list(self):
    groups = [copy.copy(group) for group in self.db_parameter_groups()]
    for group in groups:
        group.ParameterApplyStatus = self.apply_status
    return groups


DBInstance.db_parameter_group_status_list = property(db_parameter_group_status_list)


@property
def latest_restorable_time(self):
    # Nothing can be restored before the first backup.
    return None if self.status in ("creating", "backing-up") else utcnow()


DBInstance.latest_restorable_time = latest_restorable_time


def slowly(database, *states):
    if "slow" in database.db_instance_identifier:
        database.status, database.states = states[0], states


@replaced(RDSResponse)
def describe_db_instances(self):
    # Only a look at one of them is a step in its life: other tests may list all of them meanwhile.
    name = self.params.get("DBInstanceIdentifier") or ""
    database = self.backend.databases.get(name)
    if database is not None and "slow" in name:
        if database.states:
            database.status, *database.states = database.states
        elif database.status == "deleting":
            del self.backend.databases[name]
        elif database.status not in ("failed", "stopped"):
            database.status = "available"
    return describe_db_instances.before(self)


def made(name, *states):
    def wrapped(self):
        result = wrapped.before(self)
        database = self.backend.databases[self.params["DBInstanceIdentifier"]]
        # moto gives all of them the same one.
        database.dbi_resource_id = "db-" + uuid.uuid4().hex[:26].upper()
        slowly(database, *states)
        return result

    wrapped.__name__ = name
    replaced(RDSResponse)(wrapped)


made("create_db_instance", "creating", "backing-up")
made("restore_db_instance_from_db_snapshot", "creating")
made("create_db_instance_read_replica", "creating")


@replaced(RDSResponse)
def promote_read_replica(self):
    database = available(self)
    result = promote_read_replica.before(self)
    database.source_db_instance_identifier = None
    slowly(database, "modifying")
    return result


def available(response):
    name = response.params["DBInstanceIdentifier"]
    database = response.backend.databases.get(name)
    if database is not None and database.status != "available":
        raise RDSClientError("InvalidDBInstanceState", f"Database instance is not in available state: {name}")
    return database


@replaced(RDSResponse)
def modify_db_instance(self):
    database = available(self)
    name = self.params.get("DBParameterGroupName") or ""
    if name.startswith("default."):
        # Amazon's own groups are always there.
        family = name.removeprefix("default.")
        group = DBParameterGroup(self.backend, name, f"Default parameter group for {family}", family)
        self.backend.db_parameter_groups.setdefault(name, group)
    result = modify_db_instance.before(self)
    if "DBParameterGroupName" in self.params:
        database.apply_status = "pending-reboot"
    if "DBPortNumber" in self.params:
        # moto keeps it under another name than it tells it.
        database.port = int(self.params["DBPortNumber"])
    slowly(database, "modifying")
    return result


@replaced(RDSResponse)
def reboot_db_instance(self):
    database = available(self)
    result = reboot_db_instance.before(self)
    database.apply_status = "in-sync"
    database.reboots = getattr(database, "reboots", 0) + 1
    slowly(database, "rebooting")
    return result


@replaced(RDSResponse)
def delete_db_instance(self):
    name = self.params["DBInstanceIdentifier"]
    database = self.backend.databases.get(name)
    if database is not None and database.status in ("creating", "modifying", "deleting"):
        raise RDSClientError("InvalidDBInstanceState", f"Instance {name} is in state {database.status}.")
    final = self.params.get("FinalDBSnapshotIdentifier")
    if database is not None and final and database.source_db_instance_identifier:
        raise RDSClientError("InvalidParameterCombination", "FinalDBSnapshotIdentifier can not be specified when deleting a replica instance")
    result = delete_db_instance.before(self)
    if "slow" in name:
        self.backend.databases[name] = database
        slowly(database, "deleting")
    return result
