"""`perdure serve --engine restate` from the outside: what it refuses, and how it is reached and stopped."""

from __future__ import annotations

import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

PERDURE = str(Path(sys.executable).parent / "perdure")
ROOT = Path(__file__).parents[2]
CLUSTER = ("--engine", "restate", "--listen", "127.0.0.1:0")
KEY = "publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f"
WAIT_S = 30.0


def serve(*options: str) -> subprocess.CompletedProcess[str]:
    """A start that is refused."""
    command = [PERDURE, "serve", "examples.app:app", *options]
    return subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=WAIT_S
    )


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (("--engine", "restate", "--data", "x"), 2, "--data is for --engine embedded"),
        (("--listen", "127.0.0.1:0"), 2, "--listen is for --engine restate"),
        ((*CLUSTER, "--tls-cert", "cert.pem"), 2, "--tls-cert and --tls-key go together"),
        ((*CLUSTER, "--tls-cert", "no.pem", "--tls-key", "no.pem"), 2, "no.pem is no file"),
        ((*CLUSTER, "--identity-key", KEY[:-3]), 2, "is no identity key"),
        ((*CLUSTER, "--register", "http://127.0.0.1:1"), 1, "http://127.0.0.1:1 cannot be reached"),
        (("--engine", "restate", "--listen", "0.0.0.0:0", "--register", "http://127.0.0.1:1"), 2, "--advertise"),
    ],
)
def test_what_is_refused(options: tuple[str, ...], status: int, says: str) -> None:
    """Each wrong option is named, with what to do, and nothing is served."""
    done = serve(*options)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert says in done.stderr
    assert "ready" not in done.stdout


def test_tls_and_identity_keys(tmp_path: Path) -> None:
    """It speaks TLS, answers nobody who does not sign, says where it listens, and ends with 0 on SIGTERM."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    openssl = shutil.which("openssl")
    assert openssl is not None
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    log = tmp_path / "log"
    tls = ("--tls-cert", str(cert), "--tls-key", str(key), "--identity-key", KEY)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PERDURE, "serve", "examples.app:app", *CLUSTER, *tls], cwd=ROOT, stdout=out, stderr=out
        )
    try:
        url = _url(log, process)
        trusted = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(f"{url}/health", timeout=WAIT_S, context=trusted) as response:
            assert response.status == 200
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/discover", timeout=WAIT_S, context=trusted)
        with refused.value:
            assert refused.value.code == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        assert log.read_text().endswith("stopped\n")
    finally:
        process.kill()
        process.wait()


def _url(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Where it listens, once it is ready."""
    deadline = time.monotonic() + WAIT_S
    while "\nready\n" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return next(line.split()[1] for line in log.read_text().splitlines() if line.startswith("  handlers"))
