// The AI SDK with its provider for Anthropic: text, streams, tools, structured output.
import { createAnthropic } from '@ai-sdk/anthropic';
import { generateText, Output, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { MODEL, URL, WEATHER, check, finish } from './checking.mjs';

const city = z.object({ name: z.string(), people: z.number().optional() });
const tools = {
  get_weather: tool({
    description: 'The weather in a city.',
    inputSchema: z.object({ location: z.string() }),
    execute: async ({ location }) => `rain in ${location}`,
  }),
};
// Its base URL ends in the version; without it is how it is often written.
for (const baseURL of [`${URL}/v1`, URL]) {
  const at = baseURL === URL ? 'without /v1: ' : '';
  const model = createAnthropic({ apiKey: 'k', baseURL })(MODEL);
  const more = { model, maxRetries: 0 };
  const whole = await generateText({ ...more, prompt: 'Count to 9' });
  check(`${at}text`, whole.text.startsWith('1, 2') && whole.usage.outputTokens > 0, whole.text);
  const stream = streamText({ ...more, prompt: 'Count to 9' });
  let said = '';
  for await (const piece of stream.textStream) said += piece;
  check(`${at}stream`, said === whole.text, said);
  const stopWhen = stepCountIs(3);
  const told = await generateText({ ...more, prompt: WEATHER, tools, stopWhen });
  check(`${at}tools`, told.text.includes('rain in Oslo'), told.text);
  const running = streamText({ ...more, prompt: WEATHER, tools, stopWhen });
  check(`${at}tools, streaming`, (await running.text).includes('rain in Oslo'));
  const output = Output.object({ schema: city });
  const typed = await generateText({ ...more, prompt: 'A city such as Oslo', output });
  check(`${at}structured output`, typed.output.name && 'people' in typed.output, typed.output);
  const partly = streamText({ ...more, prompt: 'A city such as Oslo', output });
  let grown;
  for await (const part of partly.partialOutputStream) grown = part;
  check(`${at}structured output, streaming`, grown?.name === typed.output.name, grown);
}
finish();
