import time
import traceback
import urllib.request
from contextlib import contextmanager
from uuid import uuid4

URL = "{{ url }}"


def ping(end, body=""):
    """Never raises: the job does not fail by its ping."""
    data = body.encode(errors="replace")[-100_000:]
    for turn in range(5):
        try:
            urllib.request.urlopen(urllib.request.Request(URL + end, data, method="POST"), timeout=10)
            return
        except OSError as error:
            print("ping failed:", error)
            time.sleep(2**turn)


@contextmanager
def watched():
    """Around a job: `with watched():`, or `@watched()` above a function."""
    run = f"?rid={uuid4()}"  # runs that overlap are told apart by it
    ping("/start" + run)
    try:
        yield
    except SystemExit as stop:
        ping(("" if stop.code in (None, 0) else "/fail") + run)
        raise
    except BaseException:
        ping("/fail" + run, traceback.format_exc())
        raise
    ping(run)


@watched()
def job():
    ...  # your work


job()
