# States that last: each thing is on its way for a while, and arrives.
import time

ec2, rds, cdn = client("ec2", "eu-west-3"), client("rds", "eu-west-3"), client("cloudfront")


def passes(states, ask):
    """Asks until the last of the states is there; that all of them were seen, in their order."""
    seen, until = [], time.monotonic() + 60
    while not seen or seen[-1] != states[-1]:
        assert time.monotonic() < until, (states, seen)
        try:
            state = ask()
        except ClientError as error:
            state = error.response["Error"]["Code"]
        if not seen or seen[-1] != state:
            seen.append(state)
        time.sleep(0.02)
    assert seen == states, (states, seen)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error)
    else:
        raise AssertionError(f"{code} did not come")


image = ec2.describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"][0]["ImageId"]
[server] = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro")["Instances"]
server = server["InstanceId"]


def state():
    return ec2.describe_instances(InstanceIds=[server])["Reservations"][0]["Instances"][0]["State"]["Name"]


passes(["pending", "running"], state)
ec2.stop_instances(InstanceIds=[server])
refused("IncorrectInstanceState", ec2.modify_instance_attribute, InstanceId=server, InstanceType={"Value": "t3.small"})
passes(["stopping", "stopped"], state)
ec2.modify_instance_attribute(InstanceId=server, InstanceType={"Value": "t3.small"})
ec2.start_instances(InstanceIds=[server])
passes(["pending", "running"], state)

zone = ec2.describe_instances(InstanceIds=[server])["Reservations"][0]["Instances"][0]["Placement"]["AvailabilityZone"]
volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
refused("IncorrectState", ec2.attach_volume, VolumeId=volume, InstanceId=server, Device="/dev/sdf")


def volumes():
    return ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]


passes(["creating", "available"], lambda: volumes()["State"])
ec2.modify_volume(VolumeId=volume, Size=2)
refused("IncorrectModificationState", ec2.modify_volume, VolumeId=volume, Size=3)
modifications = "VolumesModifications"
passes(
    ["modifying", "completed"],
    lambda: ec2.describe_volumes_modifications(VolumeIds=[volume])[modifications][0]["ModificationState"],
)
ec2.attach_volume(VolumeId=volume, InstanceId=server, Device="/dev/sdf")
passes(["attaching", "attached"], lambda: volumes()["Attachments"][0]["State"])
snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
passes(["pending", "completed"], lambda: ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"])
copy = ec2.create_image(InstanceId=server, Name="copy")["ImageId"]
passes(["pending", "available"], lambda: ec2.describe_images(ImageIds=[copy])["Images"][0]["State"])
ec2.terminate_instances(InstanceIds=[server])
passes(["shutting-down", "terminated"], state)

subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
address = ec2.allocate_address(Domain="vpc")["AllocationId"]
gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]


def gateways():
    return ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["State"]


passes(["pending", "available"], gateways)
ec2.delete_nat_gateway(NatGatewayId=gateway)
refused("InvalidIPAddress.InUse", ec2.release_address, AllocationId=address)
passes(["deleting", "deleted"], gateways)
ec2.release_address(AllocationId=address)


def database():
    return rds.describe_db_instances(DBInstanceIdentifier="unhurried")["DBInstances"][0]["DBInstanceStatus"]


wanted = {"DBInstanceIdentifier": "unhurried", "DBInstanceClass": "db.t3.small", "Engine": "mysql"}
wanted |= {"MasterUsername": "root", "MasterUserPassword": "secret99", "AllocatedStorage": 20}
rds.create_db_instance(**wanted)
refused("InvalidDBInstanceState", rds.modify_db_instance, DBInstanceIdentifier="unhurried", BackupRetentionPeriod=2)
passes(["creating", "available"], database)
rds.modify_db_instance(DBInstanceIdentifier="unhurried", BackupRetentionPeriod=2)
passes(["modifying", "available"], database)
rds.reboot_db_instance(DBInstanceIdentifier="unhurried")
passes(["rebooting", "available"], database)
rds.create_db_snapshot(DBInstanceIdentifier="unhurried", DBSnapshotIdentifier="unhurried")
passes(["creating", "available"], lambda: rds.describe_db_snapshots(DBSnapshotIdentifier="unhurried")["DBSnapshots"][0]["Status"])
rds.delete_db_instance(DBInstanceIdentifier="unhurried", SkipFinalSnapshot=True)
refused("InvalidDBInstanceState", rds.delete_db_instance, DBInstanceIdentifier="unhurried", SkipFinalSnapshot=True)
passes(["deleting", "DBInstanceNotFound"], database)

behaviour = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "658327ea"}
origin = {"Id": "o", "DomainName": "x.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
config = {"CallerReference": "unhurried", "Comment": "", "Enabled": False, "DefaultCacheBehavior": behaviour}
config |= {"Origins": {"Quantity": 1, "Items": [origin]}}
made = cdn.create_distribution(DistributionConfig=config)
id, etag = made["Distribution"]["Id"], made["ETag"]
refused("DistributionNotDisabled", cdn.delete_distribution, Id=id, IfMatch=etag)
passes(["InProgress", "Deployed"], lambda: cdn.get_distribution(Id=id)["Distribution"]["Status"])
cdn.delete_distribution(Id=id, IfMatch=etag)
result = True
