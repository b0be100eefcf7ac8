"""The lab's own logic, without a host: names, records, exports, waits, locks, cgroups on v2."""

import errno
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import cgroups, command, containerd, docker, down, host, imagestore, logs, minikube, record, up, wait
from lab.cgroups import Hierarchy
from lab.errors import LabError
from lab.layout import FILES, Lab
from lab.lock import held
from lab.record import Record

SUBNET = IPv4Network("192.168.49.0/24")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab", tmp_path / "tools", SUBNET)


def test_addresses_are_the_first_and_the_third() -> None:
    lab = Lab(Path("/x/.lab"), Path("/x/.tools"), IPv4Network("10.1.2.0/24"))
    assert str(lab.gateway) == "10.1.2.1/24"
    assert str(lab.node) == "10.1.2.3/24"


def test_with_docker_its_containers_have_the_upper_half() -> None:
    lab = Lab(Path("/x/.lab"), Path("/x/.tools"), IPv4Network("10.1.2.0/24"), docker=True)
    assert (str(lab.gateway), str(lab.node)) == ("10.1.2.1/25", "10.1.2.3/25")
    assert str(lab.halves[1]) == "10.1.2.128/25"
    assert "export MINIKUBE_SUBNET=10.1.2.128/25\n" in docker.exports(lab)


