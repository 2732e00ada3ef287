"use strict";
// Reads a stream of the Messages API from this server and draws it while it comes.
// Whatever is on the wire becomes text nodes, never markup.

const $ = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token");
const LANES = ["message", "thinking", "text", "tool"];
const TURNED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;

const SENTENCE_ENDS = [". ", "! ", "? ", ": ", ".\n", "!\n", "?\n", ":\n", "\n\n"];

let run = null;
let turns = []; // of the conversation so far: what goes along with the next question

/** Show what would hide or reorder text. */
function clean(text) {
  return String(text).replace(TURNED, (found) => {
    const code = found.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = clean(text);
  return made;
}

const seconds = (ms) => ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
const count = (value) => value.toLocaleString("en");

// The stream

/** Yield the events of a response: name and data. */
async function* events(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      size += value.byteLength;
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = { name: "", data: [], size };
        for (const line of block.split("\n")) {
          if (line.startsWith("event: ")) event.name = line.slice(7);
          else if (line.startsWith("data: ")) event.data.push(line.slice(6));
        }
        if (event.data.length) yield { ...event, data: event.data.join("\n") };
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

class Run {
  /** `demo`: no part of a conversation. `words`: what the user asked. */
  constructor(question, words, demo) {
    this.question = question;
    this.words = words;
    this.demo = demo;
    this.turn = element("article", "turn");
    this.begin = performance.now();
    this.stopped = new AbortController();
    this.blocks = new Map();
    this.marks = []; // a time and a lane for each event
    this.usage = {};
    this.size = 0;
    this.first = null;
    this.end = null;
    this.gap = 0;
    this.lastContent = null;
    this.characters = 0;
    this.reason = "";
    this.unsaid = "";
    this.complete = false;
    this.failed = false;
    this.kind = ""; // of what went wrong
  }

  async read() {
    setState("waiting", "waiting");
    const query = token === null ? "" : `?token=${encodeURIComponent(token)}`;
    try {
      const response = await fetch(`api/chat${query}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(this.question),
        signal: this.stopped.signal,
      });
      if (!response.ok) return this.fail(await response.json(), response.status);
      setState("streaming", "streaming");
      for await (const event of events(response.body)) {
        this.size = event.size;
        if (event.data === "[DONE]") break;
        this.take(event);
      }
      if (!this.complete && !this.failed) this.fail({ error: { message: "The answer ended before it was complete." } });
    } catch (error) {
      if (this.stopped.signal.aborted) setState("cancelled", "cancelled: what arrived is kept");
      else this.fail({ error: { type: "connection lost", message: "The server cannot be reached, or went away. Is it still running?" } });
    } finally {
      this.finish();
    }
  }

  take(event) {
    const now = performance.now() - this.begin;
    let payload = {};
    try { payload = JSON.parse(event.data) ?? {}; } catch { /* It is shown as an event without a meaning. */ }
    const type = typeof payload.type === "string" ? payload.type : event.name;
    const lane = this.apply(type, payload);
    if (lane !== "message" && (payload.delta !== undefined)) {
      if (this.first === null) this.first = now;
      if (this.lastContent !== null) this.gap = Math.max(this.gap, now - this.lastContent);
      this.lastContent = now;
    }
    this.marks.push([now, lane]);
    drawSoon();
  }

  /** Take one event in; return the lane that it belongs to. */
  apply(type, payload) {
    const index = payload.index;
    if (type === "message_start") {
      Object.assign(this.usage, payload.message?.usage);
      if (payload.message?.model) $("model-name").textContent = clean(payload.message.model);
    } else if (type === "content_block_start") {
      const block = makeBlock(payload.content_block ?? {}, index);
      this.blocks.set(index, block);
      return block.lane;
    } else if (type === "content_block_delta") {
      const block = this.blocks.get(index) ?? makeBlock({ type: "text" }, index);
      this.blocks.set(index, block);
      this.add(block, payload.delta ?? {});
      return block.lane;
    } else if (type === "content_block_stop") {
      const block = this.blocks.get(index);
      block?.stop();
      return block?.lane ?? "message";
    } else if (type === "message_delta") {
      Object.assign(this.usage, payload.usage);
      this.reason = payload.delta?.stop_reason ?? this.reason;
    } else if (type === "message_stop") {
      this.complete = true;
      setState("complete", `complete${this.reason ? ` · ${this.reason}` : ""}`);
    } else if (type === "error") {
      this.fail(payload);
      return "error";
    }
    return "message";
  }

  add(block, delta) {
    const text = delta.text ?? delta.thinking ?? delta.partial_json;
    if (typeof text === "string") {
      this.characters += text.length;
      block.add(text);
      block.text += text;
      if (block.lane === "text") this.speak(text);
    } else if (delta.type === "citations_delta") {
      block.cite(delta.citation ?? {});
    }
  }

  /** Have whole sentences read out: fragments would interrupt each other. */
  speak(text, all = false) {
    this.unsaid += text;
    let end = Math.max(...SENTENCE_ENDS.map((mark) => this.unsaid.lastIndexOf(mark))) + 1;
    if (all || (end === 0 && this.unsaid.length > 400)) end = this.unsaid.length;
    if (!this.unsaid.slice(0, end).trim()) return;
    say(this.unsaid.slice(0, end));
    this.unsaid = this.unsaid.slice(end);
  }

  fail(shape, status) {
    this.failed = true;
    const error = shape?.error ?? {};
    const box = $("problem");
    const kind = [status, error.type].filter(Boolean).join(" ") || "the stream broke off";
    box.replaceChildren(element("strong", "", kind), element("span", "", error.message ?? "No reason was given."));
    box.hidden = false;
    this.kind = kind;
    setState("failed", "failed");
  }

  /** Say below an answer that did not end as one does how it ended, for those who come back to it. */
  tellEnd(sent) {
    const state = $("state").dataset.state;
    const usual = ["", "end_turn", "stop_sequence"].includes(this.reason);
    const ending = { cancelled: "cancelled", failed: this.kind, complete: usual ? "" : this.reason }[state] ?? "";
    const aside = sent || this.demo ? "" : "no words: not sent along";
    const told = [ending, aside].filter(Boolean).join(" · ");
    if (told) this.turn.append(element("p", `ending ${state}`, told));
  }

  /** Have the turn go along with the next question, if both sides have words. */
  remember() {
    if (this.demo) return false;
    const content = [...this.blocks.values()].filter((block) => block.lane === "text" && block.text.trim())
      .map((block) => ({ type: "text", text: block.text }));
    if (content.length) turns.push({ role: "user", content: this.words }, { role: "assistant", content });
    else if (!$("prompt").value) $("prompt").value = this.words; // To be asked again.
    return content.length > 0;
  }

  finish() {
    this.end = performance.now() - this.begin;
    for (const block of this.blocks.values()) block.close();
    this.tellEnd(this.remember());
    this.speak("", true);
    say($("state").textContent);
    if (run === this) setBusy(false);
    draw();
  }
}

// Blocks

/** A piece of text that grows at its end: one text node, or one for each fragment. */
function grower(parent) {
  parent.classList.add("growing");
  const node = parent.appendChild(document.createTextNode(""));
  return (text) => node.appendData(clean(text));
}

function makeBlock(start, index) {
  const type = typeof start.type === "string" ? start.type : "unknown";
  if (type.endsWith("tool_use")) return makeCall(start, index);
  if (type === "text") {
    const paragraph = show(element("p", "said"));
    const add = grower(paragraph);
    if (start.text) add(start.text);
    let cited = 0;
    const cite = (citation) => {
      const mark = element("sup", "mark", `[${++cited}]`);
      mark.title = clean(citation.title ?? citation.document_title ?? citation.cited_text ?? "");
      paragraph.append(mark);
    };
    const close = () => paragraph.classList.remove("growing");
    return { lane: "text", text: typeof start.text === "string" ? start.text : "", add, cite, stop: close, close };
  }
  const thinking = type === "thinking";
  const details = show(element("details", "block"));
  details.open = thinking;
  details.append(element("summary", "", type));
  const body = details.appendChild(element("p", "said"));
  const add = grower(body);
  const first = thinking ? start.thinking : JSON.stringify(start.content ?? start, null, 1);
  if (first) add(first);
  const close = () => body.classList.remove("growing");
  return { lane: thinking ? "thinking" : "message", text: "", add, cite() {}, stop: close, close };
}

function makeCall(start, index) {
  const call = element("article", "call");
  call.dataset.state = "arriving";
  const title = call.appendChild(element("h3", "", `${start.name ?? start.type} `));
  const told = title.appendChild(element("span"));
  const body = call.appendChild(element("pre"));
  let fragments = 0;
  let text = "";
  const tell = () => { told.textContent = `#${index} ${fragments} fragment${fragments === 1 ? "" : "s"} · ${count(new Blob([text]).size)} B`; };
  tell();
  $("tools").querySelector(".empty")?.remove();
  if (![...run.blocks.values()].some((block) => block.lane === "tool")) call.classList.add("first");
  $("tools").append(call);
  return {
    lane: "tool",
    text: "",
    add(fragment) {
      if (!fragment) return;
      text += fragment;
      fragments += 1;
      told.textContent = `#${index} ${fragments} fragments`;
      body.append(element("span", fragments % 2 ? "" : "odd", fragment));
    },
    cite() {},
    stop() {
      tell();
      try { JSON.parse(text || "{}"); call.dataset.state = "whole"; } catch { call.dataset.state = "partial"; }
    },
    close() { if (call.dataset.state === "arriving") { call.dataset.state = "partial"; tell(); } },
  };
}

const left = new Set(); // the boxes whose reader has scrolled away from the end
const tops = new Map(); // where each box was scrolled to

for (const box of [$("answer"), $("tools")]) {
  box.addEventListener("scroll", () => {
    // What grows below leaves the place as it is: only a reader goes up.
    if (box.scrollTop < (tops.get(box) ?? 0)) left.add(box);
    else if (box.scrollHeight - box.scrollTop - box.clientHeight < 24) left.delete(box);
    tops.set(box, box.scrollTop);
  });
}

/** Show the ends of the boxes to those who read along. */
function follow() {
  for (const box of [$("answer"), $("tools")]) if (!left.has(box)) box.scrollTop = box.scrollHeight;
}

function show(made) {
  run.turn.append(made);
  return made;
}

function say(text) {
  const spoken = $("spoken");
  spoken.append(element("p", "", text));
  while (spoken.childElementCount > 20) spoken.firstChild.remove();
}

function setState(state, text) {
  const box = $("state");
  box.dataset.state = state;
  box.textContent = clean(text);
}

/** Buttons are not disabled but say so: one that has the focus would lose it. */
function setBusy(busy) {
  $("answer").setAttribute("aria-busy", String(busy));
  $("cancel").setAttribute("aria-disabled", String(!busy));
  for (const button of [$("send"), $("new"), ...$("demos").querySelectorAll("button")]) button.setAttribute("aria-disabled", String(busy));
}

// Counters and the strip

let drawing = false;

function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; draw(); });
}

function draw() {
  if (run === null) return drawNothing();
  const now = run.end ?? performance.now() - run.begin;
  const known = run.usage.output_tokens;
  const tokens = run.complete ? known : Math.max(known ?? 0, Math.round(run.characters / 4)) || undefined;
  const sign = run.complete ? "" : "~";
  const writing = run.first === null ? 0 : ((run.end === null ? now : run.lastContent) - run.first) / 1000;
  const shown = {
    first: run.first === null ? "–" : seconds(run.first),
    time: seconds(now),
    events: count(run.marks.length),
    bytes: count(run.size),
    in: run.usage.input_tokens === undefined ? "–" : count(run.usage.input_tokens),
    out: tokens === undefined ? "–" : sign + count(tokens),
    rate: tokens && writing > 0.05 ? sign + Math.round(tokens / writing) : "–",
    gap: run.gap ? seconds(run.gap) : "–",
  };
  for (const [name, text] of Object.entries(shown)) document.querySelector(`[data-counter="${name}"]`).textContent = text;
  follow();
  drawStrip(run.marks, now);
  if (run.end === null) setTimeout(drawSoon, 100);
}

function drawNothing() {
  for (const cell of document.querySelectorAll("[data-counter]")) cell.textContent = "–";
  drawStrip([], 0);
}

function drawStrip(marks, now) {
  const canvas = $("strip");
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const left = 66;
  const bottom = height - 16;
  const lane = bottom / LANES.length;
  const span = Math.max(now, 500);
  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  LANES.forEach((name, at) => {
    pen.fillStyle = color("--quiet");
    pen.fillText(name, 0, lane * (at + 0.5));
    pen.fillStyle = color("--line");
    pen.fillRect(left, Math.round(lane * (at + 1)) - 1, width - left, 1);
  });
  const step = [100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000, 900000].find((each) => span / each <= Math.max(2, (width - left) / 90)) ?? 3600000;
  for (let tick = 0; tick <= span; tick += step) {
    const x = left + (width - left - 44) * tick / span;
    pen.fillStyle = color("--quiet");
    pen.fillText(tick === 0 ? "0" : tick < 1000 ? `${tick} ms` : `${tick / 1000} s`, x, height - 7);
    pen.fillStyle = color("--line");
    pen.fillRect(Math.round(x), 0, 1, bottom);
  }
  const drawn = new Set();
  for (const [time, name] of marks) {
    const x = Math.round(left + (width - left - 44) * time / span);
    const place = `${x} ${name}`;
    if (drawn.has(place)) continue;
    drawn.add(place);
    const failed = name === "error";
    pen.fillStyle = color(failed ? "--bad" : `--${name}-lane`);
    const at = failed ? 0 : LANES.indexOf(name);
    pen.fillRect(x, lane * at + (failed ? 0 : 3), 2, failed ? bottom : lane - 6);
  }
  const lanes = LANES.map((name) => `${marks.filter((mark) => mark[1] === name).length} ${name}`);
  canvas.setAttribute("aria-label", `${marks.length} events in ${seconds(now)}: ${lanes.join(", ")}`);
}

// What the user does

const busy = () => run !== null && run.end === null;

/** Make room for another conversation. */
function startAnew() {
  turns = [];
  run = null;
  left.clear();
  tops.clear();
  $("answer").replaceChildren();
  $("tools").replaceChildren(element("p", "empty", "No tool call yet."));
  $("problem").hidden = true;
}

function ask(question, words, demo = false) {
  if (busy()) return;
  if (run === null || demo || run.demo) startAnew();
  left.clear();
  $("problem").hidden = true;
  $("spoken").replaceChildren();
  $("model-name").textContent = "";
  run = new Run(question, words, demo);
  run.turn.append(element("p", "said asked", words));
  $("answer").append(run.turn);
  setBusy(true);
  draw();
  run.read();
}

function askPrompt() {
  const prompt = $("prompt").value;
  if (busy() || !prompt.trim()) return;
  const before = run?.demo ? [] : turns;
  const question = { messages: [...before, { role: "user", content: prompt }] };
  for (const name of ["model", "system"]) if ($(name).value.trim()) question[name] = $(name).value.trim();
  $("prompt").value = "";
  ask(question, prompt);
}

$("ask").addEventListener("submit", (event) => { event.preventDefault(); askPrompt(); });
$("prompt").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  askPrompt();
});
$("new").addEventListener("click", () => {
  if (busy() || run === null) return;
  startAnew();
  $("answer").append(element("p", "empty", "A new conversation: nothing said before goes along."));
  setState("idle", "ready");
  $("model-name").textContent = "";
  $("new").setAttribute("aria-disabled", "true");
  draw();
  $("prompt").focus();
});
$("cancel").addEventListener("click", () => run?.stopped.abort());
document.addEventListener("keydown", (event) => { if (event.key === "Escape") run?.stopped.abort(); });
addEventListener("resize", drawSoon);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawSoon);

draw();
fetch("api/demos").then((response) => response.json()).then((site) => {
  $("note").textContent = site.note;
  $("model").placeholder = site.model;
  for (const demo of site.demos) {
    const button = element("button", "", demo.title);
    button.type = "button";
    button.dataset.demo = demo.name;
    button.setAttribute("aria-disabled", String(busy()));
    button.addEventListener("click", () => ask({ prompt: demo.prompt, model: `scenario:${demo.name}` }, demo.prompt, true));
    const item = element("li");
    item.append(button);
    $("demos").append(item);
  }
}).catch(() => { $("note").textContent = "The demos cannot be listed: is the server still running?"; });
