# SyncFlow's daemon. A metadata database is needed beside it (DATABASE_URL); the state directory is a volume.
#
#     docker build -t syncflow .
#     docker run --rm --env-file syncflow.env syncflow db upgrade
#     docker run -d --stop-timeout 45 --env-file syncflow.env -v syncflow:/var/lib/syncflow syncflow
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md ./
COPY locales locales
COPY migrations migrations
COPY syncflow syncflow
COPY tui tui
RUN python -m venv /opt/syncflow && /opt/syncflow/bin/python -m pip install --no-cache-dir .
RUN /opt/syncflow/bin/python -m pip uninstall --yes pip && mkdir -m 0700 /opt/state

FROM python:3.13-slim
COPY --from=build /opt/syncflow /opt/syncflow
COPY --from=build --chown=10001:10001 /opt/state /var/lib/syncflow
ENV PATH=/opt/syncflow/bin:$PATH STATE_DIR=/var/lib/syncflow HOME=/var/lib/syncflow
USER 10001:10001
WORKDIR /var/lib/syncflow
VOLUME /var/lib/syncflow
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('API_PORT', '8016') + '/health', timeout=4)"]
ENTRYPOINT ["syncflow"]
CMD ["--daemon"]
