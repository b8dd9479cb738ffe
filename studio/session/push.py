"""A browser's pushes to the Hub: an export of this computer as a repository, as a job."""

from studio.progress import Progress
from studio.session.context import Context
from studio.session.pace import earlier

PUSH = "Push to"
"""How the names of its jobs begin."""


class Pushes:
    """The part of a session that pushes a folder; it asks nobody before that.

    Args:
        context: of the session.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def offered(self) -> bool:
        """Whether there is a login that this page may use."""
        return self._context.engine.hub.login

    def start(self, folder: str, name: str, licence: str = "", public: bool = False) -> None:
        """Push an export or a bundle, as a job.

        Args:
            folder: of the export; inside the roots.
            name: 'owner/name'.
            licence: that the person chose; '' keeps what its card says.
            public: whether everybody may see it at once.

        Raises:
            StudioError: the studio is offline, nobody is logged in, the name is none, the folder
                is outside the roots, or a job is running.
        """
        engine, name = self._context.engine, name.strip()
        engine.hub.refuse_push(name)
        place = engine.inside(folder)

        def work(progress: Progress) -> tuple[str, str]:
            made = engine.hub.push(place, name, licence.strip(), public, progress)
            return made.words, made.url

        size = sum(each.stat().st_size for each in place.rglob("*") if each.is_file())
        self._context.jobs.start(f"{PUSH} {name}", work, earlier("push", size))
