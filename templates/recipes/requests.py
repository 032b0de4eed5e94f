import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

URL = "{{ url }}"

session = requests.Session()
retry = Retry(5, backoff_factor=1, status_forcelist=[429, 500, 502, 503, 504], allowed_methods=None)
session.mount("http://", HTTPAdapter(max_retries=retry))
session.mount("https://", HTTPAdapter(max_retries=retry))


def ping(end=""):
    """Tell how the job stands: "/start", "" for a success, "/fail". The job never fails by its ping."""
    try:
        session.post(URL + end, timeout=10).raise_for_status()
    except requests.RequestException as error:
        print("ping failed:", error)


def job():
    ...  # your work


ping("/start")
try:
    job()
except BaseException:
    ping("/fail")
    raise
ping()
