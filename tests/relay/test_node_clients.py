"""Clients in TypeScript through the relay: they see what they see directly, whatever goes wrong."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.node_clients import SDK, need_packages, run_node
from tests.relay.stage import relay_to
from tests.relay.test_same_bytes import FAULTS
from tests.servers import MockServer

# One worker installs for the whole file.
pytestmark = [pytest.mark.xdist_group("typescript"), pytest.mark.asyncio]

OWN: Final = ("date", "connection", "keep-alive", "transfer-encoding")
"""Headers of one connection, and the time of day."""
CHANCE: Final = re.compile(r"req_\w+|[\d-]{10}T[\d:]{8}Z")
"""Ids of requests, and times of day."""

COMMON: Final = f"""
const faults = {json.dumps(FAULTS)};
const own = {json.dumps(OWN)};
const headersOf = (headers) =>
  Object.fromEntries([...headers].filter(([name]) => !own.includes(name)).sort());
const told = (error) => [
  error.constructor.name, error.status ?? error.statusCode ?? null,
  JSON.stringify(error.error ?? error.responseBody ?? null),
];
const out = {{}};
"""

WITH_SDK: Final = (
    """
import Anthropic from '@anthropic-ai/sdk';
import { gzipSync } from 'node:zlib';
"""
    + COMMON
    + """
const baseURL = process.env.MOCK_URL;
const client = new Anthropic({ apiKey: 'k', baseURL, maxRetries: 0 });
const ask = (model, more = {}) => ({
  model, max_tokens: 999, messages: [{ role: 'user', content: 'Hi' }], ...more,
});
for (const stream of [true, false]) for (const fault of faults) {
  const seen = { events: [] };
  const headers = fault ? { 'x-streamscope-fault': fault } : {};
  try {
    const asked = client.messages.create(ask('scenario:two-tools', { stream }), { headers });
    const { data, response } = await asked.withResponse();
    seen.status = response.status;
    seen.headers = headersOf(response.headers);
    if (stream) for await (const event of data) seen.events.push(event);
    else seen.message = data;
    seen.end = 'eof';
  } catch (error) { seen.end = told(error); }
  out[`${fault} ${stream}`] = seen;
}
out.counted = await client.messages.countTokens({
  model: 'claude-sonnet-5-5', messages: [{ role: 'user', content: 'Count to 5' }],
});
const packed = await fetch(`${baseURL}/v1/messages`, {
  method: 'POST', body: gzipSync(JSON.stringify(ask('scenario:plain'))),
  headers: { 'x-api-key': 'k', 'anthropic-version': '2023-06-01', 'content-encoding': 'gzip' },
});
out.packed = [packed.status, (await packed.json()).error.message];
const many = Array.from({ length: 50 }, (_, number) =>
  client.messages.stream(ask('claude-sonnet-5-5', {
    messages: [{ role: 'user', content: `Count to ${3 + number}` }],
  })).finalMessage());
out.many = (await Promise.all(many)).map((message) => message.content[0].text);
console.log(JSON.stringify(out));
"""
)

WITH_AI: Final = (
    """
import { createAnthropic } from '@ai-sdk/anthropic';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
"""
    + COMMON
    + """
const baseURL = `${process.env.MOCK_URL}/v1`;
globalThis.AI_SDK_LOG_WARNINGS = false;
let last;
const provider = createAnthropic({ apiKey: 'k', baseURL, fetch: async (...asked) => {
  const response = await fetch(...asked);
  last = { status: response.status, headers: headersOf(response.headers) };
  return response;
} });
const model = provider('scenario:two-tools');
for (const fault of faults) {
  const headers = fault ? { 'x-streamscope-fault': fault } : {};
  const seen = { parts: [] };
  last = {};
  const asked = { model, headers, prompt: 'Hi', maxRetries: 0, onError: () => {} };
  try {
    for await (const part of streamText(asked).fullStream)
      seen.parts.push([part.type, part.text ?? part.delta, part.error && told(part.error)]);
  } catch (error) { seen.end = told(error); }
  out[fault] = { ...seen, ...last };
}
const get_weather = tool({
  description: 'The weather in a city.',
  inputSchema: jsonSchema({
    type: 'object', properties: { location: { type: 'string' } }, required: ['location'],
  }),
  execute: async ({ location }) => `rain in ${location}`,
});
const answer = await generateText({
  model: createAnthropic({ apiKey: 'k', baseURL: process.env.MOCK_URL })('claude-sonnet-5-5'),
  tools: { get_weather }, stopWhen: stepCountIs(3), prompt: 'How is the weather in Oslo?',
});
out.answer = answer.text;
console.log(JSON.stringify(out));
"""
)


async def both_ways(folder: Path, script: str) -> tuple[dict[str, Any], dict[str, Any], int]:
    """What a program sees directly and through a relay, and how many requests that relayed."""
    async with MockServer(speed=math.inf, seed=1) as mock:
        direct = await run_node(folder, script, mock.url)
    async with MockServer(speed=math.inf, seed=1) as mock, relay_to(mock.url) as relay:
        relayed = await run_node(folder, script, relay.url)
    direct, relayed = (json.loads(CHANCE.sub("…", json.dumps(said))) for said in (direct, relayed))
    return direct, relayed, relay.forwarder.messages


async def test_the_typescript_sdk_sees_what_it_sees_directly(tmp_path: Path) -> None:
    need_packages(tmp_path, SDK)
    direct, relayed, count = await both_ways(tmp_path, WITH_SDK)
    for name, seen in direct.items():
        assert relayed[name] == seen, name
    assert count == 2 * len(FAULTS) + 52
    assert direct[" true"]["end"] == "eof" and direct["cut:500 true"]["end"] != "eof"
    assert direct["many"][0] == "1, 2, 3" and len(set(direct["many"])) == 50


async def test_the_ai_sdk_sees_what_it_sees_directly(tmp_path: Path) -> None:
    need_packages(tmp_path, "ai", "@ai-sdk/anthropic")
    direct, relayed, count = await both_ways(tmp_path, WITH_AI)
    for name, seen in direct.items():
        assert relayed[name] == seen, name
    # It leaves out the version where its base URL has none: the relay puts it back.
    assert count == len(FAULTS) + 2 and "rain in Oslo" in direct["answer"]
