# What RDS refuses, and what it applies later.
rds = client("rds", "eu-central-1")


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error)
    else:
        raise AssertionError(f"{code} did not come")


def told():
    return rds.describe_db_instances(DBInstanceIdentifier="checked")["DBInstances"][0]


subnets = [one["SubnetId"] for one in client("ec2", "eu-central-1").describe_subnets()["Subnets"]]
group = {"DBSubnetGroupName": "checked", "DBSubnetGroupDescription": "x", "SubnetIds": subnets}
rds.create_db_subnet_group(**group)
refused("DBSubnetGroupAlreadyExists", rds.create_db_subnet_group, **group)
tuning = {"DBParameterGroupName": "checked", "DBParameterGroupFamily": "mysql8.0", "Description": "x"}
rds.create_db_parameter_group(**tuning)
refused("DBParameterGroupAlreadyExists", rds.create_db_parameter_group, **tuning)
wanted = {"DBInstanceIdentifier": "checked", "DBInstanceClass": "db.t3.small", "Engine": "mysql"}
wanted |= {"MasterUsername": "root", "MasterUserPassword": "secret99", "AllocatedStorage": 20}
wanted |= {"DBSubnetGroupName": "checked", "DBParameterGroupName": "checked"}
rds.create_db_instance(**wanted)
refused("DBInstanceAlreadyExists", rds.create_db_instance, **wanted)
refused("InvalidDBSubnetGroupStateFault", rds.delete_db_subnet_group, DBSubnetGroupName="checked")
refused("InvalidDBParameterGroupState", rds.delete_db_parameter_group, DBParameterGroupName="checked")

rds.modify_db_instance(DBInstanceIdentifier="checked", DBInstanceClass="db.t3.large")
assert told()["DBInstanceClass"] == "db.t3.small", "it waits for the maintenance window"
rds.modify_db_instance(DBInstanceIdentifier="checked", DBInstanceClass="db.t3.large", ApplyImmediately=True)
assert told()["DBInstanceClass"] == "db.t3.large"
shrunk = {"DBInstanceIdentifier": "checked", "AllocatedStorage": 19, "ApplyImmediately": True}
refused("InvalidParameterCombination", rds.modify_db_instance, **shrunk)

refused("InvalidParameterCombination", rds.delete_db_instance, DBInstanceIdentifier="checked")
rds.create_db_snapshot(DBInstanceIdentifier="checked", DBSnapshotIdentifier="final")
final = {"DBInstanceIdentifier": "checked", "FinalDBSnapshotIdentifier": "final"}
refused("DBSnapshotAlreadyExists", rds.delete_db_instance, **final)
rds.delete_db_instance(DBInstanceIdentifier="checked", SkipFinalSnapshot=True)
refused("DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier="checked")
rds.delete_db_subnet_group(DBSubnetGroupName="checked")
rds.delete_db_parameter_group(DBParameterGroupName="checked")
result = True
