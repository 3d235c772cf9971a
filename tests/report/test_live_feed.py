import asyncio
import json
import threading

from support.results import call, drift_state, result

from otel_llm.report.live_feed import _BACKLOG_LINES, LiveFeed


async def read(subscription, count: int) -> list[dict]:
    lines = []
    async for line in subscription:
        lines.append(json.loads(line))
        if len(lines) == count:
            break
    return lines


def test_each_call_is_one_line_with_all_that_is_known_of_it() -> None:
    async def run() -> list[dict]:
        feed = LiveFeed(asyncio.get_running_loop())
        subscription = feed.subscribe()
        one, other = call(), call(span_id="00f067aa0ba902b7", service="bot")
        results = [
            result(call=one),
            result(call=one, evaluator="groundedness", label="not_applicable", score=None),
            result(call=other),
        ]
        feed.publish([one, other], results, [drift_state()])
        return await asyncio.wait_for(read(subscription, 2), 20)

    first, second = asyncio.run(run())
    assert first == {
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "service": "shop",
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o",
        "input": "What?",
        "output": "That.",
        "input_tokens": 5,
        "output_tokens": 3,
        "cost_usd": 0.25,
        "start_ns": 1_700_000_000_000_000_000,
        "duration_s": 1.5,
        "time_to_first_chunk_s": None,
        "stream": False,
        "error_type": None,
        "results": [
            {"evaluator": "toxicity", "target": "output", "label": "pass", "score": 0.25, "explanation": None},
            {
                "evaluator": "groundedness",
                "target": "output",
                "label": "not_applicable",
                "score": None,
                "explanation": None,
            },
        ],
        "drift": [
            {
                "service": "shop",
                "detector": "centroid",
                "target": "input",
                "baseline": "first-200",
                "count": 100,
                "window": 100,
                "statistic": 0.75,
                "threshold": 0.5,
                "alarm": True,
            }
        ],
    }
    assert (second["service"], len(second["results"]), second["drift"]) == ("bot", 1, [])


def test_calls_of_two_tenants_with_the_same_ids_keep_their_results_apart() -> None:
    async def run() -> list[dict]:
        feed = LiveFeed(asyncio.get_running_loop())
        subscription = feed.subscribe()
        one, other = call(), call()
        feed.publish([one, other], [result(call=one, score=0.5), result(call=other, score=0.75)], [])
        return await asyncio.wait_for(read(subscription, 2), 20)

    assert [[each["score"] for each in line["results"]] for line in asyncio.run(run())] == [[0.5], [0.75]]


def test_a_slow_reader_loses_the_oldest_and_holds_up_nobody() -> None:
    async def run() -> tuple[list[dict], list[dict]]:
        feed = LiveFeed(asyncio.get_running_loop())
        slow, fast = feed.subscribe(), feed.subscribe()
        total = _BACKLOG_LINES + 50
        reading = asyncio.create_task(read(fast, total))
        for number in range(total):
            feed.publish([call(span_id=f"{number:016x}")], [], [])
            if number % 100 == 0:
                await asyncio.sleep(0)
        fast_lines = await asyncio.wait_for(reading, 20)
        return await asyncio.wait_for(read(slow, _BACKLOG_LINES), 20), fast_lines

    slow_lines, fast_lines = asyncio.run(run())
    assert len(fast_lines) == _BACKLOG_LINES + 50
    assert slow_lines == fast_lines[50:]


def test_publishing_from_another_thread_wakes_the_reader() -> None:
    async def run() -> list[dict]:
        feed = LiveFeed(asyncio.get_running_loop())
        reading = asyncio.create_task(read(feed.subscribe(), 1))
        await asyncio.sleep(0)
        threading.Thread(target=feed.publish, args=([call()], [], [])).start()
        return await asyncio.wait_for(reading, 20)

    assert len(asyncio.run(run())) == 1


def test_closing_ends_a_reader_after_what_it_has() -> None:
    async def run() -> int:
        feed = LiveFeed(asyncio.get_running_loop())
        subscription = feed.subscribe()
        feed.publish([call(), call()], [], [])
        await asyncio.sleep(0)
        feed.close()
        return len([line async for line in subscription])

    assert asyncio.run(run()) == 2


def test_a_reader_that_is_gone_is_forgotten() -> None:
    async def run() -> int:
        feed = LiveFeed(asyncio.get_running_loop())
        subscription = feed.subscribe()
        await asyncio.sleep(0)
        del subscription
        return len(feed._subscribers)

    assert asyncio.run(run()) == 0
