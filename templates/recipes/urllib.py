import time
import urllib.request

URL = "{{ url }}"


def ping(end=""):
    """Tell how the job stands: "/start", "" for a success, "/fail". The job never fails by its ping."""
    for turn in range(5):
        try:
            urllib.request.urlopen(urllib.request.Request(URL + end, method="POST"), timeout=10)
            return
        except OSError as error:
            print("ping failed:", error)
            time.sleep(2**turn)


def job():
    ...  # your work


ping("/start")
try:
    job()
except BaseException:
    ping("/fail")
    raise
ping()
