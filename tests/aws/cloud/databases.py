"""Databases: what RDS refuses or applies later, where moto carries it out, and states that last for a time."""

from moto.rds.models import DBInstance, DBSnapshot, RDSBackend

from rules import around, before, refuse, slowly

# What waits for the maintenance window, when it is not to be applied at once.
LATER = ("allocated_storage", "db_instance_class", "engine_version", "iops", "multi_az", "storage_type")


# ---- refusals


@before("rds", "CreateDBSnapshot", "StopDBInstance")
def only_while_available(call):
    name = call.params.get("DBInstanceIdentifier")
    database = call.backend.databases.get(name)
    if database and database.status not in ("available", "storage-optimization"):
        text = f"Database instance is not in available state: {name} is {database.status}."
        refuse("InvalidDBInstanceState", text)


@before("rds", "DeleteDBInstance")
def deleted_already(call):
    name = call.params.get("DBInstanceIdentifier")
    database = call.backend.databases.get(name)
    if database is None:
        return
    if database.status == "deleting":
        refuse("InvalidDBInstanceState", f"Instance {name} is already being deleted.")
    skips, final = call.params.get("SkipFinalSnapshot"), call.params.get("FinalDBSnapshotIdentifier")
    if not skips and not final:
        text = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
        refuse("InvalidParameterCombination", text)
    if final and final in call.backend.database_snapshots:
        refuse("DBSnapshotAlreadyExists", f"Cannot create the snapshot because one with the identifier {final} exists.")


@around(RDSBackend, "modify_db_instance")
def in_its_time(original, self, name, wanted):
    if not wanted.get("apply_immediately"):
        for key in LATER:
            if key in wanted:
                del wanted[key]
    grown, database = wanted.get("allocated_storage"), self.databases.get(name)
    if grown is not None and database and int(grown) < int(database.allocated_storage):
        refuse("InvalidParameterCombination", "Invalid storage size for engine name: it cannot be reduced.")
    database = original(self, name, wanted)
    slowly(database, "status", "modifying")
    return database


# ---- states that last


@around(DBInstance, "__init__")
def creating(original, self, *arguments, **named):
    original(self, *arguments, **named)
    slowly(self, "status", "creating")


@around(DBSnapshot, "__init__")
def snapping(original, self, *arguments, **named):
    original(self, *arguments, **named)
    slowly(self, "status", "creating")


@around(RDSBackend, "reboot_db_instance")
def rebooting(original, self, name):
    database = original(self, name)
    slowly(database, "status", "rebooting")
    return database


@around(RDSBackend, "delete_db_instance")
def deleting(original, self, *arguments, **named):
    database = original(self, *arguments, **named)
    name = database.db_instance_identifier
    # Moto has taken it away; it is there until that has settled.
    self.databases[name] = database
    database.status = "available"
    slowly(database, "status", "deleting", lambda: self.databases.pop(name, None))
    if name not in self.databases:
        database.status = "deleting"
    return database
