# syntax=docker/dockerfile:1
# Debian (glibc) and Python 3.12: one dependency, infisical-python, ships wheels for nothing else.
# A release pins it by digest: --build-arg PYTHON=python:3.12-slim@sha256:…
ARG PYTHON=python:3.12-slim

# -- everything that is needed to install, and not to run --------------------------------------
FROM ${PYTHON} AS build
ENV UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/berth
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
# The dependencies first: they change less often than the code, so their layer is kept.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --extra otel --no-install-project --no-cache
COPY README.md LICENSE ./
COPY app ./app
RUN uv sync --locked --no-dev --extra otel --no-editable --no-cache \
    && mkdir -p /opt/berth/share/berth \
    && uv export --quiet --locked --no-dev --extra otel --preview-features sbom-export --format cyclonedx1.5 \
       --output-file /opt/berth/share/berth/sbom.cdx.json
COPY deploy/image/healthcheck.py /opt/berth/share/berth/

# -- what runs ---------------------------------------------------------------------------------
FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Berth" \
      org.opencontainers.image.description="The allocation desk in front of NetBox" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Nothing is installed in here any more, so what could install goes.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
    && groupadd --gid 10001 berth \
    && useradd --no-log-init --uid 10001 --gid berth --no-create-home --home-dir /var/lib/berth berth \
    && install --directory --owner=berth --group=berth --mode=0700 /var/lib/berth
COPY --from=build /opt/berth /opt/berth
ENV PATH=/opt/berth/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BERTH_HOST=0.0.0.0 \
    BERTH_PORT=8000 \
    BERTH_STATE_DIR=/var/lib/berth
WORKDIR /var/lib/berth
USER 10001:10001
VOLUME /var/lib/berth
EXPOSE 8000
# Berth finishes what it accepted within 25 s of SIGTERM (BERTH_DRAIN_SECONDS): give it 30.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "/opt/berth/share/berth/healthcheck.py"]
ENTRYPOINT ["berth"]
CMD ["serve"]
