// The least of a language server's client: what an editor does when somebody types and waits for a completion.
import { spawn } from "node:child_process";

/** Starts a language server over its standard input and output. */
export function startServer(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ["pipe", "pipe", "ignore"] });
  const waiting = new Map();
  let [buffer, id] = [Buffer.alloc(0), 0];
  child.stdout.on("data", (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (let message = take(); message !== undefined; message = take()) receive(message);
  });

  function take() {
    const head = buffer.indexOf("\r\n\r\n");
    if (head === -1) return undefined;
    const length = Number(/Content-Length: (\d+)/i.exec(buffer.toString("latin1", 0, head))[1]);
    if (buffer.length < head + 4 + length) return undefined;
    const message = JSON.parse(buffer.toString("utf8", head + 4, head + 4 + length));
    buffer = buffer.subarray(head + 4 + length);
    return message;
  }

  function receive(message) {
    if (message.method !== undefined) {
      // What it asks of its editor (settings, file watchers) gets an empty answer; what it only tells, none.
      const result = message.method === "workspace/configuration" ? message.params.items.map(() => null) : null;
      if (message.id !== undefined) send({ id: message.id, result });
    } else {
      const { resolve, reject } = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) reject(new Error(message.error.message));
      else resolve(message.result);
    }
  }

  function send(message) {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  return {
    notify: (method, params) => send({ method, params }),
    request(method, params) {
      const own = ++id;
      send({ id: own, method, params });
      return new Promise((resolve, reject) => waiting.set(own, { resolve, reject }));
    },
    stop: () => child.kill(),
  };
}
