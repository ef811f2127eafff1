"""Short SQLite transactions that come at the same moment share one commit.

SQLite has one writer, and a durable commit is a wait for the disk: a hundred forms at once would wait a hundred times, one
after the other. Here whoever comes while another is writing goes on in the same transaction, in a savepoint of their own,
and everybody is told only after the commit that covers them. One that fails takes back its own savepoint and nothing
else. For short work only: the first of a group waits for its last.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

MOST = 25
"""How many share one commit: a bound on how long the first of them waits."""


class Group:
    """One open transaction and the promise that it is committed."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.size = 0
        self.committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Together:
    """Hands the open transaction on while somebody waits for it, and commits it when nobody does."""

    def __init__(self, writer: AsyncEngine) -> None:
        self._writer = writer
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._group: Group | None = None
        self._settling: set[asyncio.Task[None]] = set()  # the loop itself holds its tasks weakly

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed when the block has ended without an exception and this returns."""
        await self._my_turn()
        try:
            if self._group is None:
                self._group = await self._open()
            group = self._group
            group.size += 1
            try:
                # Bound to a connection in a transaction, a session begins a savepoint instead.
                async with (
                    AsyncSession(
                        group.connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
                    ) as session,
                    session.begin(),
                ):
                    yield session
            finally:
                if not self._waiting or group.size >= MOST:
                    self._group = None
                    # A task of its own: one who is cancelled here must not take the others' commit along.
                    await asyncio.shield(asyncio.create_task(_commit(group)))
        finally:
            self._turn.release()
        await asyncio.shield(group.committed)

    async def _my_turn(self) -> None:
        self._waiting += 1
        try:
            await self._turn.acquire()
        except BaseException:
            # The one before may have left the transaction open for us, and waits for its commit.
            self._settling.add(task := asyncio.create_task(self._settle()))
            task.add_done_callback(self._settling.discard)
            raise
        finally:
            self._waiting -= 1

    async def _settle(self) -> None:
        """Commit what was left open for somebody who did not come."""
        async with self._turn:
            group, self._group = self._group, None
            if group is not None:
                await _commit(group)

    async def _open(self) -> Group:
        connection = await self._writer.connect()
        try:
            await connection.begin()
        except BaseException:
            await connection.close()
            raise
        return Group(connection)


async def _commit(group: Group) -> None:
    """Commit and tell everybody in the group; a failure is theirs too, and that connection is not used again."""
    connection = group.connection
    try:
        raw = await connection.get_raw_connection()
        if not raw.driver_connection.in_transaction:  # type: ignore[union-attr]
            raise RuntimeError("SQLite has rolled the transaction back: the disk may be full")  # noqa: TRY301 - told like any other
        await connection.commit()
    except Exception as error:  # noqa: BLE001 - raised again where each of the group waits
        await connection.invalidate()
        group.committed.set_exception(error)
    else:
        group.committed.set_result(None)
    finally:
        await connection.close()
