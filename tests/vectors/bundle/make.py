"""Packs members/ into tiny.weighbridge with Python's tarfile, an implementation that is not ours.

Run it in this folder; it changes nothing when the form of bundles has not changed.
"""

import os
import tarfile

# Bundles end with two empty blocks; tarfile would fill up to a tape record of 20.
tarfile.RECORDSIZE = tarfile.BLOCKSIZE

names = []
for folder, _, files in os.walk("members"):
    for name in files:
        path = os.path.join(folder, name)
        names.append(os.path.relpath(path, "members").replace(os.sep, "/"))

with tarfile.open("tiny.weighbridge", "w", format=tarfile.USTAR_FORMAT) as bundle:
    for name in sorted(names, key=str.encode):
        # A fresh TarInfo has mode 0644, no owner and no time, which is what a bundle has.
        member = tarfile.TarInfo(name)
        with open(os.path.join("members", name), "rb") as content:
            member.size = os.path.getsize(content.name)
            bundle.addfile(member, content)
