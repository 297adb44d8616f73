"""Every recorded incident of an index, replayed: the site stays as it was and the report names the fault.

Where the recorded incidents (the lists of ``simulator/incidents.py``) are replayed; ``#n`` are issues of
NVIDIA/cuda-repo-management, F is ``test_incidents_files``, W ``test_incidents_waiting``, Y ``test_incidents_yum``:

==================  ===============================================  =================================================
incident            what was served                                  test
==================  ===============================================  =================================================
NVD#1328            index older, its Release a week old (.cn)        each of them below
NVD#1343            index newer                                      below
#5                  index newer, on the day of a key rotation        below; the key: cli/test_trust
#7                  index older; then same size, other content       below
#8                  libcudnn8: same size, other content              F, outside and among the pins; F, an alarm later
#10                 index newer; a 404 cached for a week             below; F, a cached 404
#12                 index older (sbsa)                               below
#15                 index older                                      below
#17                 index newer                                      below
#19 #20 #21         libxnvctrl0: other bytes, two distributions      F
#22                 nvlink5-575: four bytes less                     F; and a real apt still installs
#24                 index newer                                      below
#25                 two distributions for three days                 below; W, broken upstreams do not stop the others
#27                 index newer for minutes, in two distributions    below; W, the gap is waited out
#28 #29             Release five and nine days old                   below
#31                 a third party's copy of two different days       below
#35                 cuda-drivers: same size, other content           F
#42                 cublas: four bytes less                          F
#43                 index newer                                      below
#2 = KMOD#30        an rpm that `rpm -K` calls good, four bytes more  Y
voicevox#1720       two debs replaced in place                       F
all of them         InRelease always of 1,581 bytes                  below, a root of the same size
==================  ===============================================  =================================================
"""

from __future__ import annotations

import pytest
from simulator.incidents import INDEXES, IndexIncident
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


def test_a_root_of_the_same_size_is_seen_to_be_another(world: World) -> None:
    """Its size says nothing, and an edge may give neither ETag nor date: its bytes count."""
    world.server.validators = False
    repo = world.add("ubuntu2004/x86_64")
    world.publish()
    root = repo.repo.folder / "InRelease"
    size = root.stat().st_size
    world.offer("ubuntu2004/x86_64", PINNED, NEXT)
    repo.at(days_ago=1)
    repo.publish_index(9001)
    assert root.stat().st_size == size
    world.project.run("lock")
    assert f'version = "{NEXT}"' in world.project.lock.read_text()
