// Asking our own server: bytes in, bytes out, and never more than is still wanted.

/** Where a map's data comes from: the model's routes, with the map as parameters. */
export class Routes {
  constructor({ api, model, map }) {
    this.base = `${api}/models/${encodeURIComponent(model)}`;
    this.map = map;
    this.key = JSON.stringify([this.base, map]);
  }

  /** What the decoder draws at places `[[x, y], …]` of the map. */
  async decode(xy, signal) {
    const answer = await ask(`${this.base}/decode`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/octet-stream" },
      body: JSON.stringify({ map: this.map, xy }),
      priority: "high",
      signal,
    });
    const told = JSON.parse(answer.headers.get("X-Latents") ?? "[]");
    return { ...(await pixels(answer)), told };
  }

  async terrain(kind, range, columns, rows, signal) {
    return pixels(await this.get("terrain", { kind, ...range, columns, rows }, signal));
  }

  async pictures(indices, what, signal) {
    return pixels(await this.get("pictures", { indices: indices.join(","), what }, signal));
  }

  async points(range, limit, signal) {
    const answer = await this.get("points", { ...range, limit }, signal, "application/json");
    return answer.json();
  }

  get(name, parameters, signal, accept = "application/octet-stream") {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries({ ...this.map, ...parameters })) {
      if (value !== null && value !== undefined) query.set(key, value);
    }
    return ask(`${this.base}/${name}?${query}`, { headers: { Accept: accept }, signal });
  }
}

/** What the server refuses, in its own words, or that it does not answer. */
export class Refused extends Error {}

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    throw new Refused("The map's server does not answer.", { cause: error });
  }
  const type = answer.headers.get("Content-Type") ?? "";
  // A wrong address is answered by Streamlit with its page, and status 200.
  const wanted = options.headers.Accept;
  if (answer.ok && type.startsWith(wanted)) return answer;
  const told = type.startsWith("application/json") ? (await answer.json()).detail : null;
  const status = `The map's server answered ${answer.status}.`;
  throw new Refused(typeof told === "string" ? told : status);
}

/** Raw uint8, images of `rows` × `columns` × `channels`; `span`: of the values that colours mean. */
async function pixels(answer) {
  const shape = answer.headers.get("X-Shape").split(",").map(Number);
  const [rows, columns, channels] = shape.slice(-3);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const span = answer.headers.get("X-Range")?.split(",").map(Number);
  return { bytes, rows, columns, channels, span };
}

/** One request in flight, the newest next; what lies between is never asked for. */
export class Latest {
  constructor(work) {
    this.work = work;
    this.next = null;
    this.busy = false;
  }

  ask(request) {
    this.next = request;
    if (!this.busy) this.run();
  }

  forget() {
    this.next = null;
  }

  async run() {
    this.busy = true;
    while (this.next !== null) {
      const request = this.next;
      this.next = null;
      await this.work(request);
    }
    this.busy = false;
  }
}