def test_a_running_lab_gets_no_docker_later(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def running(_lab: Lab) -> int:
        return os.getpid()

    monkeypatch.setattr(host, "running", running)
    record.write(lab, Record(str(lab.subnet), str(lab.tools), complete=True))
    with pytest.raises(LabError, match=r"without Docker; to change that: python3 -m lab --dir .* down"):
        up.up(replace(lab, docker=True))


CAPABILITIES = '"CAP_SYS_PTRACE","CAP_SYS_RESOURCE","CAP_SYS_TIME"'


@pytest.mark.parametrize(
    ("option", "capabilities", "left"),
    [
        ("--bundle", CAPABILITIES, '"CAP_SYS_PTRACE","CAP_SYS_TIME"'),
        ("-b", '"CAP_CHOWN","CAP_SYS_RESOURCE"', '"CAP_CHOWN"'),
        ("--process", CAPABILITIES, '"CAP_SYS_PTRACE","CAP_SYS_TIME"'),
        ("-p", '"CAP_CHOWN"', '"CAP_CHOWN"'),
    ],
)
def test_runc_is_asked_for_no_more_than_the_machine_has(
    option: str, capabilities: str, left: str, tmp_path: Path
) -> None:
    (tmp_path / "runc").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "runc").chmod(0o755)
    asked = tmp_path / "config.json"
    asked.write_text(f'{{"bounding":[{capabilities}],"ambient":[]}}')
    given = str(tmp_path if option in ("--bundle", "-b") else asked)
    done = subprocess.run(
        [FILES / "runc.sh", "create", option, given, "name"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["create", option, given, "name"]
    assert asked.read_text() == f'{{"bounding":[{left}],"ambient":[]}}'


@given(directory=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_kernel_names_depend_on_the_directory_alone_and_fit(directory: str) -> None:
    one = Lab(Path("/", directory), Path("/a"), SUBNET)
    two = Lab(Path("/", directory), Path("/b"), IPv4Network("10.0.0.0/24"))
    assert one.cgroup == two.cgroup
    assert one.link == two.link
    assert len(one.link) <= 15  # IFNAMSIZ without its end
    assert Lab(Path("/", directory, "other"), Path("/a"), SUBNET).cgroup != one.cgroup


@given(
    words=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
        lambda text: "/" not in text and text not in {".", ".."} and ":" not in text
    )
)
def test_exports_mean_the_same_to_a_shell(words: str) -> None:
    lab = Lab(Path("/somewhere", words), Path("/tools"), SUBNET)
    script = minikube.exports(lab, "/usr/bin:/bin") + 'printf "%s\\n%s" "$PATH" "$KUBECONFIG"'
    shown = subprocess.run(("sh", "-c", script), capture_output=True, check=True).stdout
    assert os.fsdecode(shown) == f"{lab.bin}:/usr/bin:/bin\n{lab.kubeconfig}"


def test_exports_put_the_lab_on_path_once(lab: Lab) -> None:
    twice = minikube.exports(lab, f"{lab.bin}:/usr/bin:{lab.bin}:/bin")
    assert twice.splitlines()[0] == f"export PATH={lab.bin}:/usr/bin:/bin"


def test_a_record_is_read_as_written(lab: Lab) -> None:
    written = Record(subnet="10.0.0.0/24", tools="/t", images=["a.tar"], controllers={"/c": ["cpu"]})
    record.write(lab, written)
    assert record.read(lab) == written
    record.write(lab, replace(written, complete=True))
    assert record.read(lab) == replace(written, complete=True)


@pytest.mark.parametrize("text", ["", "{", '{"unknown": 1}', "[]"])
def test_a_broken_record_is_none(lab: Lab, text: str) -> None:
    lab.host.mkdir(parents=True)
    (lab.host / "record.json").write_text(text)
    assert record.read(lab) is None


def test_wait_ends_when_ready() -> None:
    answers = iter([False, False, True])
    wait.until("it", lambda: next(answers), timeout=5)
    assert next(answers, "all asked") == "all asked"


def test_wait_ends_early_with_the_reason_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(f"line {n}" for n in range(30)))
    with pytest.raises(LabError, match="containerd failed: it exited") as failure:
        wait.until("containerd", lambda: False, timeout=60, ended=lambda: "it exited", log=log)
    assert failure.value.log.splitlines()[0] == "line 10"
    assert failure.value.log.splitlines()[-1] == "line 29"


def test_wait_gives_up_in_time() -> None:
    with pytest.raises(LabError, match="it was not ready after 0 s"):
        wait.until("it", lambda: False, timeout=0)


def test_ready_in_the_last_moment_before_the_end_counts() -> None:
    answers = iter([False, True])
    wait.until("it", lambda: next(answers), timeout=60, ended=lambda: "it exited")


def test_a_failed_program_is_an_error_with_its_words() -> None:
    with pytest.raises(LabError, match=r"failed \(3\)") as failure:
        command.run("sh", "-c", "echo out; echo err >&2; exit 3")
    assert failure.value.log == "out\nerr"


def test_a_missing_and_a_slow_program_are_errors() -> None:
    with pytest.raises(LabError, match="no-such-program is missing"):
        command.run("no-such-program")
    with pytest.raises(LabError, match=r"did not end within 0.05 s"):
        command.run("sleep", "60", timeout=0.05)


def test_the_lock_is_for_one_at_a_time_and_leaves_nothing(lab: Lab) -> None:
    with held(lab):
        with pytest.raises(LabError, match="another `lab up` or `lab down`"), held(lab):
            pass
        lab.host.mkdir()
    assert lab.lock.exists()
    lab.host.rmdir()
    with held(lab):
        pass
    assert not lab.directory.exists()


def _hold(lab: Lab, times: int, inside: Path) -> None:
    for _ in range(times):
        try:
            with held(lab):
                inside.mkdir()  # fails where another is inside
                inside.rmdir()
        except LabError:
            continue


def test_the_lock_holds_while_its_file_comes_and_goes(lab: Lab, tmp_path: Path) -> None:
    start = multiprocessing.get_context("spawn")
    arguments = (lab, 300, tmp_path / "inside")
    workers = [start.Process(target=_hold, args=arguments) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]


def test_a_path_through_a_file_is_refused(lab: Lab) -> None:
    lab.directory.write_text("")
    for each in (lab, replace(lab, directory=lab.directory / "below")):
        with pytest.raises(LabError, match="is not a directory: use another --dir"), held(each):
            pass


def test_start_time_tells_a_process_from_a_later_one() -> None:
    child = subprocess.Popen(("sleep", "60"))
    assert host.start_time(child.pid) is not None
    assert host.start_time(child.pid) == host.start_time(child.pid)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert host.start_time(child.pid) is None


def test_a_host_of_another_start_time_is_not_running(lab: Lab) -> None:
    lab.host.mkdir(parents=True)
    (lab.host / "pid").write_text(f"{os.getpid()} 1\n")
    assert host.running(lab) is None
    (lab.host / "pid").write_text(f"{os.getpid()} {host.start_time(os.getpid())}\n")
    assert host.running(lab) == os.getpid()


@pytest.fixture
def moved(lab: Lab, tmp_path: Path) -> Iterator[Lab]:
    """A lab whose directory got another path while a process runs that was started as its host's first."""
    first = tmp_path / "init.sh"
    first.write_text("#!/bin/sh\nread -r _\n")
    first.chmod(0o755)
    before = tmp_path / "before"
    arguments = (first, before, lab.address, lab.gateway.ip)
    with subprocess.Popen([*map(str, arguments)], stdin=subprocess.PIPE, cwd="/") as process:
        record.write(lab, Record(str(lab.subnet), str(lab.tools), complete=True))
        (lab.host / "pid").write_text(f"{process.pid} {host.start_time(process.pid)}\n")
        yield lab


def test_a_lab_that_was_moved_while_it_runs_is_neither_removed_nor_repaired(
    moved: Lab, tmp_path: Path
) -> None:
    to_type = re.escape(f"python3 -m lab --dir {tmp_path / 'before'} down")
    for act in (down.down, up.up):
        with pytest.raises(LabError, match=to_type):
            act(moved)
    assert host.running(moved)
    assert record.read(moved)


def test_a_running_lab_with_a_link_in_its_old_place_is_moved_back_first(moved: Lab, tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.symlink_to(moved.directory)
    to_type = f"rm {before} && mv {moved.directory} {before} && python3 -m lab --dir {before} down"
    with pytest.raises(LabError, match=re.escape(to_type)):
        down.down(moved)


def test_the_copy_of_a_lab_that_runs_is_removed(moved: Lab, tmp_path: Path) -> None:
    shutil.copytree(moved.directory, tmp_path / "before")
    down.down(moved)
    assert not moved.directory.exists()


def test_a_process_outside_of_the_cgroup_is_never_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if its id had been read from the cgroup, and its owner had changed since.
    child = subprocess.Popen(("sleep", "60"))
    listed = iter([{child.pid}])

    def processes(groups: list[Path]) -> set[int]:
        assert groups == []
        return next(listed, set[int]())

    monkeypatch.setattr(cgroups, "processes", processes)
    cgroups.kill("blue-green-lab-none", timeout=5)
    assert child.poll() is None
    child.kill()
    child.wait()


def fake_v2(tmp_path: Path, *, enabled: str) -> Hierarchy:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text(enabled)
    return Hierarchy(tmp_path, 2, ())


def test_controllers_that_a_v2_root_keeps_are_enabled(tmp_path: Path) -> None:
    hierarchy = fake_v2(tmp_path, enabled="cpu memory\n")
    control = tmp_path / "cgroup.subtree_control"
    assert cgroups.controllers_to_enable([hierarchy]) == {control: ["cpuset", "pids"]}
    cgroups.create("ours", [hierarchy])
    assert control.read_text() == "+cpuset +pids"
    assert (tmp_path / "ours" / "init").is_dir()


def test_nothing_is_enabled_where_all_is(tmp_path: Path) -> None:
    hierarchy = fake_v2(tmp_path, enabled="cpuset cpu memory pids\n")
    assert cgroups.controllers_to_enable([hierarchy]) == {}


def test_a_lab_that_may_lower_oom_scores_is_told_by_its_capability(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("CapEff:\t000001fffeffffff\n")
    assert not containerd.may_lower_oom_scores(status)
    status.write_text("CapEff:\t000001ffffffffff\n")
    assert containerd.may_lower_oom_scores(status)


def test_containerd_has_no_systemd_on_cgroup_v2_either(lab: Lab) -> None:
    lab.host.mkdir(parents=True)
    containerd.write_settings(lab)
    settings = lab.host / "containerd.toml"
    # Minikube's own edit (pkg/minikube/cruntime/containerd.go), as on a machine with cgroup v2 alone.
    edit = r"s|^( *)SystemdCgroup = .*$|\1SystemdCgroup = true|g"
    edited = subprocess.run(("sed", "-r", edit, settings), capture_output=True, text=True, check=True).stdout
    runtimes = tomllib.loads(edited)["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]["runtimes"]
    assert runtimes["runc"]["options"] == {"SystemdCgroup": False}


def test_a_cache_on_another_mount_of_the_same_file_system_is_none(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(_lab: Lab) -> None:
        pass

    def across_mounts(*_: object, **_named: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    program = tmp_path / "containerd"
    program.write_text("#!/bin/sh\necho containerd 1.6\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(containerd, "stop", nothing)
    monkeypatch.setattr(containerd, "start", nothing)
    (lab.host / "var-lib" / "containerd").mkdir(parents=True)
    imagestore.keep(lab, [program])
    folders = tmp_path / "cache" / "blue-green" / "containerd"
    (of_another_clone,) = folders.glob("*/")
    other = replace(lab, directory=tmp_path / "other")
    other.host.mkdir(parents=True)
    assert imagestore.restore(other, [program])
    assert [path.name for path in other.host.iterdir()] == ["var-lib"]
    monkeypatch.setattr(os, "link", across_mounts)
    assert not imagestore.restore(other, [program])
    (tmp_path / "archive").touch()
    imagestore.keep(other, [tmp_path / "archive"])
    assert [*folders.glob("*/")] == [of_another_clone]


def test_profiles_are_minikubes(lab: Lab) -> None:
    profiles = lab.minikube_home / "profiles"
    for name, text in {"dev": '{"Name": "dev"}', "broken": "", "half": "{", "other": "{}"}.items():
        (profiles / name).mkdir(parents=True)
        (profiles / name / "config.json").write_text(text)
    assert minikube.profiles(lab) == ["dev"]


def test_kept_paths_are_those_that_a_user_writes_to(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, hidden, local = (tmp_path / name for name in ("home", "var-lib", "usr-local-bin"))
    for directory in (home / "work", hidden / "cache", local, lab.tools / "bin", lab.directory):
        directory.mkdir(parents=True)
    for name, place in {"kubelet": hidden / "cache", "minikube": local, "kubectl": home}.items():
        (place / name).touch()
        (lab.tools / "bin" / name).symlink_to(place / name)
    monkeypatch.setattr(up, "REPLACED", hidden)
    monkeypatch.setenv("HOME", str(home))
    repository = Path(__file__).parents[2]
    assert up.kept_paths(lab) == sorted([home, hidden / "cache", lab.directory, repository])
    monkeypatch.setenv("HOME", "/")
    assert up.kept_paths(lab) == sorted([hidden / "cache", lab.directory, repository])
    monkeypatch.setenv("HOME", str(home))
    inside_home = replace(lab, directory=home / "work")
    assert up.kept_paths(inside_home) == sorted([home, hidden / "cache", repository])


def test_down_of_a_lab_that_never_was_is_fine(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    down.down(lab)
    assert "there is no lab" in capsys.readouterr().err
    assert not lab.directory.exists()


def test_an_unknown_log_is_answered_with_the_known(lab: Lab) -> None:
    lab.logs.mkdir(parents=True)
    (lab.logs / "kubelet.log").write_text("hello\n")
    with pytest.raises(LabError, match="no log etcd; there are: kubelet"):
        logs.show(lab, "etcd", follow=False)
