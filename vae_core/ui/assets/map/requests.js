// Asking our own server: bytes in, bytes out, and never more than is still wanted.

const PATIENCE = 30_000; // milliseconds until an answer is given up
const AT_HAND = 10_000; // of one that follows the hand

/** Where a map's data comes from: the model's routes, with the map as parameters. */
export class Routes {
  /** `identity`: of the map, whose points may be others under the same names; `ended`: a signal. */
  constructor({ api, model, map }, identity, ended) {
    this.base = `${api}/models/${encodeURIComponent(model)}`;
    this.map = map;
    this.key = JSON.stringify([identity, this.base, map]);
    this.ended = ended;
  }

  /** What the decoder draws at places `[[x, y], …]` of the map. */
  async decode(xy) {
    const options = {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/octet-stream" },
      body: JSON.stringify({ map: this.map, xy }),
      priority: "high",
    };
    const answer = await this.ask("decode", options, AT_HAND);
    return { ...pixels(answer), told: JSON.parse(answer.headers.get("X-Latents") ?? "[]") };
  }

  async terrain(kind, range, columns, rows) {
    return pixels(await this.get("terrain", { kind, ...range, columns, rows }));
  }

  async pictures(indices, what) {
    return pixels(await this.get("pictures", { indices: indices.join(","), what }));
  }

  async points(range, limit) {
    return parsed(await this.get("points", { ...range, limit }, "application/json"));
  }

  get(name, parameters, accept = "application/octet-stream") {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries({ ...this.map, ...parameters })) {
      if (value !== null && value !== undefined) query.set(key, value);
    }
    return this.ask(`${name}?${query}`, { headers: { Accept: accept } }, PATIENCE);
  }

  /** Headers and bytes of an answer. Throws Refused, or Stale where the map has ended. */
  async ask(path, options, patience) {
    const signal = AbortSignal.any([this.ended, AbortSignal.timeout(patience)]);
    let answer, bytes;
    try {
      answer = await fetch(`${this.base}/${path}`, { ...options, signal });
      bytes = await answer.arrayBuffer();
    } catch (error) {
      if (this.ended.aborted) throw new Stale();
      throw new Refused("The map's server does not answer.", { cause: error });
    }
    const type = answer.headers.get("Content-Type") ?? "";
    // A wrong address is answered by Streamlit with its page, and status 200.
    const wanted = options.headers.Accept;
    if (answer.ok && type.startsWith(wanted)) return { headers: answer.headers, bytes };
    const told = type.startsWith("application/json") ? parsed({ bytes }).detail : null;
    const status = `The map's server answered ${answer.status}.`;
    throw new Refused(typeof told === "string" ? told : status);
  }
}

/** What the server refuses, in its own words, or that it does not answer. */
export class Refused extends Error {}

/** Nobody waits for it any more: the map is no longer there. */
export class Stale extends Error {}

function parsed({ bytes }) {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Raw uint8, images of `rows` × `columns` × `channels`; `span`: of the values that colours mean. */
function pixels({ headers, bytes }) {
  const shape = headers.get("X-Shape").split(",").map(Number);
  const [rows, columns, channels] = shape.slice(-3);
  const span = headers.get("X-Range")?.split(",").map(Number);
  return { bytes: new Uint8Array(bytes), rows, columns, channels, span };
}

/** One request in flight, the newest next; what lies between is never asked for. */
export class Latest {
  constructor(work) {
    this.work = work;
    this.next = null;
    this.running = null;
  }

  /** Resolves once nothing is asked for any more. */
  ask(request) {
    this.next = request;
    this.running ??= this.run();
    return this.running;
  }

  forget() {
    this.next = null;
  }

  async run() {
    try {
      while (this.next !== null) {
        const request = this.next;
        this.next = null;
        await this.work(request);
      }
    } finally {
      this.running = null;
    }
  }
}
