"""`perdure init`: a project that runs at once, and keeps the strict rules of its tools."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from perdure.cli.init import FILES, package_name, project_name
from tests.cli.done import PERDURE, Perdure
from tests.docs.page import free_port

TOOLS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project."""
    folder = tmp_path_factory.mktemp("init")
    subprocess.run([PERDURE, "init", "hello"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / "hello"


def _tool(project: Path, *command: str) -> str:
    """What a tool says about the project; it must be content."""
    done = subprocess.run(
        [str(TOOLS / command[0]), *command[1:]],
        cwd=project,
        env=os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_says_what_it_made_and_how_to_go_on(perdure: Perdure, folder: Path) -> None:
    """Every file is there, with nothing of a template left in it."""
    done = perdure("init", "my-shop")
    assert (done.status, done.err) == (0, "")
    for name in FILES:
        assert f"  my-shop/{name}\n" in done.out
        assert "{{" not in (folder / "my-shop" / name).read_text()
    assert "  cd my-shop\n  perdure serve app:app\n  pytest\n" in done.out
    assert "package: my_shop.v1\n" in (folder / "my-shop/specs/greeter.yaml").read_text()


def test_its_tests_pass(hello: Path) -> None:
    """As they are, without a change."""
    assert "1 passed" in _tool(hello, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_its_code_is_clean(hello: Path) -> None:
    """Generated and written by hand, for the formatter, the linter and both type checkers."""
    _tool(hello, "ruff", "format", "--isolated", "--check", ".")
    _tool(hello, "ruff", "check", "--isolated", "--select", "I,F,UP,B", ".")
    (hello / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "pythonVersion": "3.11"}')
    _tool(hello, "pyright", "--pythonpath", sys.executable)
    _tool(hello, "mypy", "--strict", "app.py", "handlers.py", "tests")


def test_it_is_up_to_date(perdure: Perdure, hello: Path) -> None:
    """`perdure generate` would change nothing."""
    assert perdure("generate", "--check", cwd=hello).status == 0
    assert perdure("check", cwd=hello).status == 0


def test_it_serves(hello: Path, tmp_path: Path) -> None:
    """The call of its README gets its answer."""
    ingress, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    doors = ["--data", str(tmp_path / "data"), "--ingress", ingress, "--admin", admin]
    server = subprocess.Popen([PERDURE, "serve", "app:app", *doors], cwd=hello, stdout=subprocess.DEVNULL)
    request = urllib.request.Request(
        f"http://{ingress}/Greeter/Mary/greet",
        data=b'{"greeting": "Hi"}',
        headers={"content-type": "application/json"},
    )
    try:
        answer = _once_it_listens(server, request)
    finally:
        server.terminate()
        server.wait(20)
    assert answer.startswith('"Hi Mary, for the 1. time.')
    assert server.returncode == 0


def _once_it_listens(server: subprocess.Popen[bytes], request: urllib.request.Request) -> str:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text: str = answer.read().decode()
                return text
        except urllib.error.URLError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_a_folder_with_something_in_it_is_left_alone(perdure: Perdure, folder: Path) -> None:
    """Whatever it is."""
    (folder / "full").mkdir()
    (folder / "full" / "notes").write_text("mine")
    done = perdure("init", "full")
    assert done.status == 2
    assert done.err == "error: full is not empty\n  hint: name a new folder: perdure init hello\n"
    assert [path.name for path in (folder / "full").iterdir()] == ["notes"]
    (folder / "file").write_text("")
    assert perdure("init", "file").err.startswith("error: file is a file\n")
    assert perdure("init", "file/below").err.startswith("error: file")


def test_an_empty_clone_is_empty(perdure: Perdure, folder: Path) -> None:
    """Here, with `.git` in it; and the folder gives the project its name."""
    here = folder / "3 Shops"
    (here / ".git").mkdir(parents=True)
    done = perdure("init", ".", cwd=here)
    assert done.status == 0, done
    assert "cd " not in done.out
    assert "package: app.v1\n" in (here / "specs/greeter.yaml").read_text()


@pytest.mark.parametrize(
    ("folder_name", "package", "project"),
    [
        ("hello", "hello", "hello"),
        ("My Shop", "my_shop", "My-Shop"),
        ("class", "app", "class"),
        ("2nd", "app", "2nd"),
        ("--", "app", "app"),
        ("größe", "gr_e", "gr-e"),
    ],
)
def test_names(folder_name: str, package: str, project: str) -> None:
    """A folder may be called anything; a package may not."""
    assert (package_name(folder_name), project_name(folder_name)) == (package, project)
