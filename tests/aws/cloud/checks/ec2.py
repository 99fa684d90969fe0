# What EC2 refuses, and what it does once.
ec2 = client("ec2", "eu-central-1")
image = ec2.describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"][0]["ImageId"]


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error)
    else:
        raise AssertionError(f"{code} did not come")


vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="eu-central-1a")["Subnet"]["SubnetId"]
group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
other = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc)["GroupId"]
pair = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": group}]}]
ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=pair)

wanted = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro", "SubnetId": subnet}
wanted |= {"SecurityGroupIds": [group], "ClientToken": "token-1"}
[first] = ec2.run_instances(**wanted)["Instances"]
[again] = ec2.run_instances(**wanted)["Instances"]
server = first["InstanceId"]
assert again["InstanceId"] == server
refused("IdempotentParameterMismatch", ec2.run_instances, **{**wanted, "InstanceType": "t3.small"})

refused("IncorrectInstanceState", ec2.modify_instance_attribute, InstanceId=server, InstanceType={"Value": "t3.small"})
refused("IncorrectInstanceState", ec2.modify_instance_attribute, InstanceId=server, UserData={"Value": b"x"})
ec2.stop_instances(InstanceIds=[server])
ec2.modify_instance_attribute(InstanceId=server, InstanceType={"Value": "t3.small"})
ec2.modify_instance_attribute(InstanceId=server, UserData={"Value": b"#!/bin/sh\n"})
data = ec2.describe_instance_attribute(InstanceId=server, Attribute="userData")["UserData"]["Value"]
assert data == "IyEvYmluL3NoCg==", data
ec2.start_instances(InstanceIds=[server])

refused("DependencyViolation", ec2.delete_subnet, SubnetId=subnet)
refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc)
refused("DependencyViolation", ec2.delete_security_group, GroupId=group)

gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
second = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
refused("InvalidParameterValue", ec2.attach_internet_gateway, InternetGatewayId=second, VpcId=vpc)
refused("Resource.AlreadyAssociated", ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
refused("DependencyViolation", ec2.delete_internet_gateway, InternetGatewayId=gateway)
address = ec2.allocate_address(Domain="vpc")["AllocationId"]
association = ec2.associate_address(AllocationId=address, InstanceId=server)["AssociationId"]
refused("InvalidIPAddress.InUse", ec2.release_address, AllocationId=address)
refused("DependencyViolation", ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
ec2.disassociate_address(AssociationId=association)
ec2.release_address(AllocationId=address)

volume = {"AvailabilityZone": "eu-central-1b", "Size": 4, "ClientToken": "token-2"}
far = ec2.create_volume(**volume)["VolumeId"]
assert ec2.create_volume(**volume)["VolumeId"] == far
refused("IdempotentParameterMismatch", ec2.create_volume, **{**volume, "Size": 5})
refused("InvalidVolume.ZoneMismatch", ec2.attach_volume, VolumeId=far, InstanceId=server, Device="/dev/sdf")
refused("InvalidParameterValue", ec2.modify_volume, VolumeId=far, Size=3)
near = ec2.create_volume(AvailabilityZone="eu-central-1a", Size=4)["VolumeId"]
ec2.attach_volume(VolumeId=near, InstanceId=server, Device="/dev/sdf")
refused("VolumeInUse", ec2.attach_volume, VolumeId=near, InstanceId=server, Device="/dev/sdg")
ec2.detach_volume(VolumeId=near)
refused("IncorrectState", ec2.detach_volume, VolumeId=near)

nat = {"SubnetId": subnet, "ConnectivityType": "private", "ClientToken": "token-3"}
outward = ec2.create_nat_gateway(**nat)["NatGateway"]["NatGatewayId"]
assert ec2.create_nat_gateway(**nat)["NatGateway"]["NatGatewayId"] == outward
refused("NatGatewayNotFound", ec2.delete_nat_gateway, NatGatewayId="nat-0")

ec2.modify_instance_attribute(InstanceId=server, DisableApiTermination={"Value": True})
refused("OperationNotPermitted", ec2.terminate_instances, InstanceIds=[server])
ec2.modify_instance_attribute(InstanceId=server, DisableApiTermination={"Value": False})
ec2.terminate_instances(InstanceIds=[server])
refused("IdempotentInstanceTerminated", ec2.run_instances, **wanted)
refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
ec2.delete_security_group(GroupId=other)
ec2.delete_security_group(GroupId=group)
refused("DependencyViolation", ec2.delete_subnet, SubnetId=subnet)
ec2.delete_nat_gateway(NatGatewayId=outward)
ec2.delete_subnet(SubnetId=subnet)
refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc)
ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
ec2.delete_vpc(VpcId=vpc)
result = True
