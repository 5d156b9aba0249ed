"""A query that runs in a thread of its own, and can be given up from outside."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from ..errors import ExecutionError
from .result import Result

CANCEL_SECONDS = 2.0
"""How long `BackgroundQuery.cancel` waits for the query to be over."""


class BackgroundQuery:
    """A query on its way; made by ``df.collect(background=True)``.

    Examples
    --------
    >>> import partita as pt
    >>> query = pt.from_pydict({"a": [1, 2]}).count().collect(background=True)
    >>> query.fetch_blocking().to_pydict()
    {'a': [2]}
    """

    def __init__(self, run: Callable[[], Result], cancel: Callable[[], None]) -> None:
        self._run = run
        self._cancel = cancel
        self._process = os.getpid()
        self._over = threading.Event()
        self._result: Result | None = None
        self._error: BaseException | None = None
        # It does not keep the interpreter from ending: the session's end is the query's.
        threading.Thread(target=self._work, name="partita query", daemon=True).start()

    def _work(self) -> None:
        try:
            self._result = self._run()
        except BaseException as error:  # raised where the result is asked for
            self._error = error
        finally:
            self._over.set()

    @property
    def done(self) -> bool:
        """Whether it is over: finished, failed or cancelled.

        Examples
        --------
        >>> import partita as pt
        >>> query = pt.from_pydict({"a": [1]}).collect(background=True)
        >>> len(query.fetch_blocking()), query.done
        (1, True)
        """
        return self._over.is_set()

    def cancel(self) -> None:
        """Give the query up: its tasks are ended, what they hold is freed; returns in two seconds.

        In this process (``executor="serial"``) a function of the user is not broken off, but no
        other is begun. A query that is over stays as it is.

        Examples
        --------
        >>> import partita as pt
        >>> query = pt.from_pydict({"a": [1]}).collect(background=True)
        >>> query.cancel()
        """
        self._cancel()
        self._over.wait(CANCEL_SECONDS)

    def fetch(self) -> Result | None:
        """Return the result, or None while the query runs.

        Raises
        ------
        QueryCancelled
            If it was cancelled.
        PartitaError
            What it failed with.

        Examples
        --------
        >>> import partita as pt
        >>> query = pt.from_pydict({"a": [1]}).collect(background=True)
        >>> query.fetch_blocking().shape
        (1, 1)
        >>> query.fetch().shape
        (1, 1)
        """
        return self.fetch_blocking() if self.done else None

    def fetch_blocking(self) -> Result:
        """Wait for the result and return it.

        Raises
        ------
        QueryCancelled
            If it was cancelled.
        PartitaError
            What it failed with.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1]}).collect(background=True).fetch_blocking().shape
        (1, 1)
        """
        __tracebackhide__ = True
        if os.getpid() != self._process and not self.done:
            raise ExecutionError(
                "This query runs in the process that this one was forked from. Run it again."
            )
        self._over.wait()
        if self._error is not None:
            raise self._error.with_traceback(None)
        assert self._result is not None
        return self._result

    def __repr__(self) -> str:
        state = "running" if not self.done else "finished"
        if self._error is not None:
            state = f"failed: {type(self._error).__name__}"
        return f"<partita.BackgroundQuery {state}>"
