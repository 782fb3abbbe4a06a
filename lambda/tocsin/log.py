"""What Tocsin says of itself: one structured log line, or one metric in CloudWatch's embedded format."""

from __future__ import annotations

import os

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

logger = Logger(service=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "tocsin"))

NAMESPACE = "Tocsin"


def count(metric: str, value: float = 1, unit: MetricUnit = MetricUnit.Count) -> None:
    """Add to a metric of this deployment (namespace Tocsin, dimension `name`); the alarms watch these."""
    with single_metric(
        name=metric,
        unit=unit,
        value=value,
        namespace=NAMESPACE,
        default_dimensions={"name": os.environ.get("TOCSIN_NAME", "tocsin")},
    ):
        pass
