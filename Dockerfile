# syntax=docker/dockerfile:1
# The image of every process of ttr; `docker compose up --build` makes it (docs/deploy-compose.md).

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv --without-pip /opt/ttr
COPY requirements.txt ./
# Redis and Postgres run in containers of their own. What only the embedded ones need, 50 MB, must fit the machine by its
# marker, which tells it here.
RUN grep -v -e platform_machine -e '^valkey=' requirements.txt > served.txt \
 && pip --python /opt/ttr/bin/python install --no-cache-dir --disable-pip-version-check --compile -r served.txt
COPY . ./
RUN pip --python /opt/ttr/bin/python install --no-cache-dir --disable-pip-version-check --compile --no-deps .

FROM python:3.11-slim-bookworm
RUN pip uninstall --yes --root-user-action=ignore --disable-pip-version-check setuptools wheel pip \
 && groupadd --gid 10001 ttr \
 && useradd --uid 10001 --gid ttr --home-dir /tmp --no-create-home --shell /usr/sbin/nologin ttr
COPY --from=build /opt/ttr /opt/ttr
ENV PATH=/opt/ttr/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    TTR_ENV=production \
    TTR_DATA_DIR=/tmp/ttr
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s CMD ["ttr", "alive", "web"]
CMD ["ttr", "web"]
