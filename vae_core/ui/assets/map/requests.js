// Asking our own server: bytes in, bytes out, and never more than is still wanted.

import { Lost } from "./line.js";

const PATIENCE = 30_000; // milliseconds until an answer is given up
const AT_HAND = 10_000; // of one that follows the hand

/** Where a map's data comes from: the model's routes, with the map as parameters. */
export class Routes {
  /** `identity`: of the map, whose points may be others under the same names; `ended`: a signal;
   * `line`: to the decoder, the quicker way. */
  constructor({ api, model, map }, identity, ended, line) {
    this.line = line;
    this.base = `${api}/models/${encodeURIComponent(model)}`;
    this.map = map;
    this.key = JSON.stringify([identity, this.base, map]);
    this.ended = ended;
  }

  /** What the decoder draws at places `[[x, y], …]` of the map. */
  async decode(xy) {
    const answer = await this.soon("decode", JSON.stringify({ map: this.map, xy }));
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

  /** An answer for the hand: by the line if there is one, else as any other. */
  async soon(name, body) {
    const address = new URL(`${this.base}/${name}`, document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    if (this.line.reaches(address.href)) {
      try {
        const answer = await this.line.ask(body, AT_HAND);
        return taken(answer, answer.status === 200);
      } catch (error) {
        if (this.ended.aborted) throw new Stale();
        if (!(error instanceof Lost)) throw error;
      }
    }
    const options = {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/octet-stream" },
      body,
      priority: "high",
    };
    return this.ask(name, options, AT_HAND);
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
    // A wrong address is answered by Streamlit with its page, and status 200.
    const { ok, status, headers } = answer;
    const isWanted = (headers.get("Content-Type") ?? "").startsWith(options.headers.Accept);
    return taken({ status, headers, bytes }, ok && isWanted);
  }
}

/** An answer that is good. Throws Refused for another, with what the server says of it. */
function taken({ status, headers, bytes }, isGood) {
  if (isGood) return { headers, bytes };
  const type = headers.get("Content-Type") ?? "";
  const told = type.startsWith("application/json") ? parsed({ bytes }).detail : null;
  throw new Refused(typeof told === "string" ? told : `The map's server answered ${status}.`);
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
