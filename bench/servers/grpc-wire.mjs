// Two integers and their sum as Protocol Buffers, by hand: what a floor needs and no more.

/** The bytes of { 1: a, 2: b } as varints; numbers of up to 32 bits. */
export function pair(a, b) {
  const bytes = [];
  for (const [tag, value] of [
    [8, a],
    [16, b],
  ]) {
    if (value === 0) continue;
    bytes.push(tag);
    let rest = value;
    for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
    bytes.push(rest);
  }
  return Buffer.from(bytes);
}

/** The fields 1 and 2 of a message of varints. */
export function numbers(bytes, from = 0) {
  const read = [0, 0, 0];
  for (let at = from; at < bytes.length;) {
    const field = bytes[at++] >> 3;
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = bytes[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) break;
      shift += 7;
    }
    if (field < 3) read[field] = value;
  }
  return read;
}

/** A message with its prefix of five bytes. */
export function framed(message) {
  const frame = Buffer.allocUnsafe(5 + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}
