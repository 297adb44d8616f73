"""The commented ``cudepot.toml`` that ``cudepot init`` writes."""

from __future__ import annotations

from collections.abc import Sequence

TEMPLATE = """\
# What this site wants, from where, and how it is published. Formats: cudepot explain formats
version = 1
store = "store"              # objects, snapshots, build records; relative to this file
# In place of this line, [store] describes a bucket (S3) that several machines reach: cudepot explain operate

# Licence texts you have read and accepted, by sha256. `cudepot licence accept` shows and adds them.
accept-eula = []

[site]
path = "site"                # a web server shows site/current
label = "{label}"
key = "{key}"   # full fingerprint of the key that signs what you publish
gnupg = "{gnupg}"             # GnuPG home that holds it: keep it private, back it up
channel = "main"             # conda channel: site/current/conda/main
keep = 3                     # snapshots kept in the folder
# url = "https://packages.example"   # where clients reach it: what --url is by default, and files of the site name

[build]
number = 1                   # conda build number; wheels become VERSION+{label}.1
# zstd-level = 9             # 1 to 22; without it, level 7 with a window of 128 MB
deflate-level = 6
{closed}

# --- where artifacts come from -----------------------------------------------------------------------------
# NVIDIA's flat apt repository. Fetch its public key yourself, compare the fingerprint by another channel, and
# put the file next to this one. Shorter, with one of the presets that `cudepot upstreams` lists, in place of all
# the lines below [[upstream]]:  preset = "nvidia/ubuntu2004/x86_64"
# [[upstream]]
# name = "ubuntu2004/x86_64"
# type = "apt"
# url = "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2004/x86_64/"
# keys = ["EB693B3035CD5710E231E123A4B469963BF863CC"]
# keyrings = ["keys/3bf863cc.pub"]
#
# A repository with dists/: add suites = ["bookworm"], components = ["main"], architectures = ["amd64"].
#
# [[upstream]]
# name = "wheels"
# type = "simple"
# url = "https://YOUR.INDEX/simple/"
#
# [[upstream]]
# name = "downloads"
# type = "folder"
# path = "downloads"

# --- what is wanted ----------------------------------------------------------------------------------------
# [[pin]]
# upstream = "ubuntu2004/x86_64"
# packages = ["libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn8-dev=8.0.5.39-1+cuda11.1"]
#
# [[pin]]
# upstream = "wheels"
# packages = ["nvidia-cudnn-cu13==9.12.0.46"]
# recipe = "cudnn"                       # repackage: conda packages and a wheel
#
# [[pin]]
# upstream = "downloads"
# packages = ["cudnn-11.1-linux-x64-v8.0.5.39.tgz"]
# recipe = "cudnn"
# outputs = ["conda"]
#
# What machines that see nothing but the site must be able to install: wheels with all that they need, for each
# platform and Python, or conda packages (conda = ["python=3.12", "numpy"]).
# [[environment]]
# name = "train"
# platforms = ["linux-64", "linux-aarch64"]
# python = ["3.12"]
# wheels = ["torch==2.9.1", "numpy"]
# max-size = "20 GB"
"""


_CLOSED = "closed-channel = true        # the conda channel does without conda-forge: machines see this site alone"


def render_template(*, label: str, key: str, gnupg: str, closed: bool = False) -> str:
    """Return a cudepot.toml for a new site; ``closed`` for machines that see nothing else."""
    return TEMPLATE.format(label=label, key=key, gnupg=gnupg, closed=_CLOSED if closed else f"# {_CLOSED}")


ORIGIN_TEMPLATE = """\
# The far side of an air gap: shows the site of another machine as it was signed there (cudepot explain airgap).
version = 1
store = "store"              # objects and snapshots; relative to this file

[site]
path = "site"                # a web server shows site/current
label = "{label}"
keep = 3                     # snapshots kept in the folder
from = "{key}"   # full fingerprint of the key that signs the site
from-keyring = "{keyring}"
# Who may sign what upstreams sent to that site: checked again here, with these keys only.
upstream-keys = [
{upstream_keys}]
# Repositories of that site which no upstream signs (folders, installers): taken only when they are named here.
unsigned-upstreams = [{unsigned}]
# Where that site has channels: those of them that are shown here, each below its own name.
# channels = ["dev", "prod"]
"""


def render_origin_template(
    *, label: str, key: str, keyring: str, upstream_keys: Sequence[str], unsigned: Sequence[str]
) -> str:
    """Return a cudepot.toml for the far side of an air gap."""
    listed = "".join(f'  "{one}",\n' for one in upstream_keys)
    names = ", ".join(f'"{one}"' for one in unsigned)
    return ORIGIN_TEMPLATE.format(label=label, key=key, keyring=keyring, upstream_keys=listed, unsigned=names)
