# docker build -t dragoman . && docker run -p 127.0.0.1:8080:8080 -v dragoman:/data -v ./dragoman.toml:/etc/dragoman.toml:ro dragoman
# Every package has the version and the hashes of deploy/*requirements.txt (script/lock); the guide is built in.
FROM python:3.13-slim AS build
WORKDIR /src
COPY deploy/requirements.txt deploy/build-requirements.txt deploy/
RUN python -m venv /opt/dragoman && /opt/dragoman/bin/pip install --no-cache-dir --require-hashes -r deploy/requirements.txt \
    && python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r deploy/build-requirements.txt
COPY pyproject.toml README.md LICENSE mkdocs.yml ./
COPY script ./script
COPY docs ./docs
COPY src ./src
RUN mkdir build && ln -s /opt/build build/site-venv && touch build/site-venv/installed && script/site --in-gateway \
    && /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/dragoman/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /data dragoman && chmod 700 /data
COPY --from=build /opt/dragoman /opt/dragoman
ENV PATH=/opt/dragoman/bin:$PATH \
    DRAGOMAN_DATA_DIR=/data \
    DRAGOMAN_HTTP__LISTEN=0.0.0.0:8080
USER dragoman
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health/live', timeout=3)"]
CMD ["sh", "-c", "dragoman migrate --config /etc/dragoman.toml && exec dragoman serve --config /etc/dragoman.toml"]
