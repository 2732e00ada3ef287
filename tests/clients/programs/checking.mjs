// What each program has to say: a line for every thing that it did, and whether that was right.
export const URL = process.env.MOCK_URL;
export const MODEL = 'claude-sonnet-5-5';
export const WEATHER = 'What is the weather in Oslo?';

let wrong = 0;

export function check(what, fine, seen = '') {
  if (!fine) wrong += 1;
  const told = seen instanceof Error ? String(seen) : JSON.stringify(seen);
  console.log(fine ? `  ok    ${what}` : `  WRONG ${what}: ${told}`.slice(0, 2000));
}

export function finish() {
  process.exit(wrong ? 1 : 0);
}
