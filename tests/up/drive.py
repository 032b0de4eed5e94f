"""Runs `ttr up` on a Procfile of the test's own, with limits of its own: drive.py PROCFILE LIMITS_AS_JSON [SERVER]."""

import asyncio
import json
import sys
from pathlib import Path

from ttr.settings import load_settings
from ttr.up import embedded_redis
from ttr.up.patience import Limits
from ttr.up.procfile import read_procfile
from ttr.up.refusal import Refusal
from ttr.up.up import up

if __name__ == "__main__":
    if len(sys.argv) > 3:
        embedded_redis.find_server = lambda: sys.argv[3]
    try:
        procfile = read_procfile(Path(sys.argv[1]))
        sys.exit(
            asyncio.run(up(load_settings(), procfile=procfile, limits=Limits(**json.loads(sys.argv[2]))))
        )
    except Refusal as refusal:
        sys.exit(f"refused: {refusal}")
