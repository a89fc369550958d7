# The version of Python that the tests run on.
ARG PYTHON=3.11-slim

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore UV_LINK_MODE=copy
WORKDIR /src
COPY locks/ locks/
RUN pip install --no-cache-dir --require-hashes --requirement locks/bootstrap.txt \
    && python -m venv --without-pip /opt/chaosday \
    && uv pip install --no-cache --python /opt/chaosday/bin/python \
        --require-hashes --requirement locks/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY orchestrator/ orchestrator/
COPY experiments/ experiments/
COPY api/ api/
COPY reports/ reports/
RUN hatchling build --target wheel --directory /dist \
    && uv pip install --no-cache --no-deps --compile-bytecode \
        --python /opt/chaosday/bin/python /dist/*.whl

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="chaosday" \
      org.opencontainers.image.description="Plan, run and learn from Chaos Days on Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/chaosday /opt/chaosday
# The database lives in /data; everything else may be read-only, but for /tmp.
RUN install --directory --owner=65532 --group=65532 --mode=0700 /data
ENV PATH=/opt/chaosday/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    CHAOSDAY_STORAGE_URL=sqlite+aiosqlite:////data/chaosday.db
WORKDIR /data
VOLUME ["/data"]
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/livez', timeout=4)"]
ENTRYPOINT ["chaosday"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
