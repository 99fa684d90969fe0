"""The emulator: moto, made stricter where AWS is. Prints its port when it is ready, and ends when its input
does: when the tests end, however they end."""

import os
import sys

from moto.ec2.models import amis
from moto.server import ThreadedMotoServer

import cloudfront  # noqa: F401: each of these makes its service stricter
import edges  # noqa: F401
import rds  # noqa: F401: the responses of RDS, before their models
import databases  # noqa: F401
import ec2  # noqa: F401
import s3  # noqa: F401
import tagged  # noqa: F401

# The image of the oldest example, which moto does not know by itself.
amis.AMIS.append(dict(amis.AMIS[0], ami_id=sys.argv[1], name="tadpole", description="tadpole"))

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
