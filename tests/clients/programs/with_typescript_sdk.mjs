// The TypeScript SDK: streams, tool runners both ways, structured output, errors.
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { z } from 'zod';
import { MODEL, URL, WEATHER, check, finish } from './checking.mjs';

const client = new Anthropic({ apiKey: 'k', baseURL: URL, maxRetries: 0 });
const ask = (content) => ({ model: MODEL, max_tokens: 999, messages: [{ role: 'user', content }] });

const whole = await client.messages.create(ask('Count to 9'));
check('create', whole.content[0].text.startsWith('1, 2'), whole);
const stream = client.messages.stream(ask('Count to 9'));
let said = '';
stream.on('text', (text) => { said += text; });
const final = await stream.finalMessage();
check('stream', said === whole.content[0].text && final.usage.output_tokens > 0, said);

const tools = [betaZodTool({
  name: 'get_weather',
  description: 'The weather in a city.',
  inputSchema: z.object({ location: z.string() }),
  run: ({ location }) => `rain in ${location}`,
})];
const done = await client.beta.messages.toolRunner({ ...ask(WEATHER), tools });
check('tool runner', done.content[0].text.includes('rain in Oslo'), done);
let last;
for await (const turn of client.beta.messages.toolRunner({ ...ask(WEATHER), tools, stream: true })) {
  last = await turn.finalMessage();
}
check('tool runner, streaming', last.content[0].text.includes('rain in Oslo'), last);

const City = z.object({ name: z.string(), people: z.number().optional() });
const typed = await client.messages.parse({
  ...ask('A city such as Oslo'), output_config: { format: zodOutputFormat(City) },
});
check('structured output', typed.parsed_output?.name && 'people' in typed.parsed_output, typed);
const ids = [];
for await (const model of client.models.list()) ids.push(model.id);
check('models', ids.includes(MODEL), ids);
for (const fault of ['buffer', 'bunch:9', 'compress', 'chunk:3']) {
  const heard = await client.messages
    .stream(ask('Count to 9'), { headers: { 'x-streamscope-fault': fault } }).finalMessage()
    .catch((error) => error);
  check(`the fault ${fault}`, heard.content?.[0]?.text === said, heard);
}
const refused = await client.messages
  .create(ask('x'), { headers: { 'x-streamscope-fault': 'status:429' } }).catch((error) => error);
check('an error', refused instanceof Anthropic.RateLimitError, refused);
finish();
