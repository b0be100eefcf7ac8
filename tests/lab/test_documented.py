"""The commands of others that the pages type: pulumi, kubectl and minikube have them, and their options."""

import re
import shlex

from harness.labs import Program
from tests.documented import PAGES, named, typed

# What kubectl's second word names a kind after.
_OF_KINDS = {"get", "describe", "delete", "patch", "annotate", "label", "edit"}
_OPEN = re.compile(r"…|\b[A-Z]{2,}\b(?!=)")


def commands(program: str) -> list[list[str]]:
    """What the pages type or name of a program, each once, as its words without the program."""
    found = [one for page in PAGES for one in (*typed(page), *named(page)) if not _OPEN.search(one)]
    whole = {one for line in found for one in re.split(r" \| ", line) if one.startswith(f"{program} ")}
    return [shlex.split(one)[1:] for one in sorted(whole)]


def test_pulumi_has_the_commands_and_options(program: Program) -> None:
    helps: dict[str, str] = {}

    def said(path: str) -> str:
        helps[path] = helps.get(path) or program.run("pulumi", *path.split(), "--help", check=False).stdout
        return helps[path]

    wrong: list[str] = []
    for words in commands("pulumi"):
        path = ""
        for word in words:
            # Of what is no command of its own, an argument or an unknown word, it shows the help before it.
            if not re.fullmatch("[a-z][a-z-]*", word) or said(f"{path} {word}") == said(path):
                break
            path = f"{path} {word}"
        options = [word.partition("=")[0] for word in words if word.startswith("-")]
        unknown = [one for one in options if not re.search(rf"(^|\s){one}\b", said(path))]
        if not path or unknown:
            wrong.append(f"pulumi {shlex.join(words)}: {unknown or words[0]}")
    assert wrong == []


def test_kubectl_and_minikube_have_the_commands_and_the_cluster_the_kinds(program: Program) -> None:
    helps = {one: program.run(one, "--help").stdout for one in ("kubectl", "minikube")}
    listed = program.kubectl("api-resources", "--no-headers").stdout
    kinds = {word.lower() for line in listed.splitlines() for word in line.split()}
    kinds |= {f"{line.split()[0][:-1]}" for line in listed.splitlines()}
    wrong: list[str] = []
    for name, said in helps.items():
        for whole in commands(name):
            words = whole[2:] if whole[0] == "-n" else whole
            if not re.search(rf"^  {words[0]}\b", said, re.MULTILINE):
                wrong.append(f"{name} {shlex.join(words)}")
            if (
                name == "kubectl"
                and words[0] in _OF_KINDS
                and len(words) > 1
                and not words[1].startswith("-")
            ):
                asked = words[1].partition("/")[0].split(",")
                wrong += [f"kubectl {shlex.join(words)}: {one}" for one in asked if one not in kinds]
    assert wrong == []
