"""What can go wrong, said to the person who can do something about it.

A message gives, in this order: what was asked, of which camera or segment and when, what was found instead,
and what to do.
"""

from __future__ import annotations


class RtccError(Exception):
    """Root of every error the workbench raises on purpose; `exit_code` is what `rtcc` exits with."""

    exit_code = 1


class BadInput(RtccError):
    """What was handed in cannot be used as it is: an unknown camera, a malformed file, an impossible span."""

    exit_code = 2


class UnknownCamera(BadInput):
    """A camera id the registry does not hold."""


class NotPermitted(RtccError):
    """Consent, purpose or role does not allow this; the refusal is in the audit."""

    exit_code = 3


class NotFound(RtccError):
    """The thing asked for is not in the catalog."""

    exit_code = 4


class FootageGap(NotFound):
    """No footage at the instant asked for."""


class FootageMissing(NotFound):
    """The catalog holds the segment, but its file is not on disk."""


class FootageChanged(RtccError):
    """A kept file's bytes are not those whose digest the catalog holds: it proves nothing any more."""

    exit_code = 11


class UnreadableFootage(BadInput):
    """A video file from which nothing can be read."""


class AssetError(RtccError):
    """A weight or footage file is missing, unlisted or has the wrong digest."""

    exit_code = 5


class KeeperUnavailable(RtccError):
    """The write door does not answer, or another process holds it."""

    exit_code = 6


class CatalogConflict(RtccError):
    """The catalog on disk does not fit this code: a newer schema, a foreign data path."""

    exit_code = 7


class AuditBroken(RtccError):
    """The audit chain does not verify; the message names the first line that is wrong."""

    exit_code = 8


class ClusterError(RtccError):
    """Ray did not start, a job failed, or the cluster let in someone it must not."""

    exit_code = 9


class ClusterOpen(ClusterError):
    """The cluster answers callers who may not call it: nothing of ours may run there."""


class StorageFailed(RtccError):
    """The catalog cannot be written: disk full, folder not writable, database away. Nothing was half kept."""

    exit_code = 10


class AlertConflict(RtccError):
    """The alert is no longer as it was seen, or someone else has it; the message says how it stands."""

    exit_code = 12
