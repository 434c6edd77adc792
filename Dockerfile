# SPDX-License-Identifier: BSD-3-Clause
# A Celery worker with the example apps. Settings and secrets come from the environment when it
# runs (see docker-compose.yml), never from the image.

FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY igwn_alert_celery ./igwn_alert_celery
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir .

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 worker
COPY --from=build /opt/venv /opt/venv
COPY examples /app
WORKDIR /app
USER worker
# APP is celery's variable for its option -A.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    APP=followup
# Asks the worker, and looks at the receiver too: a ping alone is answered by a deaf worker as well.
HEALTHCHECK --interval=30s --timeout=20s --start-period=40s --retries=3 \
    CMD celery inspect stats --json --timeout 5 --destination "celery@$(hostname)" \
        | grep -q '"state": "running"'
CMD ["celery", "worker", "--loglevel", "INFO"]
