"""Every recorded incident of an index, replayed: the site stays as it was and the report names the fault."""

from __future__ import annotations

import pytest
from tests.upstream.incidents import INDEXES, IndexIncident
from tests.workflows.incident_world import NEXT, PINNED, World, met


@pytest.mark.parametrize("incident", INDEXES, ids=str)
def test_an_index_that_its_signature_does_not_mean(world: World, incident: IndexIncident) -> None:
    name = incident.distro
    repo = world.add(name)
    world.publish()
    world.offer(name, PINNED, NEXT)
    repo.replay(incident)
    done = world.refused(5)
    met(world, incident, done.json)
    repo.at(days_ago=0.01)
    repo.publish_index(max(incident.served, incident.declared))
    world.healed()
    assert f'version = "{NEXT}"' in world.project.lock.read_text()


@pytest.mark.parametrize("incident", [INDEXES[2], INDEXES[4], INDEXES[7]], ids=str)
def test_a_real_apt_still_installs_what_it_did_before(world: World, incident: IndexIncident) -> None:
    repo = world.add(incident.distro)
    world.publish()
    world.offer(incident.distro, PINNED, NEXT)
    repo.replay(incident)
    world.refused(5)
    world.installs(name=incident.distro)
