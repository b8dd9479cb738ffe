# The studio behind a password: docs/serving.md says how it is built and run.
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 studio
WORKDIR /studio
COPY requirements.txt ./
# torch's build for CPUs has no gigabytes of CUDA; pass --build-arg TORCH_INDEX= for the usual one
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-cache-dir --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.txt)"; \
    fi \
    && pip install --no-cache-dir -r requirements.txt
COPY app.py pyproject.toml LICENSE ./
COPY assets ./assets
COPY studio ./studio
RUN mkdir -p /data /home/studio/.cache && chown studio:studio /data /home/studio/.cache

USER studio
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 XDG_DATA_HOME=/data
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/theme.css', timeout=4)"]
ENTRYPOINT ["python", "app.py", "--no-browser", "--host", "0.0.0.0", "--port", "7860"]
CMD ["--auth-file", "/run/secrets/studio"]
