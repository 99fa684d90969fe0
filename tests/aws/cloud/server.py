"""The emulator: moto, made stricter where AWS is. Prints its port when it is ready, and ends when its input
does: when the tests end, however they end."""

import os
import sys
import threading

from moto.ec2.models import amis
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer

import cloudfront  # noqa: F401: each of these makes its service stricter
import edges  # noqa: F401
import rds  # noqa: F401: the responses of RDS, before their models
import databases  # noqa: F401
import ec2  # noqa: F401
import s3  # noqa: F401
import tagged  # noqa: F401
from rules import around

_turn = threading.Lock()


@around(DomainDispatcherApplication, "__call__")
def one_at_a_time(original, self, environ, start_response):
    """The models of moto are not safe under threads: a dictionary that grows while another request reads it
    becomes a status 500, more often the busier the machine is."""
    with _turn:
        return original(self, environ, start_response)


# The image of the oldest example, which moto does not know by itself.
amis.AMIS.append(dict(amis.AMIS[0], ami_id=sys.argv[1], name="tadpole", description="tadpole"))

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
