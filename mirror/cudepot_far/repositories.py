"""The kinds of repositories whose signed roots lead to packages."""

from cudepot_far.apt import APT
from cudepot_far.yum import YUM

KINDS = (APT, YUM)
