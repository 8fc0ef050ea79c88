"""What users ask for where nodes are drained, drawn from the seed: budgets, and tasks that stay all the same."""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from taskyard.objects import DRAIN_TAINT, Service, TaskSpec, Toleration

LEAST = (0, 0, 2, 9)
"""Nine are more than there are of any kind: none of them may leave."""
LEAST_OF_SERVICES = (0, 0, 1, 2)
_STAYS = Toleration(key=DRAIN_TAINT.key, operator="Exists", effect="NoExecute")


def with_budget(random: Random, spec: TaskSpec) -> TaskSpec:
    return replace(spec, min_available=random.choice(LEAST))


def tolerating(random: Random, spec: TaskSpec) -> TaskSpec:
    """Some stay where they are."""
    return replace(spec, tolerations=[_STAYS]) if random.random() < 0.1 else spec


def template_with_budget(service: Service) -> Service:
    """Hangs on the template, so that nothing else is drawn otherwise for it."""
    template = service.spec.template
    least = Random(f"{template.spec.env['VERSION']}/budget").choice(LEAST_OF_SERVICES)
    spec = replace(template.spec, min_available=least)
    return replace(service, spec=replace(service.spec, template=replace(template, spec=spec)))
