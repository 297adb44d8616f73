#!/usr/bin/env bash
# Lays NVIDIA's cuDNN out below a prefix as the packages have it:
#
#   lay-out.sh PREFIX VERSION
#
# from the current folder, which has what `cudepot repackage --payloads` wrote, or a release as NVIDIA ships it: tgz,
# tar.xz or zip; debs, rpms or a wheel; packed or unpacked. Links, second names and modes are those of cudepot's own
# packages; a file of another version is refused.
set -euo pipefail
prefix=$1 version=$2
major=${version%%.*}
full=$(cut -d. -f1-3 <<<"$version")

die() {
    echo "lay-out.sh: $*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null; }

unpack() {
    case $1 in
        *.deb) dpkg-deb -x "$1" . ;;
        *.rpm) if has bsdtar; then bsdtar -xf "$1"; elif has cpio; then rpm2cpio "$1" | cpio -idm --quiet
            else rpm2archive - <"$1" | tar -xz; fi ;;
        *.whl | *.zip) if has unzip; then unzip -qo "$1"; else python3 -m zipfile -e "$1" .; fi ;;
        *) tar -xf "$1" ;;
    esac
}

# named PATTERN...: regular files of these names, samples left out; what leads to them is linked anew
named() {
    local expression=() one
    for one; do expression+=(-o -name "$one"); done
    find . -type f \( "${expression[@]:1}" \) -not -path '*/samples/*' -not -path '*/cudnn_samples*' | LC_ALL=C sort
}

# place MODE FILE TARGET: the content, where nothing else was placed before
place() {
    mkdir -p "$(dirname "$3")"
    if [ -e "$3" ]; then
        cmp -s "$2" "$3" || die "$2 and another file should both be $(basename "$3"), and differ"
    else
        install -m "$1" "$2" "$3"
    fi
}

libraries() {
    local file name stem found
    while IFS= read -r file; do
        name=$(basename "$file") stem=$(basename "$file") && stem=${stem%%.so*}
        found=${name#"$stem".so} && found=${found#.}
        case $found in "" | "$major" | "$full") ;; *) die "$name is not of cuDNN $version" ;; esac
        place 755 "$file" "$prefix/lib/$stem.so.$full"
        ln -sfn "$stem.so.$full" "$prefix/lib/$stem.so.$major"
        ln -sfn "$stem.so.$major" "$prefix/lib/$stem.so"
    done < <(named 'libcudnn*.so' 'libcudnn*.so.*')
    while IFS= read -r file; do
        stem=$(basename "$file" .a) && stem=${stem%_v"$major"}
        place 644 "$file" "$prefix/lib/$stem.a"
        ln -sfn "$stem.a" "$prefix/lib/${stem}_v$major.a"
    done < <(named 'libcudnn*_static.a' 'libcudnn*_static_v*.a')
    while IFS= read -r file; do
        stem=$(basename "$file" .h) && stem=${stem%_v"$major"}
        place 644 "$file" "$prefix/include/$stem.h"
        place 644 "$file" "$prefix/include/${stem}_v$major.h"
    done < <(named 'cudnn*.h')
}

windows() {
    local file
    while IFS= read -r file; do place 755 "$file" "$prefix/Library/bin/$(basename "$file")"; done < <(named 'cudnn*.dll')
    while IFS= read -r file; do place 644 "$file" "$prefix/Library/lib/$(basename "$file")"; done < <(named 'cudnn*.lib')
    while IFS= read -r file; do place 644 "$file" "$prefix/Library/include/$(basename "$file")"; done < <(named 'cudnn*.h')
}

# the header says which version it is: cudnn.h up to 7, cudnn_version.h since
check_header() {
    local header part number=1
    for header in "$1"/cudnn_version.h "$1"/cudnn.h; do [ ! -f "$header" ] || break; done
    [ -f "$header" ] || die "no header among the files: for debs and rpms give the development package as well"
    for part in MAJOR MINOR PATCHLEVEL; do
        grep -Eq "^[[:space:]]*#[[:space:]]*define[[:space:]]+CUDNN_${part}[[:space:]]+$(cut -d. -f$number <<<"$version")([^0-9]|$)" \
            "$header" || die "$(basename "$header") is not of cuDNN $version: CUDNN_$part differs"
        number=$((number + 1))
    done
}

licence() {
    local file
    for file in LICENSE NVIDIA_SLA_cuDNN_Support.txt LICENSE.txt License.txt copyright; do
        file=$(find . -name "$file" -type f | LC_ALL=C sort | head -n 1)
        if [ -n "$file" ]; then
            [ "$file" = ./LICENSE ] || cp "$file" LICENSE
            return
        fi
    done
    die "no licence text among the files"
}

find . -maxdepth 1 -type f \( -name '*.deb' -o -name '*.rpm' -o -name '*.whl' -o -name '*.zip' -o -name '*.tgz' \
    -o -name '*.tar.xz' \) | LC_ALL=C sort | while IFS= read -r archive; do unpack "$archive"; done
mkdir -p "$prefix"
licence
if [ -n "$(named 'cudnn*.dll')" ]; then
    windows
    check_header "$prefix/Library/include"
else
    libraries
    check_header "$prefix/include"
fi
