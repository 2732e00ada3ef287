"""The TypeScript SDK, unmodified, against the mock."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Final

import pytest

from tests.node_clients import SDK, need_packages, run_node
from tests.servers import MockServer
from tui.mock.splice import read
from tui.scenarios import load

# One worker installs for the whole file.
pytestmark = [pytest.mark.xdist_group("typescript"), pytest.mark.asyncio]

SCRIPT: Final = """
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';

const baseURL = process.env.MOCK_URL;
const client = new Anthropic({ apiKey: 'k', baseURL, maxRetries: 0 });
const ask = (content, more = {}) => ({
  model: 'claude-sonnet-5-5', max_tokens: 4096, messages: [{ role: 'user', content }], ...more,
});
const schema = {
  type: 'object', properties: { location: { type: 'string' } }, required: ['location'],
};
const out = {};

const counts = {};
const stream = client.messages.stream(ask('x', { model: 'scenario:two-tools' }));
for await (const event of stream) counts[event.type] = (counts[event.type] ?? 0) + 1;
out.counts = counts;
out.final = await stream.finalMessage();

out.created = await client.messages.create(ask('Count to 5'));
out.counted = await client.messages.countTokens({
  model: 'claude-sonnet-5-5', messages: [{ role: 'user', content: 'Count to 5' }],
});
out.models = [];
for await (const model of client.models.list({ limit: 4 })) out.models.push(model.id);

const description = 'The weather in a city.';
const tools = [{ name: 'get_weather', description, input_schema: schema }];
const messages = [{ role: 'user', content: "What's the weather in SF?" }];
out.loop = [];
for (let turn = 0; turn < 5; turn++) {
  const answer = await client.messages.stream(ask('', { messages, tools })).finalMessage();
  out.loop.push(answer);
  if (answer.stop_reason !== 'tool_use') break;
  const results = answer.content.filter((block) => block.type === 'tool_use').map((block) => ({
    type: 'tool_result', tool_use_id: block.id, content: `18 degrees in ${block.input.location}`,
  }));
  messages.push({ role: 'assistant', content: answer.content }, { role: 'user', content: results });
}

out.ran = [];
const weather = betaTool({
  name: 'get_weather', description, inputSchema: schema,
  run: ({ location }) => { out.ran.push(location); return `21 degrees in ${location}`; },
});
out.runner = await client.beta.messages.toolRunner(
  ask('How is the weather in Bergen?', { tools: [weather], max_iterations: 5 }),
);

out.errors = {};
const failing = async (name, more, client_ = client) => {
  try { await client_.messages.create(ask('x', more)); out.errors[name] = null; }
  catch (error) { out.errors[name] = [error.constructor.name, error.status, error.requestID]; }
};
await failing('status:429', { model: 'scenario:plain!status:429' });
await failing('status:500', { model: 'scenario:plain!status:500' });
await failing('not found', { model: 'gpt-0' });
await failing('bad request', { max_tokens: -1 });
await failing('key', {}, new Anthropic({ apiKey: 'invalid', baseURL, maxRetries: 0 }));
await failing(
  'retried', { model: 'scenario:plain!fail:1;retry-after:0' },
  new Anthropic({ apiKey: 'k', baseURL, maxRetries: 2 }),
);
try {
  for await (const _ of client.messages.stream(ask('x', { model: 'scenario:plain!overloaded' }))) ;
  out.errors.overloaded = null;
} catch (error) { out.errors.overloaded = [error.constructor.name, error.error?.error?.type]; }

console.log(JSON.stringify(out));
"""


async def test_the_typescript_sdk_runs_against_the_mock(tmp_path: Path) -> None:
    need_packages(tmp_path, SDK)
    async with MockServer(speed=math.inf) as server:
        said = await run_node(tmp_path, SCRIPT, server.url)
        bodies = [json.loads(received.body) for received in server.received]

    events = [record.type for record in read(load("two-tools").chunks)]
    events = [kind for kind in events if kind != "ping"]  # The SDK keeps these to itself.
    assert said["counts"] == {kind: events.count(kind) for kind in events}
    final = said["final"]
    assert [block["type"] for block in final["content"]] == ["text", "tool_use", "tool_use"]
    assert [block["input"]["station"] for block in final["content"][1:]] == [
        "Bergen - Florida",
        "Kyoto",
    ]
    assert (final["stop_reason"], final["model"]) == ("tool_use", "scenario:two-tools")

    assert said["created"]["content"][0]["text"] == "1, 2, 3, 4, 5"
    assert said["created"]["usage"]["input_tokens"] == said["counted"]["input_tokens"]
    assert said["models"][:2] == ["scenario:tour", "scenario:plain"] and len(said["models"]) > 4

    call, answer = said["loop"]
    assert call["content"][-1]["input"] == {"location": "SF"}
    assert "18 degrees in SF" in answer["content"][0]["text"]
    assert said["ran"] == ["Bergen"]
    assert "21 degrees in Bergen" in said["runner"]["content"][0]["text"]

    request_id = said["errors"]["key"][2]
    assert request_id.startswith("req_")
    assert {name: error and error[:2] for name, error in said["errors"].items()} == {
        "status:429": ["RateLimitError", 429],
        "status:500": ["InternalServerError", 500],
        "not found": ["NotFoundError", 404],
        "bad request": ["BadRequestError", 400],
        "key": ["AuthenticationError", 401],
        "retried": None,
        "overloaded": ["APIError", "overloaded_error"],
    }
    # What failed first was sent again, the same.
    assert sum(body["model"] == "scenario:plain!fail:1;retry-after:0" for body in bodies) == 2
