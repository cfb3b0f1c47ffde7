/**
 * A name server that answers whatever a test wants, over UDP: for what no real one does.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";

/** One question. */
export interface Question {
  readonly name: string;
  /** 1 is A, 28 is AAAA, 33 is SRV. */
  readonly type: number;
  readonly bytes: Buffer;
}

/** What is answered: datagrams, in order; none is silence. */
export type Answer = (question: Question) => readonly Buffer[];

/** A running responder. */
export interface Responder extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly questions: readonly Question[];
  answer: Answer;
}

/** Starts one. */
export async function responder(answer: Answer): Promise<Responder> {
  const socket = createSocket("udp4");
  const questions: Question[] = [];
  const self = { answer };
  socket.on("message", (bytes, { port, address }) => {
    const question = read(bytes);
    questions.push(question);
    for (const datagram of self.answer(question)) socket.send(datagram, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return Object.assign(self, {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  });
}

function read(bytes: Buffer): Question {
  const labels: string[] = [];
  let at = 12;
  while (bytes[at]! > 0) {
    labels.push(bytes.toString("latin1", at + 1, at + 1 + bytes[at]!));
    at += 1 + bytes[at]!;
  }
  return { name: labels.join("."), type: bytes.readUInt16BE(at + 1), bytes: bytes.subarray(0, at + 5) };
}

/** A reply of this code (0 is good, 2 SERVFAIL, 3 NXDOMAIN) with these records' data. */
export function reply(
  question: Question,
  code: number,
  records: readonly { ttl: number; data: Buffer }[] = [],
): Buffer {
  const head = Buffer.from(question.bytes);
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  const answers = records.map(({ ttl, data }) => {
    const record = Buffer.alloc(12);
    // A pointer to the question's name.
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(question.type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, ...answers]);
}
