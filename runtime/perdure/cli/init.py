"""`perdure init DIR`: a small project that runs at once, with its code generated.

The law: it begins from nothing. A folder that has something in it is left alone.
"""

from __future__ import annotations

import argparse
import keyword
import re
from pathlib import Path

import jinja2

from perdure.cli.console import UserError, short
from perdure_codegen.emit import emit
from perdure_codegen.loading import load
from perdure_codegen.write import write

# What is written, and the template of each.
FILES = {
    ".gitignore": "gitignore.jinja",
    "README.md": "README.md.jinja",
    "app.py": "app.py.jinja",
    "handlers.py": "handlers.py.jinja",
    "pyproject.toml": "pyproject.toml.jinja",
    "specs/greeter.yaml": "greeter.yaml.jinja",
    "tests/test_greeter.py": "test_greeter.py.jinja",
}
# A new clone of an empty repository has these, and is still empty.
IGNORED = (".git", ".venv", ".idea", ".vscode", ".DS_Store")


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes the folder."""
    parser.add_argument("dir", type=Path, metavar="DIR", help="a new folder, or an empty one")


def run(args: argparse.Namespace) -> int:
    """Write the project, generate its code, and say how to go on."""
    root: Path = args.dir
    if root.exists() and not root.is_dir():
        raise UserError(f"{short(root)} is a file", hint="name a new folder: perdure init hello")
    if root.is_dir() and any(path.name not in IGNORED for path in root.iterdir()):
        raise UserError(f"{short(root)} is not empty", hint="name a new folder: perdure init hello")
    project = root.resolve().name or "app"
    loader = jinja2.PackageLoader("perdure_templates", "init")
    templates = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    for name, template in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = templates.get_template(template).render(project=project_name(project), package=package_name(project))
        path.write_text(text, "utf-8")
        print(f"  {short(path)}")
    generated = generate_project(root)
    print(f"  {short(root / 'generated')}/ ({generated} files)")
    print("\nIt runs. Next:\n")
    if root.resolve() != Path.cwd():
        print(f"  cd {short(root)}")
    print("  perdure serve app:app\n  pytest")
    return 0


def generate_project(root: Path) -> int:
    """Generate the code of the new project; returns the number of files."""
    loaded = load([root / "specs"])
    if loaded.model is None:
        raise AssertionError(f"the template of the spec is bad: {loaded.diagnostics}")
    files = emit(loaded.model)
    write(root / "generated", files)
    return len(files)


def package_name(folder: str) -> str:
    """A spec package named after a folder; `app` if nothing of its name can be used."""
    name = re.sub(r"[^a-z0-9]+", "_", folder.lower()).strip("_")
    return name if re.match(r"[a-z]", name) and not keyword.iskeyword(name) else "app"


def project_name(folder: str) -> str:
    """A project named after a folder, as packaging tools want it."""
    return re.sub(r"[^A-Za-z0-9]+", "-", folder).strip("-") or "app"
