// A line to the decoder: what is asked by messages is answered in 3 ms, and by fetch in 8.

const AGAIN = 5000; // milliseconds until a line that was lost is opened anew

export class Line {
  /** `ended`: a signal. */
  constructor(ended) {
    this.asked = []; // who waits for answers, which come in the order of the questions
    this.tried = -Infinity;
    ended.addEventListener("abort", () => this.socket?.close());
  }

  /** Whether there is a line to an address; where there is none, it is on its way. */
  reaches(address) {
    const isThere = this.socket?.url === address && this.socket.readyState <= WebSocket.OPEN;
    if (!isThere) this.open(address);
    return this.socket?.url === address && this.socket.readyState === WebSocket.OPEN;
  }

  open(address) {
    const now = performance.now();
    if (this.socket?.url === address && now - this.tried < AGAIN) return;
    this.socket?.close();
    this.tried = now;
    const socket = (this.socket = new WebSocket(address));
    socket.binaryType = "arraybuffer";
    const asked = (this.asked = []);
    socket.onmessage = ({ data }) => asked.shift()?.resolve(data);
    socket.onclose = () => {
      for (const { reject } of asked.splice(0)) reject(new Lost());
    };
  }

  /** Headers, status and bytes of an answer. Throws Lost, where the line ends before it. */
  async ask(question, patience) {
    const { socket, asked } = this;
    const answer = new Promise((resolve, reject) => asked.push({ resolve, reject }));
    socket.send(question);
    const timer = setTimeout(() => socket.close(), patience);
    const message = new Uint8Array(await answer.finally(() => clearTimeout(timer)));
    const end = message.indexOf(10);
    const { status, headers } = JSON.parse(new TextDecoder().decode(message.subarray(0, end)));
    return { status, headers: new Headers(headers), bytes: message.slice(end + 1).buffer };
  }
}

/** It may be asked in another way. */
export class Lost extends Error {}
