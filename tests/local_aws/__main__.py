"""`python -m tests.local_aws --port N --state-dir DIR`: the local AWS in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path


def main() -> None:
    """Set the environment that ministack reads when it is imported, then serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.local_aws", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="loopback port to listen on")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for state, logs and unpacked functions")
    parser.add_argument("--persist", action="store_true", help="load the state at start and save it at the end")
    parser.add_argument("--region", default="eu-west-1")
    parser.add_argument("--account-id", default="111122223333")
    parser.add_argument("--no-auth", action="store_true", help="do not check signatures and permissions")
    parser.add_argument("--parent", type=int, help="stop when this process is gone or closes our standard input")
    options = parser.parse_args()

    scratch = options.state_dir.resolve() / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(scratch)
    os.environ.update(
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        GATEWAY_PORT=str(options.port),
        MINISTACK_REGION=options.region,
        MINISTACK_ACCOUNT_ID=options.account_id,
        AUTH="false" if options.no_auth else "true",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        PERSIST_STATE="1" if options.persist else "0",
        STATE_DIR=str(options.state_dir.resolve() / "services"),
        S3_DATA_DIR=str(options.state_dir.resolve() / "s3"),
        LAMBDA_ACCOUNT_CONCURRENCY="1000",  # AWS's default; how many run at once is `lambdas.PARALLEL`
        LAMBDA_WARM_TTL_SECONDS="30",
        LOG_LEVEL=os.environ.get("LOG_LEVEL", "WARNING"),
    )

    from tests.local_aws import server  # after the environment: see above

    server.run(port=options.port, state_dir=options.state_dir.resolve(), persist=options.persist, parent=options.parent)


if __name__ == "__main__":
    main()
