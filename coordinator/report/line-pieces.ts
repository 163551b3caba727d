// The pieces in which a report is sent: whole lines as UTF-8, neither many small pieces nor any that is large.

/**
 * A piece is full from so many bytes on. With the lines that fill it, and what is put around it on its way, it mostly has less than 128 KiB: the
 * buffers there grow to that, and would be twice as large for one byte more.
 */
export const pieceBytes = 112 * 1024;
/** Lines are encoded when there are so many units of text: fewer cost more calls, and more are copied by collections of garbage. */
const textUnits = 8 * 1024;
/** What a unit of a text can become in UTF-8. */
const unitBytesMax = 3;

/** Lines in full pieces, and a last one with the rest. Each is good until the next is asked for: their bytes are in one buffer. */
export function* linePieces(lines: Iterable<string>): Generator<Uint8Array> {
  let bytes = Buffer.allocUnsafeSlow(pieceBytes + textUnits * unitBytesMax);
  let length = 0;
  let text = '';
  for (const line of lines) {
    text += line;
    if (text.length < textUnits) continue;
    bytes = withRoom(bytes, length, text.length * unitBytesMax);
    length += bytes.write(text, length);
    text = '';
    if (length < pieceBytes) continue;
    yield bytes.subarray(0, length);
    length = 0;
  }
  bytes = withRoom(bytes, length, text.length * unitBytesMax);
  length += bytes.write(text, length);
  if (length > 0) yield bytes.subarray(0, length);
}

type Bytes = ReturnType<typeof Buffer.allocUnsafeSlow>;

/** A buffer with so many free bytes after those that are used: this one, or a larger one with the same in it. */
function withRoom(bytes: Bytes, used: number, free: number): Bytes {
  if (used + free <= bytes.length) return bytes;
  const larger = Buffer.allocUnsafeSlow((used + free) * 2);
  bytes.copy(larger, 0, 0, used);
  return larger;
}

/** The same bytes in their order, small pieces put together. Each is good until the next is asked for. */
export async function* putTogether(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(pieceBytes);
  let length = 0;
  for await (const piece of pieces) {
    if (length > 0 && length + piece.length > bytes.length) {
      yield bytes.subarray(0, length);
      length = 0;
    }
    if (piece.length > bytes.length) {
      yield piece;
      continue;
    }
    bytes.set(piece, length);
    length += piece.length;
  }
  if (length > 0) yield bytes.subarray(0, length);
}
