"""The modules of ministack that the local AWS uses, under one roof.

ministack is untyped and reads its settings from the environment when it is imported: import this module
only in the server's process, after `__main__` has set that environment.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

app: Any = import_module("ministack.app")
router: Any = import_module("ministack.core.router")
responses: Any = import_module("ministack.core.responses")
concurrency: Any = import_module("ministack.core.concurrency")
iam_actions: Any = import_module("ministack.core.iam_actions")
iam_evaluator: Any = import_module("ministack.core.iam_evaluator")
lambda_runtime: Any = import_module("ministack.core.lambda_runtime")
cloudwatch: Any = import_module("ministack.services.cloudwatch")
cloudwatch_logs: Any = import_module("ministack.services.cloudwatch_logs")
dynamodb: Any = import_module("ministack.services.dynamodb")
eventbridge: Any = import_module("ministack.services.eventbridge")
iam: Any = import_module("ministack.services.iam")
lambdas: Any = import_module("ministack.services.lambda_svc")
scheduler: Any = import_module("ministack.services.scheduler")
ses: Any = import_module("ministack.services.ses")
ses_v2: Any = import_module("ministack.services.ses_v2")
sns: Any = import_module("ministack.services.sns")
sqs: Any = import_module("ministack.services.sqs")
stepfunctions: Any = import_module("ministack.services.stepfunctions")
sts: Any = import_module("ministack.services.sts")
