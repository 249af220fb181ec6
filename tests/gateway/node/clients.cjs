// What OpenAI's own client for Node sees of the gateway at $GATEWAY_URL, as JSON on stdout.
const { OpenAI } = require("openai");

const { GATEWAY_URL: baseURL, GATEWAY_KEY: apiKey, GATEWAY_MODEL: model } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Hello" }];
const ask = (fields) => client.chat.completions.create({ model, messages, max_tokens: 5, ...fields });

/** The error of a call that has to fail, as the client understands it. */
async function refusal(call) {
  try {
    await call;
  } catch (error) {
    const { name, status, code, type, param, requestID } = error;
    return { class: error.constructor.name, name, status, code, type, param, requestID };
  }
  throw new Error("it was not refused");
}

async function stream() {
  let text = "";
  let usage = null;
  for await (const chunk of await ask({ stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  return { text, usage };
}

/** A client that stops in the middle of its stream. */
async function abandoned(user) {
  let chunks = 0;
  for await (const _ of await ask({ stream: true, max_tokens: 100000, user })) {
    chunks += 1;
    if (chunks === 3) break;
  }
  return chunks;
}

async function response() {
  let text = "";
  const events = await client.responses.create({ model, input: "Hello", max_output_tokens: 5, stream: true });
  for await (const event of events) if (event.type === "response.output_text.delta") text += event.delta;
  return text;
}

async function all() {
  const models = [];
  for await (const listed of client.models.list()) models.push(listed.id);
  const stranger = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
  return {
    chat: await ask({}),
    stream: await stream(),
    abandoned: await abandoned(process.env.SLOW),
    tool: await ask({ user: process.env.TOOL }),
    response: await response(),
    models,
    model: (await client.models.retrieve(model)).id,
    missing: await refusal(ask({ model: "nobody's" })),
    engine: await refusal(ask({ user: process.env.REFUSE })),
    stranger: await refusal(stranger.models.list()),
  };
}

all().then((seen) => console.log(JSON.stringify(seen)));
