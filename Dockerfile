# docker build -t dragoman . && docker run -p 127.0.0.1:8080:8080 -v dragoman:/data -v ./dragoman.toml:/etc/dragoman.toml:ro dragoman
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/dragoman && /opt/dragoman/bin/pip install --no-cache-dir --constraint constraints.txt . nats-py

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
