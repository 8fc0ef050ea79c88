"""What is known of the folder's files: each as it was last read, and as it was last good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from controlplane.folder.files import Read, Signature, list_files, read_file
from taskyard.objects import AnyObject


class KnownFiles:
    """Empty until the first look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._signatures: dict[str, Signature] = {}
        self.read: dict[str, Read] = {}
        self.last_good: dict[str, tuple[AnyObject, ...]] = {}
        self.removal_allowed = False

    def look(self) -> bool:
        """Reads what is new or changed and forgets what is gone; True when a file changed while it was read.

        Raises FolderUnreadable, and then knows what it knew before.
        """
        listing = list_files(self._folder)
        self.removal_allowed = listing.removal_allowed
        for gone in self.read.keys() - listing.files.keys():
            del self.read[gone]
            self._signatures.pop(gone, None)
            self.last_good.pop(gone, None)
        unsettled = False
        for name, signature in listing.files.items():
            if self._signatures.get(name) == signature:
                continue
            read = read_file(self._folder, name, signature)
            self.read[name] = read
            if read.settled:
                self._signatures[name] = signature
            unsettled = unsettled or not read.settled
            if read.objects is not None:
                self.last_good[name] = read.objects
        return unsettled

    def objects(self) -> Iterator[AnyObject]:
        """Everything that some file declares, as far as it is known; the same one may come twice."""
        for name, read in self.read.items():
            yield from self.last_good.get(name, ()) if read.objects is None else read.objects
