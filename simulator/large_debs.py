"""Forty large packages and metapackages of Debian: what choosing is compared with apt by, in tests and bench."""

NAMES = (
    "linux-headers-amd64", "build-essential", "gnome", "kde-standard", "libreoffice", "texlive-full", "octave",
    "nginx-full", "postgresql", "mariadb-server", "apache2", "php", "python3-venv", "python3-scipy", "python3-pandas",
    "default-jdk", "gcc", "g++", "clang", "cmake", "docker.io", "qemu-system-x86", "ffmpeg", "gimp", "inkscape", "vlc",
    "chromium", "firefox-esr", "thunderbird", "openssh-server", "samba", "bind9", "postfix", "dovecot-imapd", "r-base",
    "golang", "rustc", "nodejs", "npm", "ruby-full",
)  # fmt: skip
