"""Sends sentences to sentiment by tritonclient's asyncio clients, gRPC and JSON over HTTP in turns; prints requests a second."""

import asyncio
import json
import sys
import time

import numpy
import tritonclient.grpc.aio as grpc
import tritonclient.http.aio as http

http_address, grpc_address, rounds, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
CONCURRENT = 16
sentences = [line.strip() for line in sys.stdin if line.strip()]


async def load(client, module, options):
    answered = 0
    ends_at = time.perf_counter() + seconds
    places = iter(range(10**9))

    async def sender():
        nonlocal answered
        while time.perf_counter() < ends_at:
            text = sentences[next(places) % len(sentences)]
            given = module.InferInput("text", [1], "BYTES")
            given.set_data_from_numpy(numpy.array([text.encode()], dtype=object), **options)
            wanted = [module.InferRequestedOutput(name, **options) for name in ("label", "score")]
            await client.infer("sentiment", [given], outputs=wanted)
            answered += 1

    begun = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(CONCURRENT)))
    return answered / (time.perf_counter() - begun)


async def main():
    by_http = http.InferenceServerClient(http_address, conn_limit=CONCURRENT)
    by_grpc = grpc.InferenceServerClient(grpc_address)
    ways = {"rest": (by_http, http, {"binary_data": False}), "grpc": (by_grpc, grpc, {})}
    figures = {"rest": [], "grpc": []}
    for round_number in range(rounds + 1):
        order = list(ways) if round_number % 2 else list(ways)[::-1]
        for name in order:
            figure = await load(*ways[name])
            # The first round warms up.
            if round_number > 0:
                figures[name].append(figure)
    print(json.dumps(figures))
    await by_http.close()
    await by_grpc.close()


asyncio.run(main())
