"""How many connections the system lets the web process have."""

import subprocess
import sys

_ASKED = """
import resource
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
from ttr import web_server
web_server._take_all_descriptors()
print(*resource.getrlimit(resource.RLIMIT_NOFILE), most)
"""


def test_the_web_process_takes_as_many_as_it_may() -> None:
    done = subprocess.run([sys.executable, "-c", _ASKED], capture_output=True, text=True, check=True)
    soft, hard, most = done.stdout.split()
    assert soft == hard == most
