"""Aiohttp without its extension modules: a service and its client on the loopback interface, in one loop."""

import os

for _name in ("AIOHTTP", "MULTIDICT", "YARL", "FROZENLIST", "PROPCACHE"):
    os.environ[f"{_name}_NO_EXTENSIONS"] = "1"

import asyncio  # noqa: E402

import inputs  # noqa: E402
from aiohttp import ClientSession, web  # noqa: E402
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy  # noqa: E402

DEFAULT_SIZE = 800
PACKAGES = ("aiohttp", "yarl", "multidict")


@web.middleware
async def count(request, handler):
    request.app["seen"]["n"] += 1
    response = await handler(request)
    response.headers["X-Path"] = request.path
    return response


async def item(request):
    rng = inputs.generator(int(request.match_info["number"]))
    return web.json_response({"item": inputs.record(rng, 1), "query": dict(request.query)})


async def total(request):
    data = await request.json()
    return web.json_response({"total": sum(data["values"])})


async def rounds(step, size):
    app = web.Application(middlewares=[count])
    app["seen"] = {"n": 0}
    app.add_routes([web.get("/items/{number:\\d+}", item), web.post("/total", total)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with ClientSession() as session:
        for i in range(size):
            found = []
            for k in range(6):
                async with session.get(f"{base}/items/{i * 6 + k}", params={"q": "a b", "page": str(k)}) as answer:
                    found.append(await answer.json())
                    assert answer.headers["X-Path"].startswith("/items/")
                async with session.post(f"{base}/total", json={"values": list(range(k, 40))}) as answer:
                    found.append(await answer.json())
            step(found)
    await runner.cleanup()


def run(step, size):
    assert HttpRequestParser is HttpRequestParserPy, "the extension module was taken"
    asyncio.run(rounds(step, size))
