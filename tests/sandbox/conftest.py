import aiohttp
import pytest

from bot.sandbox import Seed, start
from tests.ports import free_port
from tests.sandbox.support import SEED, Bot, Driver, echo_app, options


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def launch(session):
    """Start local Slacks with options of their own; all are closed at the end."""
    running = []

    async def run(seed=None, **changes):
        sandbox = await start(options(**changes), Seed.from_dict(seed or SEED))
        running.append(sandbox)
        return Driver(sandbox, session)

    yield run
    for sandbox in running:
        await sandbox.close()


@pytest.fixture
async def slack(launch):
    return await launch()


@pytest.fixture
async def bots():
    """Make echo bots for a local Slack; all are closed at the end."""
    made = []

    def make(driver):
        heard = []
        bot = Bot(echo_app(driver.sandbox.api_url, heard), heard)
        made.append(bot)
        return bot

    yield make
    for bot in made:
        await bot.close()


@pytest.fixture(params=["socket", "http"])
async def pair(request, launch, bots):
    """A local Slack and a bot that hears from it, in both ways."""
    if request.param == "socket":
        driver = await launch(ack_seconds=0.8)
        bot = bots(driver)
        await bot.connect()
        return driver, bot
    port = free_port()
    driver = await launch(ack_seconds=0.8, deliver="http", bot_url=f"http://127.0.0.1:{port}")
    bot = bots(driver)
    await bot.listen(port)
    return driver, bot
