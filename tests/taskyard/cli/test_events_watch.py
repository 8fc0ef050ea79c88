"""`events -w --for`: what happened to a service and its tasks, and each new thing as it happens, counted."""

from __future__ import annotations

import subprocess
import sys

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Metadata, ObjectRef, Service, ServiceSpec, TaskSpec, TaskTemplate
from tests.support.served import ServedPlane

UID = "0123456789ab"


def test_what_happens_to_a_service_and_its_tasks_is_told_at_once(served: ServedPlane) -> None:
    template = TaskTemplate(spec=TaskSpec(image="busybox:1.35"))
    service = Service(
        metadata=Metadata(name="web", uid=UID, generation=1), spec=ServiceSpec(template=template, replicas=1)
    )
    served.plane.put(keys.object_key(ObjectKey("Service", "default", "web")), service)
    served.plane.settle(served.plane.services)
    uid = served.plane.task("web-0").metadata.uid
    tell(served, "Task", "other", "aaaaaaaaaaaa", "Restarting")
    tell(served, "Task", "web-0", uid, "Started")
    command = [sys.executable, "-m", "taskyard", "--port", str(served.port), "events", "-w", "--for", "service/web"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    header, *first = [process.stdout.readline() for _ in range(3)]
    assert "REASON" in header
    assert sorted(line.split()[2] for line in first) == ["RolloutStarted", "Started"]
    tell(served, "Task", "other", "aaaaaaaaaaaa", "Killed")
    tell(served, "Task", "web-0", uid, "Restarting")
    assert "Restarting" in process.stdout.readline()
    tell(served, "Task", "web-0", uid, "Restarting")
    again = process.stdout.readline()
    process.terminate()
    process.wait(timeout=10)
    assert "Restarting" in again
    assert "x2" in again


def tell(served: ServedPlane, kind: str, name: str, uid: str, reason: str) -> None:
    served.plane.events.emit(ObjectRef(kind=kind, name=name, uid=uid), "default", reason, "as it is")
    served.plane.events.flush()
    served.plane.pump()
